//! What a failure of a hidden test holds: the evidence of the moment at which it was made, and the call that it is about;
//! and which process a word about a frozen one means; and how long a program may sleep.
//!
//! A file of its own, because a context makes its process the worker of a test.

mod support;

use std::{fs, io, os::fd::OwnedFd, rc::Rc, time::Duration};

use checker::{
    failure::{Checked, Diagnosis, Failure, Stop},
    lab::{FdKind, Lab, Mark, Reputation, TestContext},
    observe::{
        calls::Call,
        tracer::{self, Record},
    },
    sandbox::{Isolation, Sandbox, Tracing},
};
use support::{compiler::compile_c, skipped::skipped};

const PROGRAM: &str = r#"
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
static int two_children(void) {
    char byte;
    read(0, &byte, 1);
    for (int n = 0; n < 2; n++)
        if (fork() == 0) _exit(write(1, "child\n", 6) != 6);
    while (wait(NULL) > 0) puts("collected"), fflush(stdout);
    return 0;
}
int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "nap") == 0) return sleep(2);
    if (argc > 1) return two_children();
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char byte;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bind(fd, (struct sockaddr *)&any, sizeof any);
    listen(fd, 1);
    while (read(0, &byte, 1) == 1) printf("%c\n", byte), fflush(stdout);
    return 3;
}
"#;

fn context(tracing: Tracing, lifeline: Option<OwnedFd>) -> Rc<TestContext> {
    let sandbox = Sandbox::enter(Isolation::Shared).unwrap();
    let source = sandbox.folder().join("program.c");
    let program = sandbox.folder().join("program");
    fs::write(&source, PROGRAM).unwrap();
    compile_c(&source, &program);
    TestContext::new(sandbox, program, tracing, 1, lifeline)
}

fn failure(result: Checked) -> Failure {
    match result {
        Err(Stop::Failed(failure)) => *failure,
        other => panic!("{other:?}"),
    }
}

/// A pipe whose writer is gone.
fn hung_up() -> OwnedFd {
    io::pipe().unwrap().0.into()
}

/// One test for all, because there is one sandbox in a process at a time.
#[test]
fn a_context_in_this_process() {
    // As in the shell of a CI system: that standard input has hung up means nothing.
    nix::unistd::dup2_stdin(hung_up()).unwrap();
    nothing_waits_when_the_lifeline_has_hung_up();
    a_failure_holds_the_evidence_of_its_moment();
    a_failure_marks_the_call_that_it_is_about();
    a_frozen_process_is_ended_alone();
    a_program_sleeps_as_long_as_the_story_allows();
}

fn a_program_sleeps_as_long_as_the_story_allows() {
    let naps_with = |limit: Duration| {
        let context = context(Tracing::Off, None);
        context.expect(Reputation {
            naps: true,
            ..Reputation::default()
        });
        let lab = Lab::new(context.clone());
        lab.allow_naps(limit);
        let result = lab.start(&["nap"]).unwrap().expect_exit(0);
        context.end().unwrap();
        result
    };
    let failed = failure(naps_with(Duration::ZERO));
    assert_eq!(failed.diagnosis, Diagnosis::TimedOut);
    naps_with(Duration::from_secs(2)).unwrap();
}

fn nothing_waits_when_the_lifeline_has_hung_up() {
    let context = context(Tracing::Off, Some(hung_up()));
    let program = Lab::new(context.clone()).start(&[]).unwrap();
    let result = program.expect_exit(0);
    assert!(matches!(result, Err(Stop::Broken(_))), "{result:?}");
    context.end().unwrap();
}

fn a_failure_holds_the_evidence_of_its_moment() {
    let context = context(Tracing::Off, None);
    let lab = Lab::new(context.clone());
    let program = lab.start(&[]).unwrap();
    program.stdin().feed("a");
    let wrong = failure(program.stdout().expect_line("b"));
    // The story goes on, the program says more and ends, and another one is started.
    program.stdin().feed("c");
    program.stdout().expect_line("c").unwrap();
    program.stdin().close();
    program.expect_exit(3).unwrap();
    lab.start(&[]).unwrap();
    let evidence = wrong.evidence;
    let last = evidence.steps.last().map(String::as_str);
    assert_eq!(last, Some("expect the line \"b\" on its standard output"));
    assert_eq!((evidence.stdout.as_str(), evidence.ending), ("a\n", None));
    let [main] = &evidence.processes[..] else {
        panic!("{:?}", evidence.processes);
    };
    assert!(main.is_main, "{main:?}");
    context.end().unwrap();
}

fn a_failure_marks_the_call_that_it_is_about() {
    if let Err(why) = tracer::probe() {
        return skipped(why);
    }
    let context = context(Tracing::On, None);
    let program = Lab::new(context.clone()).start(&[]).unwrap();
    program.stdin().wait_until_read().unwrap();
    let calls = program.calls();
    calls
        .expect_none("connect", Call::Connect, |_| true)
        .unwrap();
    let other_backlog = |call: &Record| call.numbers[1] == 2;
    calls
        .expect_none("listen(…, 2)", Call::Listen, other_backlog)
        .unwrap();
    let forbidden = failure(calls.expect_none("listen", Call::Listen, |_| true));
    assert_eq!(forbidden.diagnosis, Diagnosis::CallForbidden);
    let marked = forbidden.evidence.calls.into_iter();
    let marked: Vec<String> = marked
        .filter(|call| call.mark == Some(Mark::Guilty))
        .map(|call| call.text)
        .collect();
    assert_eq!(marked, ["listen(3, 1) = 0"]);
    context.end().unwrap();
}

fn a_frozen_process_is_ended_alone() {
    if let Err(why) = tracer::probe() {
        return skipped(why);
    }
    let context = context(Tracing::On, None);
    let lab = Lab::new(context.clone());
    let program = lab.start(&["children"]).unwrap();
    program.stdin().wait_until_read().unwrap();
    let print = Call::Write.on(FdKind::Stdout).by_a_child();
    let signals = program.signals();
    let second = signals.freeze_before_second(print).unwrap();
    let first = signals.freeze_before(print).unwrap();
    program.stdin().feed("a");
    // Both are frozen before one of them is ended.
    lab.settle().unwrap();
    first.wait_until_frozen().unwrap();
    first.end_by(libc::SIGKILL).unwrap();
    program.stdout().expect_line("collected").unwrap();
    second.wait_until_frozen().unwrap();
    second.resume().unwrap();
    program.stdout().expect_line("child").unwrap();
    program.stdout().expect_line("collected").unwrap();
    program.expect_exit(0).unwrap();
    context.end().unwrap();
}
