//! What this machine allows, in words.

use std::{env, fmt::Write, path::Path};

use anstyle::{AnsiColor, Style};

use crate::{
    build::{cargo::target_folder, host},
    failure::LabError,
    report::layout::fold,
    sandbox::{self, Probe},
    workspace,
};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Yellow.on_default().bold();

/// Something that the lab uses.
struct Item {
    name: &'static str,
    found: Result<(), LabError>,
    /// What it does for the lab.
    use_of_it: &'static str,
    /// What to do where it is missing; may be empty.
    advice: &'static str,
}

/// Tries everything that the lab needs. Returns what it found, and whether tests can run at all.
pub fn examine(width: usize) -> (String, bool) {
    let probe = sandbox::probe();
    let (needed, wanted) = (needed(&probe), wanted(&probe));
    let is_well = needed.iter().all(|item| item.found.is_ok());
    let mut text = String::new();
    for item in needed.iter().chain(&wanted) {
        item.write(&mut text, width);
    }
    let tier = format!("Tier {}.", probe.tier());
    let grading = format!("Grading: {}.", probe.containment());
    let _ = writeln!(text, "\n{}", fold(&tier, width, "", ""));
    let _ = writeln!(text, "{}", fold(&grading, width, "", ""));
    (text, is_well)
}

impl Item {
    fn write(&self, text: &mut String, width: usize) {
        let told = match &self.found {
            Ok(()) => format!("{}: {}", self.name, self.use_of_it),
            Err(error) => format!("{}: {error}", self.name),
        };
        let told = fold(&told, width - 5, "", "     ");
        let _ = match self.found {
            Ok(()) => writeln!(text, "{GOOD}yes{GOOD:#}  {told}"),
            Err(_) => writeln!(text, "{BAD}no{BAD:#}   {told}"),
        };
        if self.found.is_err() && !self.advice.is_empty() {
            let _ = writeln!(text, "{}", fold(self.advice, width, "     ", "     "));
        }
    }
}

/// Without these, no test runs.
fn needed(probe: &Probe) -> [Item; 4] {
    [
        Item {
            name: "the course",
            found: workspace::find().map(drop).map_err(LabError::from),
            use_of_it: "found",
            advice: "Run the checker in the folder of the course.",
        },
        Item {
            name: "cargo",
            found: host::answers("cargo", "is Rust installed? See https://rustup.rs"),
            use_of_it: "builds your programs",
            advice: "",
        },
        Item {
            name: "a linker",
            found: host::linker(),
            use_of_it: "links your programs",
            advice: "",
        },
        Item {
            name: "sock_diag",
            found: probe.sockets.clone(),
            use_of_it: "shows the states and queues of sockets",
            advice: "The kernel or the container forbids netlink sockets. Run the lab outside of this container.",
        },
    ]
}

/// Without these, less is checked, or less well.
fn wanted(probe: &Probe) -> [Item; 6] {
    let root = workspace::find();
    [
        Item {
            name: "disk space",
            found: room(root.as_deref().unwrap_or(Path::new("."))),
            use_of_it: "enough for a build",
            advice: "`cargo clean` frees what earlier builds have left in target/.",
        },
        Item {
            name: "nc or socat",
            found: some_in_path(&["nc", "socat"]),
            use_of_it: "talks to your programs when you try them by hand",
            advice: "`sudo apt install netcat-openbsd socat`. The examples of the exercises need them, no test does; see \
                     Annex A of course.md.",
        },
        Item {
            name: "ptrace",
            found: probe.tracing.clone(),
            use_of_it: "follows the system calls of your program, and lets one fail where a test wants it",
            advice: "`sudo sysctl kernel.yama.ptrace_scope=1` allows to trace one's own programs. Docker: `--cap-add \
                     SYS_PTRACE`, or `--security-opt seccomp=unconfined`. Without it, tests that need this say \"not \
                     checked here\".",
        },
        Item {
            name: "/proc/PID/syscall",
            found: probe.calls.clone(),
            use_of_it: "shows the call in which a program waits, so that one that hangs is recognised at once",
            advice: "Allow ptrace of one's own children: `sudo sysctl kernel.yama.ptrace_scope=1`. Without it, programs \
                     that hang are recognised after some seconds.",
        },
        Item {
            name: "namespaces",
            found: probe.namespaces.clone(),
            use_of_it: "give each test a network and processes of its own",
            advice: "Ubuntu 24.04: `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`. Docker: \
                     `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`. Without them, each test \
                     gets a loopback address of its own in this machine's network, and all tests work.",
        },
        Item {
            name: "Landlock",
            found: probe.landlock.clone().map(drop),
            use_of_it: "locks the programs of others in when they are graded",
            advice: "Linux 5.19 or later has it, with `landlock` in the kernel's list of security modules. Only `cargo \
                     teach grade` needs it.",
        },
    ]
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
