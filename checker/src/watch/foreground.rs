//! A command that has the terminal for itself: the trace of a program, and a pager.

use std::{
    io,
    os::fd::AsFd,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use harness::sys;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill},
    unistd::{Pid, read},
};

use super::{job::end_with_this_process, signals::LeftToAnother};
use crate::{
    failure::{Attempt, LabError},
    worker::Cancel,
};

/// Runs a command that has the terminal, until it has ended. Ctrl-C is its own, Ctrl-Z stops both.
///
/// # Errors
///
/// When it cannot be started.
pub(super) fn run(mut command: Command, cancel: &Cancel) -> Result<(), LabError> {
    const RUN: &str = "could not run a command of the lab";
    /// So long it may take when it is asked to end.
    const PATIENCE: Duration = Duration::from_secs(10);
    let _signals = LeftToAnother::begin()?;
    end_with_this_process(&mut command);
    let mut child = command.spawn().attempt(RUN)?;
    let pid = child.id().cast_signed();
    if let Ok(end) = sys::pidfd_open(pid, 0)
        && !wait_for(&end, Some(cancel), None).attempt(RUN)?
    {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let has_ended = wait_for(&end, None, Some(Instant::now() + PATIENCE));
        if !has_ended.attempt(RUN)? {
            let _ = child.kill();
        }
    }
    child.wait().attempt(RUN).map(drop)
}

/// Waits until it is readable; false if it was cancelled, or it is too late.
fn wait_for(
    file: impl AsFd,
    cancel: Option<&Cancel>,
    deadline: Option<Instant>,
) -> nix::Result<bool> {
    loop {
        let mut files = vec![PollFd::new(file.as_fd(), PollFlags::POLLIN)];
        files.extend(cancel.map(|cancel| PollFd::new(cancel.as_fd(), PollFlags::POLLIN)));
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let most = left.map_or(Ok(PollTimeout::NONE), PollTimeout::try_from);
        match poll(&mut files, most.unwrap_or(PollTimeout::ZERO)) {
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
            Ok(_) => return Ok(files[0].any().unwrap_or(false)),
        }
    }
}

/// Reads a line that the user types; `None` if there will be none.
///
/// # Errors
///
/// When the kernel refuses to wait.
pub(super) fn read_line(cancel: &Cancel) -> Result<Option<String>, LabError> {
    const READ: &str = "could not read a line from the terminal";
    if !wait_for(io::stdin(), Some(cancel), None).attempt(READ)? {
        return Ok(None);
    }
    // A terminal gives a whole line.
    let mut line = vec![0; 4096];
    let count = read(io::stdin(), &mut line).unwrap_or(0);
    let line = String::from_utf8_lossy(&line[..count]);
    Ok((count > 0).then(|| line.trim().to_owned()))
}

/// The command that traces a program. The shell takes its arguments apart, and may give it input from elsewhere.
pub(super) fn trace(root: &Path, exercise: &str, arguments: &str) -> Command {
    let this = format!("/proc/{}/exe", std::process::id());
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("exec \"$0\" trace \"$1\" -- {arguments}"))
        .args([&this, exercise])
        .current_dir(root);
    shell
}

/// The arguments with which a README's example session runs a program first: `127.0.0.1:0`.
pub(super) fn example(readme: &str, package: &str) -> String {
    let command = format!("cargo run -q -p {package} ");
    let Some((_, rest)) = readme.split_once(&command) else {
        return String::new();
    };
    let end = rest.find(['\n', ';', '|', '>', '<']);
    let arguments = rest[..end.unwrap_or(rest.len())].trim();
    arguments.trim_start_matches("--").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::example;

    #[test]
    fn the_arguments_are_those_of_the_first_example() {
        for (line, found) in [
            (
                "$ cargo run -q -p name 127.0.0.1:0\nlistening",
                "127.0.0.1:0",
            ),
            (
                "$ echo x | cargo run -q -p name -- -a /tmp/x; echo $?\n",
                "-a /tmp/x",
            ),
            ("$ cargo run -q -p name2 7\n", ""),
            (
                "$ cargo run -q -p name -- 1 sh -c 'exit 7'; echo",
                "1 sh -c 'exit 7'",
            ),
        ] {
            assert_eq!(example(line, "name"), found, "{line}");
        }
    }
}
