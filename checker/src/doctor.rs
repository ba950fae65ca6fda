//! What this machine allows, in words.

use std::{env, fmt::Write, path::Path};

use anstyle::{AnsiColor, Style};

use crate::{
    build::{cargo::target_folder, host},
    failure::LabError,
    report::layout::fold,
    sandbox, workspace,
};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Yellow.on_default().bold();

/// Tries everything that the lab needs. Returns what it found, and whether tests can run at all.
pub fn examine(width: usize) -> (String, bool) {
    let probe = sandbox::probe();
    let mut text = String::new();
    let cargo = host::answers("cargo", "is Rust installed? See https://rustup.rs");
    let linker = host::linker();
    let root = workspace::find();
    let disk = room(root.as_deref().unwrap_or(Path::new(".")));
    let course = root.map(drop).map_err(LabError::from);
    let landlock = probe.landlock.clone().map(drop);
    let by_hand = some_in_path(&["nc", "socat"]);
    let items: [(&str, &Result<(), LabError>, &str, &str); 10] = [
        (
            "the course",
            &course,
            "found",
            "Run the checker in the folder of the course.",
        ),
        ("cargo", &cargo, "builds your programs", ""),
        ("a linker", &linker, "links your programs", ""),
        (
            "disk space",
            &disk,
            "enough for a build",
            "`cargo clean` frees what earlier builds have left in target/.",
        ),
        (
            "nc or socat",
            &by_hand,
            "talks to your programs when you try them by hand",
            "`sudo apt install netcat-openbsd socat`. The examples of the exercises need them, no test does; see Annex A of \
             course.md.",
        ),
        (
            "sock_diag",
            &probe.sockets,
            "shows the states and queues of sockets",
            "The kernel or the container forbids netlink sockets. Run the lab outside of this container.",
        ),
        (
            "ptrace",
            &probe.tracing,
            "follows the system calls of your program, and lets one fail where a test wants it",
            "`sudo sysctl kernel.yama.ptrace_scope=1` allows to trace one's own programs. Docker: \
             `--cap-add SYS_PTRACE`, or `--security-opt seccomp=unconfined`. Without it, tests that need this say \
             \"not checked here\".",
        ),
        (
            "/proc/PID/syscall",
            &probe.calls,
            "shows the call in which a program waits, so that one that hangs is recognised at once",
            "Allow ptrace of one's own children: `sudo sysctl kernel.yama.ptrace_scope=1`. Without it, programs that \
             hang are recognised after some seconds.",
        ),
        (
            "namespaces",
            &probe.namespaces,
            "give each test a network and processes of its own",
            "Ubuntu 24.04: `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`. Docker: `--security-opt \
             seccomp=unconfined --security-opt apparmor=unconfined`. Without them, each test gets a loopback address \
             of its own in this machine's network, and all tests work.",
        ),
        (
            "Landlock",
            &landlock,
            "locks the programs of others in when they are graded",
            "Linux 5.19 or later has it, with `landlock` in the kernel's list of security modules. Only `checker grade` \
             needs it.",
        ),
    ];
    for (what, result, good, advice) in items {
        match result {
            Ok(()) => {
                let _ = writeln!(
                    text,
                    "{GOOD}yes{GOOD:#}  {}",
                    fold(&format!("{what}: {good}"), width - 5, "", "     ")
                );
            }
            Err(error) => {
                let _ = writeln!(
                    text,
                    "{BAD}no{BAD:#}   {}",
                    fold(&format!("{what}: {error}"), width - 5, "", "     ")
                );
                if !advice.is_empty() {
                    let _ = writeln!(text, "{}", fold(advice, width, "     ", "     "));
                }
            }
        }
    }
    let is_well = course.is_ok() && cargo.is_ok() && linker.is_ok() && probe.sockets.is_ok();
    let _ = writeln!(
        text,
        "\n{}",
        fold(&format!("Tier {}.", probe.tier()), width, "", "")
    );
    let fit = format!("Grading: {}.", probe.containment());
    let _ = writeln!(text, "{}", fold(&fit, width, "", ""));
    (text, is_well)
}

/// Whether at least one of these programs is installed.
fn some_in_path(programs: &[&str]) -> Result<(), LabError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &&str| env::split_paths(&path).any(|folder| folder.join(program).is_file());
    match programs.iter().any(is_there) {
        true => Ok(()),
        false => Err(LabError::new("neither is installed")),
    }
}

/// Whether a build finds room on the disk.
fn room(root: &Path) -> Result<(), LabError> {
    let free = host::free_space(&target_folder(root))?;
    if free >= host::NEEDED {
        return Ok(());
    }
    let (free, needed) = (free >> 20, host::NEEDED >> 20);
    Err(LabError::new(format!(
        "{free} MiB are free for target/; a build needs about {needed}"
    )))
}
