//! A check at every save, at a terminal and without one.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use checker::{observe::processes, report::layout::plain, syllabus};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{self, Course, MACHINE, skipped::skipped, terminal::AtTerminal};

const FIRST: &str = "day1_1_file_copy";
const SOURCE: &str = "exercises/day1_1_file_copy/src/main.rs";
const SILENT: &str = "fn main() {}\n";
/// It is known to be wrong only after some seconds.
const BUSY: &str = "fn main() { loop {} }\n";
/// The last key of the line.
const KEYS: &str = "q\x1b[0m \x1b[2mquit\x1b[0m";
/// In the last line but one of a report.
const REPORTED: &str = ", seed ";
/// With it a check begins.
const CLEAR: &str = "\x1b[2J";

fn watch(course: &Course, arguments: &[&str]) -> AtTerminal {
    let mut command = course.checker_command();
    command.arg("watch").args(arguments);
    AtTerminal::start(command)
}

fn pid(child: &Child) -> i32 {
    child.id().cast_signed()
}

/// The processes below this one.
fn below(pid: i32) -> Vec<i32> {
    processes::descendants(pid).into_keys().collect()
}

/// Waits until the program of the student runs.
fn wait_for_program(pid: i32) {
    let is_program = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let first = line.split(|&byte| byte == 0).next().unwrap_or_default();
        first.ends_with(FIRST.as_bytes())
    };
    support::wait_until("the program runs", Duration::from_secs(60), || {
        below(pid).iter().any(is_program)
    });
}

fn wait_until_gone(pids: &[i32]) {
    support::wait_until("all have ended", Duration::from_secs(20), || {
        let is_there = |pid: &i32| Path::new(&format!("/proc/{pid}")).exists();
        !pids.iter().any(is_there)
    });
}

#[test]
fn every_way_to_save_is_a_save_and_many_at_once_are_one() {
    let course = Course::copy_of(&[FIRST]);
    let mut user = watch(&course, &[FIRST]);
    let report = user.until(KEYS);
    assert!(report.contains(REPORTED), "{report}");
    course.write(SOURCE, SILENT);
    assert!(user.until(KEYS).contains(REPORTED));
    // The same again says nothing new.
    course.write(SOURCE, SILENT);
    let said = user.until(KEYS);
    assert!(said.contains("Saved without a change"), "{said}");
    assert!(!said.contains(REPORTED), "{said}");
    // Into another file, which takes the name. It comes from where nobody watches.
    let path = course.root().join(SOURCE);
    let new = course.root().join("new");
    fs::write(&new, "fn main() { println!(\"1\") }\n").unwrap();
    fs::rename(&new, &path).unwrap();
    assert!(user.until(KEYS).contains(REPORTED));
    // Away, and back.
    fs::remove_file(&path).unwrap();
    let said = user.until(KEYS);
    assert!(said.contains("main.rs is not there"), "{said}");
    course.write(SOURCE, SILENT);
    assert!(user.until(KEYS).contains(REPORTED));
    // The whole folder.
    let folder = path.parent().unwrap();
    fs::rename(folder, folder.with_file_name("old")).unwrap();
    fs::create_dir(folder).unwrap();
    course.write(SOURCE, "fn main() { println!(\"2\") }\n");
    assert!(user.until(REPORTED).contains("\x1b[2J"));
    user.until(KEYS);
    // Many saves: what was begun in between came to no report.
    for round in 0..30 {
        course.write(SOURCE, &format!("fn main() {{ println!(\"{round}\") }}\n"));
    }
    user.until(REPORTED);
    user.until(KEYS);
    user.press("l");
    let rest = user.until(KEYS);
    assert!(!rest.contains(REPORTED), "{rest}");
    user.press("q");
    assert_eq!(user.end().0.code(), Some(0));
}

#[test]
fn a_check_that_still_runs_at_the_next_save_is_ended_and_begun_anew() {
    let course = Course::copy_of(&[FIRST]);
    course.write(SOURCE, BUSY);
    let mut user = watch(&course, &[FIRST]);
    let own = pid(&user.child);
    wait_for_program(own);
    let old = below(own);
    course.write(SOURCE, SILENT);
    user.until("\x1b[2J");
    let report = user.until(KEYS);
    assert_eq!(report.matches(REPORTED).count(), 1, "{report}");
    assert!(
        report.contains("exit status 0") || report.contains("is not there"),
        "{report}"
    );
    wait_until_gone(&old);
    assert!(below(own).is_empty());
    user.press("q");
    assert_eq!(user.end().0.code(), Some(0));
}

#[test]
fn each_key_does_what_it_says() {
    let course = Course::copy_of(&[FIRST, "day1_2_endianness"]);
    let mut user = watch(&course, &[]);
    let first = user.until(KEYS);
    assert!(!user.is_as_before());
    let exercise = syllabus::find(FIRST).unwrap();
    let report = plain(&first);
    assert!(!report.contains("cargo lab hint"), "{report}");
    assert!(report.contains("the key h"), "{report}");
    user.press("h");
    let hint = plain(&user.until(KEYS));
    assert!(hint.contains("1. ") && hint.contains('?'), "{hint}");
    assert!(hint.contains("the key h goes on, 2 more"), "{hint}");
    user.press("h");
    let second = plain(&user.until(KEYS));
    assert!(second.contains("2. The contract says: "), "{second}");
    assert!(!second.contains("1. "), "{second}");
    // What the report says already is not said again.
    user.press("h");
    let third = plain(&user.until(KEYS));
    for step in [&hint, &second, &third] {
        let words = step.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!words.contains(exercise.first_step), "{words}");
        assert!(!words.contains(exercise.tests[0].read), "{words}");
    }
    // All are shown once more where there is no other.
    user.press("h");
    let all = plain(&user.until(KEYS));
    assert!(all.contains("1. ") && all.contains("3. "), "{all}");
    user.press("l");
    let list = plain(&user.until(KEYS));
    assert!(list.contains(exercise.tests[1].name), "{list}");
    user.press("a");
    let all = user.until(KEYS);
    assert!(all.lines().count() > first.lines().count(), "{all}");
    user.press("n");
    let next = plain(&user.until(KEYS));
    assert!(next.contains("day1_2_endianness"), "{next}");
    course.write("exercises/day1_2_endianness/src/main.rs", SILENT);
    assert!(user.until(KEYS).contains(REPORTED));
    // An arrow begins with Escape, and holds letters.
    user.press("\x1b[A");
    user.until(KEYS);
    user.press("r");
    assert!(plain(&user.until(KEYS)).contains("again? What you have written is kept."));
    user.press("x");
    user.until(KEYS);
    user.press("q");
    assert_eq!(user.end().0.code(), Some(0));
    assert!(user.is_as_before());
    assert_eq!(
        fs::read_to_string(
            course
                .root()
                .join("exercises/day1_2_endianness/src/main.rs")
        )
        .unwrap(),
        SILENT
    );
}

/// A terminal shows the last 24 lines.
#[test]
fn the_end_of_a_long_report_says_what_has_failed() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    // Several lines of its own make the explanation long.
    course.write(
        "exercises/day2_2_echo_server/src/main.rs",
        "fn main() { for line in 0..30 { println!(\"{line}\") } }\n",
    );
    let first = syllabus::find("day2_2_echo_server").unwrap().tests[0].name;
    let mut user = watch(&course, &["day2_2"]);
    let report = plain(&user.until(KEYS));
    let lines: Vec<&str> = report.lines().collect();
    let seen = &lines[lines.len() - 24..];
    // Where others take long, this failure is shown before they end, and named once more behind them.
    let at = seen.iter().rposition(|line| line.contains("FAIL  "));
    let at = at.unwrap_or_else(|| panic!("{seen:#?}"));
    assert!(seen[at].contains(first), "{seen:#?}");
    let hint = seen.iter().position(|line| line.contains("   hint   "));
    assert!(hint.is_some_and(|hint| hint > at + 1), "{seen:#?}");
    // A file has it once.
    let file = crate::printed(&course, &["day2_2"], 1);
    assert_eq!(file.matches(first).count(), 2, "{file}");
    user.press("q");
    user.end();
}

#[test]
fn what_is_left_unfinished_is_named_and_one_key_leads_back() {
    let course = Course::copy_of(&[FIRST, "day1_2_endianness"]);
    let mut user = watch(&course, &[]);
    user.until(KEYS);
    user.press("p");
    let said = plain(&user.until(KEYS));
    assert!(said.contains("This is the first exercise."), "{said}");
    user.press("n");
    let next = plain(&user.until(KEYS));
    assert!(next.contains(REPORTED), "{next}");
    let left = format!("{FIRST} stays unfinished, with 0 of ");
    assert!(next.contains(&left), "{next}");
    user.press("p");
    let back = plain(&user.until(KEYS));
    assert!(back.contains(REPORTED) && back.contains("copy"), "{back}");
    assert!(
        back.contains("day1_2_endianness stays unfinished"),
        "{back}"
    );
    // What is saved there is checked.
    course.write(SOURCE, SILENT);
    assert!(user.until(KEYS).contains(REPORTED));
    user.press("q");
    user.end();
}

#[test]
fn a_pager_has_the_terminal_as_it_was() {
    let course = Course::copy_of(&[FIRST]);
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../course.md");
    fs::copy(real, course.root().join("course.md")).unwrap();
    let mut command = course.checker_command();
    command
        .args(["watch", FIRST])
        .env("PAGER", "stty -a < /dev/tty; true");
    let mut user = AtTerminal::start(command);
    user.until(KEYS);
    user.press("c");
    let said = user.until(KEYS);
    assert!(
        said.contains(" icanon") && said.contains(" echo "),
        "{said}"
    );
    assert!(!user.is_as_before());
    user.press("q");
    user.end();
}

#[test]
fn a_save_beside_an_open_chapter_is_checked_when_it_is_closed() {
    let course = Course::copy_of(&[FIRST]);
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../course.md");
    fs::copy(real, course.root().join("course.md")).unwrap();
    fs::write(course.root().join("new"), SILENT).unwrap();
    let mut command = course.checker_command();
    command
        .args(["watch", FIRST])
        .env("PAGER", format!("cp new {SOURCE}; true"));
    let mut user = AtTerminal::start(command);
    user.until(KEYS);
    user.press("c");
    let said = user.until("\x1b[2J");
    assert!(said.contains("A save is checked when"), "{said}");
    let said = user.until(KEYS);
    assert!(said.contains(REPORTED), "{said}");
    assert!(said.contains("You have saved meanwhile"), "{said}");
    // It is the same program from then on.
    user.press("c");
    user.until("Saved without a change");
    user.press("q");
    user.end();
}

#[test]
fn another_width_folds_the_keys_anew() {
    let course = Course::copy_of(&[FIRST]);
    let mut user = watch(&course, &[FIRST]);
    assert!(plain(&user.until(KEYS)).contains("t trace  c chapter"));
    user.resize(40);
    let keys = plain(&user.until(KEYS));
    assert!(keys.contains("t trace\r\nc chapter"), "{keys:?}");
    user.press("q");
    user.end();
}

#[test]
fn ctrl_c_ends_the_check_and_leaves_the_terminal_as_it_was() {
    let course = Course::copy_of(&[FIRST]);
    course.write(SOURCE, BUSY);
    for signal in [None, Some(Signal::SIGTERM)] {
        let mut user = watch(&course, &[FIRST]);
        let own = pid(&user.child);
        user.until(CLEAR);
        if signal.is_none() {
            // The check that explains all.
            user.press("a");
            user.until(CLEAR);
        }
        wait_for_program(own);
        assert!(!user.is_as_before());
        let running = below(own);
        match signal {
            None => user.press("\x03"),
            Some(signal) => kill(Pid::from_raw(own), signal).unwrap(),
        }
        let (status, said) = user.end();
        assert_eq!(status.code(), Some(130), "{signal:?}");
        assert!(said.contains("Interrupted."), "{signal:?}: {said}");
        assert!(user.is_as_before());
        wait_until_gone(&running);
    }
}

#[test]
fn an_interrupted_check_tells_what_is_known_by_then() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    // It fails most tests at once. One that gives it no address waits for its end.
    course.write(
        "exercises/day2_2_echo_server/src/main.rs",
        "fn main() { println!(\"nonsense\"); std::thread::sleep(std::time::Duration::from_secs(3600)) }\n",
    );
    let mut user = watch(&course, &["day2_2"]);
    let said = user.until("The other tests still run.");
    assert!(!said.contains("Ctrl-C"), "{said}");
    user.press("\x03");
    let (status, said) = user.end();
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("not finished, seed "), "{said}");
    assert!(said.contains("Interrupted."), "{said}");
}

#[test]
fn the_arguments_of_a_trace_are_read_by_a_shell_and_the_prompt_says_so() {
    if let Err(why) = &MACHINE.tracing {
        return skipped(format_args!("the trace: {why}"));
    }
    let course = Course::copy_of(&[FIRST]);
    course.write(
        SOURCE,
        "fn main() { for word in std::env::args().skip(1) { println!(\"[{word}]\") } }\n",
    );
    let mut user = watch(&course, &[FIRST]);
    user.until(KEYS);
    user.press("t");
    let said = user.until("Enter alone takes:");
    assert!(said.contains("as you type them in a shell"), "{said}");
    user.press("'two words' < /dev/null\n");
    user.until("[two words]");
    user.until(KEYS);
    user.press("q");
    user.end();
}

#[test]
fn a_killed_session_takes_its_check_with_it() {
    let course = Course::copy_of(&[FIRST]);
    course.write(SOURCE, BUSY);
    let mut user = watch(&course, &[FIRST]);
    let own = pid(&user.child);
    wait_for_program(own);
    let running = below(own);
    user.child.kill().unwrap();
    wait_until_gone(&running);
}

#[test]
fn a_dumb_terminal_gets_lines_and_has_keys() {
    let course = Course::copy_of(&[FIRST]);
    let mut command = course.checker_command();
    command.args(["watch", FIRST]).env("TERM", "dumb");
    let mut user = AtTerminal::start(command);
    let mut said = user.until("q quit\r\n");
    course.write(SOURCE, SILENT);
    said += &user.until("q quit\r\n");
    assert_eq!(said.matches(REPORTED).count(), 2, "{said}");
    user.press("q");
    let (status, rest) = user.end();
    assert_eq!(status.code(), Some(0));
    assert!(!(said + &rest).contains('\x1b'));
}

/// The lines of a session that has no terminal. A test that fails ends it.
struct Piped {
    child: Child,
    lines: Receiver<String>,
}

impl Piped {
    fn start(course: &Course) -> Piped {
        let mut command = course.checker_command();
        command.args(["watch", FIRST]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (to_test, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = stdout.lines().map_while(Result::ok);
            lines.all(|line| to_test.send(line).is_ok())
        });
        Piped { child, lines }
    }

    /// Everything up to the line with this text.
    #[track_caller]
    fn until(&self, text: &str) -> String {
        let mut said = String::new();
        while !said.contains(text) {
            let line = self.lines.recv_timeout(Duration::from_secs(120));
            let line = line.unwrap_or_else(|error| panic!("no {text:?}: {error}: {said}"));
            said += &format!("{line}\n");
        }
        said
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn without_a_terminal_there_are_reports_and_no_keys() {
    let course = Course::copy_of(&[FIRST]);
    let mut user = Piped::start(&course);
    let said = user.until(REPORTED);
    assert!(said.contains("so there are no keys;"), "{said}");
    course.write(SOURCE, SILENT);
    let said = user.until(REPORTED);
    assert!(said.contains(&format!("== {FIRST}")), "{said}");
    kill(Pid::from_raw(pid(&user.child)), Signal::SIGINT).unwrap();
    assert_eq!(user.child.wait().unwrap().code(), Some(130));
}

#[test]
fn the_end_of_a_pipe_ends_it() {
    let course = Course::copy_of(&[FIRST]);
    let mut command = course.checker();
    // It has an end, and nothing before it.
    let output = command.args(["watch", FIRST]).write_stdin("").output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("end of input"), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}
