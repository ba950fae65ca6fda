//! What a hidden test expects of system calls: the call is made, or not made, or made in time; and the report marks the
//! one that the failure is about.
//!
//! A file of its own, because a context turns its process into a runner.

mod support;

use std::{fs, io, os::fd::OwnedFd, rc::Rc};

use checker::{
    arena::{Arena, Isolation, Tracing},
    failure::{Checked, Diagnosis, Stop},
    lab::{Lab, Mark, TestContext},
    observe::{calls::Call, tracer},
};
use support::{compiler::compile_c, skipped::skipped};

const PROGRAM: &str = r#"
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0), late = argc > 1 && strcmp(argv[1], "late") == 0;
    if (!late) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bind(fd, (struct sockaddr *)&any, sizeof any);
    if (late) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    listen(fd, 1);
    pause();
}
"#;

const ORDER: [(&str, Call); 2] = [("setsockopt", Call::SetOption), ("bind", Call::Bind)];

fn context(tracing: Tracing, lifeline: Option<OwnedFd>) -> Rc<TestContext> {
    let arena = Arena::enter(Isolation::Shared).unwrap();
    let source = arena.folder().join("program.c");
    let program = arena.folder().join("program");
    fs::write(&source, PROGRAM).unwrap();
    compile_c(&source, &program);
    TestContext::new(arena, program, tracing, 1, lifeline)
}

/// The diagnosis, and the call which the report marks as the guilty one.
fn verdict(result: Checked) -> (Diagnosis, Option<String>) {
    let Err(Stop::Failed(failure)) = result else {
        panic!("{result:?}");
    };
    let calls = failure.evidence.calls.into_iter();
    let mut guilty = calls.filter(|call| call.mark == Some(Mark::Guilty));
    (failure.diagnosis, guilty.next().map(|call| call.text))
}

/// A pipe whose writer is gone.
fn hung_up() -> OwnedFd {
    io::pipe().unwrap().0.into()
}

/// One test for all, because there is one arena in a process at a time.
#[test]
fn a_bench_in_this_process() {
    // As in the shell of a CI system. Only the runner's standard input is a lifeline, and the runner says so.
    nix::unistd::dup2_stdin(hung_up()).unwrap();
    nothing_waits_when_the_lifeline_has_hung_up();
    a_call_is_made_or_not_made_or_made_in_time();
}

fn nothing_waits_when_the_lifeline_has_hung_up() {
    let context = context(Tracing::Off, Some(hung_up()));
    let program = Lab::new(context.clone()).start(&[]).unwrap();
    let result = program.expect_exit(0);
    assert!(matches!(result, Err(Stop::Broken(_))), "{result:?}");
    context.end().unwrap();
}

fn a_call_is_made_or_not_made_or_made_in_time() {
    if let Err(why) = tracer::probe() {
        return skipped(why);
    }
    let context = context(Tracing::On, None);
    let lab = Lab::new(context.clone());
    let [reuse, bind] = ORDER;

    let right = lab.start(&["in time"]).unwrap();
    let listen = right.expect_call("listen", Call::Listen, |call| call.numbers[1] == 1);
    assert_eq!(listen.unwrap().to_string(), "listen(3, 1) = 0");
    right.expect_order(reuse, bind).unwrap();
    // A call that never comes is not late.
    right
        .expect_order(reuse, ("connect", Call::Connect))
        .unwrap();
    right
        .expect_no_call("connect", Call::Connect, |_| true)
        .unwrap();

    let missing = right.expect_call("shutdown(…, SHUT_WR)", Call::Shutdown, |_| true);
    let missing = verdict(missing.map(drop));
    assert_eq!(missing, (Diagnosis::CallMissing, None));
    let other_backlog =
        right.expect_call("listen(…, 2)", Call::Listen, |call| call.numbers[1] == 2);
    let missing = verdict(other_backlog.map(drop));
    assert_eq!(missing, (Diagnosis::CallMissing, None));

    let forbidden = verdict(right.expect_no_call("listen", Call::Listen, |_| true));
    let listen = Some("listen(3, 1) = 0".to_owned());
    assert_eq!(forbidden, (Diagnosis::CallForbidden, listen));

    let late = lab.start(&["late"]).unwrap();
    late.expect_call("listen", Call::Listen, |_| true).unwrap();
    let (diagnosis, guilty) = verdict(late.expect_order(reuse, bind));
    assert_eq!(diagnosis, Diagnosis::CallOrder);
    assert!(guilty.is_some_and(|call| call.starts_with("bind(3, ")));
    context.end().unwrap();
}
