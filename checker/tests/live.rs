//! A run in a terminal while it goes on: what is shown before its end, and what is left of it when it ends early.

mod support;

use std::{
    fs::File,
    io::{ErrorKind, Read},
    os::fd::OwnedFd,
    process::{Child, Command, ExitStatus, Stdio},
};

use harness::sys;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use support::Course;

/// A command whose standard output is a terminal.
struct Session {
    terminal: File,
    child: Child,
    shown: String,
}

impl Session {
    fn start(command: &mut Command) -> Session {
        let (terminal, output): (OwnedFd, OwnedFd) = sys::raw_terminal().unwrap();
        let size = Command::new("stty")
            .args(["rows", "24", "cols", "80"])
            .stdin(output.try_clone().unwrap())
            .status();
        assert!(size.unwrap().success());
        let child = command
            .env("TERM", "xterm")
            .stdin(output.try_clone().unwrap())
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The command holds the other end, too.
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Session {
            terminal: terminal.into(),
            child,
            shown: String::new(),
        }
    }

    /// Reads until a text has come; false if the output ends before.
    fn see(&mut self, text: &str) -> bool {
        let mut buffer = [0; 4096];
        while !self.shown.contains(text) {
            match self.terminal.read(&mut buffer) {
                // EIO: nobody has the other end any more (pty(7)).
                Ok(0) => return false,
                Err(error) if error.raw_os_error() == Some(libc::EIO) => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => panic!("{error}"),
                Ok(count) => self.shown += &String::from_utf8_lossy(&buffer[..count]),
            }
        }
        true
    }

    /// All that it shows until its end, and its status.
    fn end(mut self) -> (String, ExitStatus) {
        assert!(!self.see("\0"));
        (self.shown, self.child.wait().unwrap())
    }
}

/// Fails most tests of the echo server at once. One that gives it no address waits for its end.
const FAILS_AND_STAYS: &str = "echo nonsense; exec sleep 3600";

#[test]
fn the_first_failure_is_shown_while_others_run_and_ctrl_c_keeps_what_is_known() {
    let course = Course::real();
    let program = course.script(FAILS_AND_STAYS);
    let mut command = course.checker_command();
    command.args(["day2_2", "--program"]).arg(&program);
    let mut session = Session::start(&mut command);
    assert!(
        session.see("The other tests still run."),
        "{}",
        session.shown
    );
    assert!(session.shown.contains("hint   "), "{}", session.shown);
    let checker = session.child.id().cast_signed();
    kill(Pid::from_raw(checker), Signal::SIGINT).unwrap();
    let (shown, status) = session.end();
    assert_eq!(status.code(), Some(130), "{shown}");
    assert!(
        shown.contains("more fail in the same way as the one above:"),
        "{shown}"
    );
    assert!(shown.contains("not finished, seed "), "{shown}");
    // The hint comes once more, at the end.
    assert_eq!(shown.matches("hint   ").count(), 2, "{shown}");
    assert_eq!(support::processes_of(&program), 0);
}

#[test]
fn a_run_that_is_to_fail_fast_ends_with_the_first_failure() {
    let course = Course::real();
    let all = checker::syllabus::find("day2_2_echo_server").unwrap().tests;
    for format in ["--format=human", "--format=json"] {
        let output = course
            .checker()
            .args(["day2_2", "--fail-fast", "--jobs=1", "--program=/bin/false"])
            .arg(format)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(all[0].name), "{text}");
        assert!(!text.contains(all[all.len() - 1].name), "{text}");
        assert_eq!(
            text.contains("tests were not finished"),
            format == "--format=human"
        );
    }
}

#[test]
fn what_passes_is_compared_with_the_last_run() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    let path = "exercises/day2_2_echo_server/src/main.rs";
    let starter = std::fs::read_to_string(course.root().join(path)).unwrap();
    let first = checker::syllabus::find("day2_2_echo_server").unwrap().tests[0].name;
    let run = |source: &str| {
        course.write(path, source);
        let output = course.checker().args(["day2_2", "--only", first]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let solution = include_str!("../../solutions/day2_2_echo_server/src/main.rs");
    let report = run(&starter);
    assert!(!report.contains("than before"), "{report}");
    let report = run(solution);
    assert!(report.contains("1 more passes than before"), "{report}");
    let report = run(solution);
    assert!(!report.contains("than before"), "{report}");
    let report = run(&starter);
    assert!(report.contains("1 fewer passes than before"), "{report}");
}

#[test]
fn a_report_that_is_longer_than_the_terminal_goes_to_the_pager_if_one_is_wanted() {
    let course = Course::real();
    let shown = |arguments: &[&str], pager: &str| {
        let mut command = course.checker_command();
        command.env("PAGER", pager).args(arguments);
        command.args(["day2_2", "--program=/bin/false"]);
        Session::start(&mut command).end()
    };
    let (text, status) = shown(&["--pager"], "tr a-z A-Z");
    assert_eq!(status.code(), Some(1));
    assert!(
        text.contains("NOT YET") && !text.contains("not yet"),
        "{text}"
    );
    // A pager that is not there loses nothing.
    let (text, _) = shown(&["--pager"], "no-such-pager");
    assert!(text.contains("not yet"), "{text}");
    for arguments in [&[][..], &["--pager", "--feedback=score"]] {
        let (text, _) = shown(arguments, "tr a-z A-Z");
        assert!(text.contains("not yet"), "{text}");
    }
}
