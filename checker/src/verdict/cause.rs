//! What the evidence of a failure says about its cause, whatever the program is: how two values are related, which call
//! failed before the end, what was read and never answered.
//!
//! It is said beside the hint, and only what the evidence proves.

use nix::{errno::Errno, sys::signal::Signal};

use super::{relation, words};
use crate::{
    failure::{Diagnosis, Failure},
    lab::{CallLine, Ending, Evidence, Mark, Pending},
    observe::{calls::Call, tracer::CallOutcome},
};

/// How many calls may lie between the call that failed and the end: what a panic does, and what is closed.
const BEFORE_THE_END: usize = 8;
/// The same for a call that the test made fail, where no other one failed: a runtime may print a long report of it.
const AFTER_A_FAULT: usize = 64;

/// One sentence about the cause, if the evidence shows one.
pub(super) fn of(failure: &Failure) -> Option<String> {
    let seen = &failure.evidence;
    match failure.diagnosis {
        Diagnosis::WrongOutput | Diagnosis::WrongBytes => {
            relation::between(failure.comparison.as_ref()?).or_else(|| failed_child(seen))
        }
        Diagnosis::Exited | Diagnosis::Panicked | Diagnosis::WrongStatus => told_failure(seen),
        Diagnosis::Killed => killed(seen).or_else(|| told_failure(seen)),
        Diagnosis::Stuck | Diagnosis::TimedOut => failed_child(seen)
            .or_else(|| pending(seen))
            .or_else(|| unanswered(seen)),
        Diagnosis::NoAnswer | Diagnosis::StillRunning => pending(seen),
        Diagnosis::Reset => made_reset(seen)
            .or_else(|| failed_child(seen))
            .or_else(|| told_close(seen)),
        Diagnosis::ClosedEarly => failed_child(seen).or_else(|| told_close(seen)),
        Diagnosis::MissingBytes | Diagnosis::ExtraBytes | Diagnosis::LeftOpen => failed_child(seen),
        _ => None,
    }
}

/// What is told of the last call that failed before a program ended.
fn told_failure(seen: &Evidence) -> Option<String> {
    let (call, errno) = failed_call(seen)?;
    Some(format!(
        "The last call that failed before your program ended is {}.",
        explained(call, errno)
    ))
}

/// A call that failed, and what that means: `close(4) = -1 EBADF (Bad file descriptor)`.
fn explained(call: &CallLine, errno: Errno) -> String {
    let why = match call.injected {
        Some(_) => "the test made it fail".to_owned(),
        None => harness::sys::error_text(errno),
    };
    format!("{} ({why})", call.text)
}

/// The last call that failed before a program ended in a way that says so.
pub(super) fn failed_call(seen: &Evidence) -> Option<(&CallLine, Errno)> {
    if matches!(seen.ending?, Ending::Status(0)) {
        return None;
    }
    let own = seen.calls.iter().filter(|call| call.is_main);
    let is_panic = seen.ending == Some(Ending::Status(Ending::PANIC));
    failed_before_the_end(own, is_panic)
}

/// The last of these calls of a process that failed, if the process ended soon after it.
fn failed_before_the_end<'a>(
    calls: impl DoubleEndedIterator<Item = &'a CallLine>,
    is_panic: bool,
) -> Option<(&'a CallLine, Errno)> {
    // The latest first.
    let last: Vec<&CallLine> = calls.rev().take(AFTER_A_FAULT).collect();
    let (place, errno) = telling_call(&last)?;
    let call = last[place];
    // A panic that follows at once is about an answer, too.
    let is_at_once = is_panic
        && last[..place]
            .iter()
            .all(|call| matches!(call.call, Call::Write | Call::Close | Call::Exit));
    (is_at_once || !is_normal_answer(call, errno)).then_some((call, errno))
}

/// Of the last calls, the latest first, the failed one that tells most about the end: one near the end that does not
/// also fail where all is well, else one that the test made fail, else any near the end.
fn telling_call(last: &[&CallLine]) -> Option<(usize, Errno)> {
    let failed = last.iter().enumerate();
    let failed = failed.filter_map(|(place, call)| Some((place, call.outcome.errno()?)));
    let failed = failed.filter(|&(place, errno)| !asks_only(last[place], errno));
    let mut near = failed
        .clone()
        .take_while(|&(place, _)| place < BEFORE_THE_END);
    let telling = near
        .clone()
        .find(|&(place, errno)| !fails_anyway(last[place], errno));
    let mut injected = failed.filter(|&(place, _)| last[place].injected.is_some());
    telling.or_else(|| injected.next()).or_else(|| near.next())
}

/// Whether an event loop goes on after this answer.
fn is_normal_answer(call: &CallLine, errno: Errno) -> bool {
    let is_usual = match errno {
        // Of fork it says that there may be no more processes.
        Errno::EAGAIN => call.call != Call::Fork,
        Errno::EINTR | Errno::EINPROGRESS => true,
        _ => false,
    };
    is_usual && call.injected.is_none()
}

/// What is told of a child that ended before its parent failed the test. An exit status alone may be what the test asks
/// for; behind a call that failed, or a panic, it is not.
fn failed_child(seen: &Evidence) -> Option<String> {
    let child = seen.failed_children.last()?;
    let own = seen.calls.iter().filter(|call| call.pid == child.pid);
    let is_panic = child.status == Ending::PANIC && seen.panicked_at.is_some();
    let failed = failed_before_the_end(own, is_panic);
    let why = match failed {
        Some((call, errno)) => format!(
            "the last call that failed in it is {}",
            explained(call, errno)
        ),
        None if is_panic => "it has panicked".to_owned(),
        None => return None,
    };
    Some(format!(
        "A child of your program, with PID {}, has ended with exit status {}; {why}.",
        child.pid, child.status
    ))
}

/// What is told of a program that has made each close a reset.
fn made_reset(seen: &Evidence) -> Option<String> {
    let call = seen.abortive.as_ref()?;
    Some(format!(
        "Your program caused the reset: after {call}, close sends a reset and discards unsent data."
    ))
}

/// What a process did last with a descriptor before it closed it, or shut it down.
fn told_close(seen: &Evidence) -> Option<String> {
    let (call, close) = last_before_close(seen)?;
    let what = match call.outcome.errno() {
        Some(errno) => explained(call, errno),
        None => call.text.clone(),
    };
    let (close, _) = close.parts();
    Some(format!(
        "Before {close}, the last call with this descriptor was {what}."
    ))
}

/// The last call that read or wrote a descriptor, before the last call that closed one.
fn last_before_close(seen: &Evidence) -> Option<(&CallLine, &CallLine)> {
    let is_close = |call: &CallLine| {
        matches!(call.call, Call::Close | Call::Shutdown)
            && call.descriptor.is_some_and(|fd| fd > libc::STDERR_FILENO)
    };
    let mut closes = seen.calls.iter().enumerate().rev();
    closes.find_map(|(place, close)| {
        let is_same =
            |call: &&CallLine| (call.pid, call.descriptor) == (close.pid, close.descriptor);
        let last = seen.calls[..place].iter().rfind(is_same)?;
        let moves = matches!(last.call, Call::Read | Call::Write);
        (is_close(close) && moves).then_some((last, close))
    })
}

/// The last call with a descriptor before it was closed, if it failed.
pub(super) fn failed_before_close(seen: &Evidence) -> Option<(&CallLine, Errno)> {
    let (call, _) = last_before_close(seen)?;
    Some((call, call.outcome.errno()?))
}

/// What waits for a program that sleeps. One that writes is not at fault for what it has not read.
fn pending(seen: &Evidence) -> Option<String> {
    let (call, _) = seen.waits?;
    if call == Call::Write {
        return None;
    }
    Some(match seen.pending.first()? {
        Pending::Bytes(1, of) => {
            format!("While your program waits, a byte from {of} is there, and nothing reads it.")
        }
        Pending::Bytes(count, of) => format!(
            "While your program waits, {count} bytes from {of} are there, and nothing reads them."
        ),
        Pending::Datagrams(at) => {
            format!("While your program waits, a datagram is there for {at}, and nothing reads it.")
        }
        Pending::Connections(1) => {
            "While your program waits, a connection is there that no accept has taken.".to_owned()
        }
        Pending::Connections(count) => format!(
            "While your program waits, {count} connections are there that no accept has taken."
        ),
    })
}

/// Whether a call that failed was a question, and this the answer: whether a file can be read at any place.
fn asks_only(call: &CallLine, errno: Errno) -> bool {
    (call.call, errno) == (Call::Seek, Errno::ESPIPE) && call.injected.is_none()
}

/// Whether a call also fails where all is well: where a loop waits for children until there is none, and where a runtime
/// asks a socket for its peer while it takes leave of it, as Python does. What failed before says more.
fn fails_anyway(call: &CallLine, errno: Errno) -> bool {
    let is_usual = matches!(
        (call.call, errno),
        (Call::Wait, Errno::ECHILD) | (Call::Peer, Errno::ENOTCONN)
    );
    is_usual && call.injected.is_none()
}

/// What a signal says that ends a program.
fn killed(seen: &Evidence) -> Option<String> {
    let Ending::Signal(number) = seen.ending? else {
        return None;
    };
    let told = match Signal::try_from(number).ok()? {
        Signal::SIGABRT if words::has_refused_memory(&seen.stderr) => {
            "Rust's allocator got no memory, said so on standard error, and ended the program with SIGABRT."
        }
        Signal::SIGABRT => {
            "SIGABRT comes from the program itself: from abort(3), from an assertion, or from the C library when it \
             finds the heap damaged. The reason is on standard error."
        }
        Signal::SIGPIPE => {
            "SIGPIPE comes from a write to a pipe or connection whose other end does not read any more."
        }
        Signal::SIGSEGV | Signal::SIGBUS => {
            "The program used memory that is not its own: look at what is `unsafe`, and at pointers that are passed \
             to libc."
        }
        Signal::SIGALRM => "SIGALRM comes from alarm(2) or setitimer(2) when their time is over.",
        _ => return None,
    };
    Some(told.to_owned())
}

/// What a process has read before it went to sleep, if it has written nothing since.
fn unanswered(seen: &Evidence) -> Option<String> {
    let sleeper = seen
        .calls
        .iter()
        .rfind(|call| call.mark == Some(Mark::Waits))?;
    if !matches!(sleeper.call, Call::Read | Call::Poll) {
        return None;
    }
    let own = || seen.calls.iter().filter(|call| call.pid == sleeper.pid);
    let counts = |call: &&CallLine| {
        matches!(
            (call.call, call.outcome),
            (Call::Read, CallOutcome::Returned(_)) | (Call::Write | Call::Close, _)
        )
    };
    let last = own().rfind(counts)?;
    // After the end of a stream nothing is due to it, and what a descriptor of events gives is no request.
    let is_end = last.outcome == CallOutcome::Returned(0);
    let is_event = last
        .descriptor
        .is_some_and(|fd| seen.events.contains(&(last.pid, fd)));
    if last.call != Call::Read || is_end || is_event {
        return None;
    }
    Some(format!(
        "Your program has read something, and has written nothing since: {}. Does the answer wait in a buffer of \
         yours, or does your loop wait for more?",
        last.text
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lab::FailedChild;

    pub fn call(call: Call, text: &str, outcome: CallOutcome) -> CallLine {
        CallLine {
            pid: 2,
            thread: None,
            is_main: true,
            call,
            descriptor: None,
            text: format!("{text}{outcome}"),
            outcome,
            injected: None,
            mark: (outcome == CallOutcome::InProgress).then_some(Mark::Waits),
            source: None,
        }
    }

    fn cause(diagnosis: Diagnosis, ending: Option<Ending>, calls: Vec<CallLine>) -> Option<String> {
        let mut failure = Failure::pipe_locked();
        failure.diagnosis = diagnosis;
        failure.evidence.ending = ending;
        failure.evidence.calls = calls;
        of(&failure)
    }

    pub fn refused() -> Vec<CallLine> {
        let refused = CallOutcome::Failed(libc::ECONNREFUSED);
        vec![
            call(Call::Connect, "connect(3, 127.0.0.1:9, 16)", refused),
            call(Call::Close, "close(3)", CallOutcome::Returned(0)),
            call(
                Call::Write,
                "write(2, \"thread\", 6)",
                CallOutcome::Returned(6),
            ),
            call(Call::Exit, "exit_group(101)", CallOutcome::Lost),
        ]
    }

    #[test]
    fn names_the_call_that_failed_before_the_end() {
        let told = cause(Diagnosis::Panicked, Some(Ending::Status(101)), refused()).unwrap();
        let expected = "connect(3, 127.0.0.1:9, 16) = -1 ECONNREFUSED (Connection refused)";
        assert!(told.contains(expected), "{told}");
        let mut injected = refused();
        injected[0].injected = Some("ECONNREFUSED".to_owned());
        let told = cause(Diagnosis::Exited, Some(Ending::Status(1)), injected).unwrap();
        assert!(told.contains("(the test made it fail)"), "{told}");
    }

    #[test]
    fn passes_over_a_call_that_fails_anyway() {
        let mut calls = refused();
        let gone = CallOutcome::Failed(libc::ENOTCONN);
        calls.insert(1, call(Call::Peer, "getpeername(3, …, …)", gone));
        let told = cause(Diagnosis::Exited, Some(Ending::Status(1)), calls.clone()).unwrap();
        assert!(told.contains("connect(3, "), "{told}");
        calls.remove(0);
        let told = cause(Diagnosis::Exited, Some(Ending::Status(1)), calls).unwrap();
        assert!(told.contains("getpeername(3, "), "{told}");
        // What the test made fail, and the runtime told at length.
        let mut refused = refused();
        refused[0].injected = Some("ECONNREFUSED".to_owned());
        let done = call(Call::Write, "write(2, …, 9)", CallOutcome::Returned(9));
        refused.extend(vec![done; BEFORE_THE_END]);
        refused.push(call(Call::Peer, "getpeername(3, …, …)", gone));
        let told = cause(Diagnosis::Exited, Some(Ending::Status(1)), refused).unwrap();
        assert!(told.contains("connect(3, "), "{told}");
    }

    #[test]
    fn passes_over_a_question() {
        let no_place = CallOutcome::Failed(libc::ESPIPE);
        let calls = vec![call(Call::Seek, "lseek(3, 0, SEEK_CUR)", no_place)];
        assert_eq!(
            cause(Diagnosis::Exited, Some(Ending::Status(1)), calls),
            None
        );
    }

    #[test]
    fn a_panic_at_once_is_about_the_interrupted_call() {
        let mut calls = refused();
        calls[0] = call(Call::Read, "read(0)", CallOutcome::Failed(libc::EINTR));
        let told = cause(
            Diagnosis::Panicked,
            Some(Ending::Status(101)),
            calls.clone(),
        )
        .unwrap();
        assert!(told.contains("EINTR"), "{told}");
        assert_eq!(
            cause(Diagnosis::Exited, Some(Ending::Status(1)), calls),
            None
        );
    }

    #[test]
    fn names_the_last_call_before_a_close() {
        let with = |fd, mut line: CallLine| {
            line.descriptor = Some(fd);
            line
        };
        let interrupted = CallOutcome::Failed(libc::EINTR);
        let done = CallOutcome::Returned(0);
        let calls = vec![
            with(4, call(Call::Read, "read(4, …, 9)", interrupted)),
            with(3, call(Call::Accept, "accept(3)", done)),
            with(4, call(Call::Close, "close(4)", done)),
            // Nothing was read or written here.
            with(5, call(Call::Close, "close(5)", done)),
        ];
        assert_eq!(
            cause(Diagnosis::ClosedEarly, None, calls.clone()).unwrap(),
            "Before close(4), the last call with this descriptor was read(4, …, 9) = -1 EINTR (Interrupted system \
             call)."
        );
        assert_eq!(
            cause(Diagnosis::ClosedEarly, None, calls[1..].to_vec()),
            None
        );
        let mut other = calls;
        other[0].pid = 9;
        assert_eq!(cause(Diagnosis::Reset, None, other), None);
    }

    #[test]
    fn names_the_call_that_asks_for_a_reset() {
        let told = |diagnosis| {
            let mut failure = Failure::pipe_locked();
            failure.diagnosis = diagnosis;
            failure.evidence.abortive = Some("setsockopt(4) = 0".to_owned());
            of(&failure)
        };
        let reset = told(Diagnosis::Reset).unwrap();
        assert!(
            reset.contains("setsockopt(4) = 0, close sends a reset"),
            "{reset}"
        );
        assert_eq!(told(Diagnosis::ClosedEarly), None);
    }

    #[test]
    fn names_what_a_sleeping_program_has_not_taken() {
        let told = |waits, pending: &[Pending]| {
            let mut failure = Failure::pipe_locked();
            failure.diagnosis = Diagnosis::Stuck;
            failure.evidence.waits = Some((waits, None));
            failure.evidence.pending = pending.to_vec();
            of(&failure)
        };
        let bytes = Pending::Bytes(6, "client 1".to_owned());
        assert_eq!(
            told(Call::Poll, &[bytes.clone(), Pending::Connections(1)]).unwrap(),
            "While your program waits, 6 bytes from client 1 are there, and nothing reads them."
        );
        assert!(
            told(Call::Wait, &[Pending::Connections(2)])
                .unwrap()
                .contains("2 connections")
        );
        assert_eq!(told(Call::Write, &[bytes]), None);
        assert_eq!(told(Call::Poll, &[]), None);
    }

    #[test]
    fn names_the_child_that_failed() {
        let told = |status, calls| {
            let mut failure = Failure::pipe_locked();
            failure.diagnosis = Diagnosis::ClosedEarly;
            failure.evidence.failed_children = vec![FailedChild { pid: 2, status }];
            failure.evidence.calls = calls;
            of(&failure)
        };
        let failed = told(1, refused()).unwrap();
        assert!(
            failed.starts_with(
                "A child of your program, with PID 2, has ended with exit status 1; the last call"
            ),
            "{failed}"
        );
        assert!(failed.contains("ECONNREFUSED"), "{failed}");
        // The test may have asked for this status.
        assert_eq!(told(1, Vec::new()), None);
    }

    #[test]
    fn says_nothing_of_an_end_without_a_failed_call() {
        let again = CallOutcome::Failed(libc::EAGAIN);
        let polls = vec![call(Call::Accept, "accept4(3, NULL, NULL, 0)", again)];
        assert_eq!(
            cause(Diagnosis::Exited, Some(Ending::Status(1)), polls),
            None
        );
        assert_eq!(
            cause(Diagnosis::Exited, Some(Ending::Status(0)), refused()),
            None
        );
        let mut goes_on = refused();
        goes_on[0] = call(Call::Poll, "poll(…)", CallOutcome::Failed(libc::EINTR));
        goes_on.push(call(Call::Read, "read(0)", CallOutcome::Returned(0)));
        assert_eq!(
            cause(Diagnosis::Panicked, Some(Ending::Status(101)), goes_on),
            None
        );
        let mut long_ago = refused();
        let done = call(Call::Close, "close(4)", CallOutcome::Returned(0));
        long_ago.extend(vec![done; BEFORE_THE_END]);
        assert_eq!(
            cause(Diagnosis::Exited, Some(Ending::Status(1)), long_ago),
            None
        );
    }

    #[test]
    fn tells_abort_from_a_lost_reader() {
        let by = |signal| cause(Diagnosis::Killed, Some(Ending::Signal(signal)), Vec::new());
        assert!(
            by(libc::SIGABRT)
                .unwrap()
                .starts_with("SIGABRT comes from the program itself")
        );
        assert!(
            by(libc::SIGPIPE)
                .unwrap()
                .contains("does not read any more")
        );
        assert_eq!(by(libc::SIGTERM), None);
    }

    #[test]
    fn sees_what_was_read_and_not_answered() {
        let read = call(
            Call::Read,
            "read(4, \"hello\\n\", 4096)",
            CallOutcome::Returned(6),
        );
        let write = call(
            Call::Write,
            "write(4, \"hello\\n\", 6)",
            CallOutcome::Returned(6),
        );
        let waits = call(Call::Read, "read(4, …, 4096)", CallOutcome::InProgress);
        let told = cause(Diagnosis::Stuck, None, vec![read.clone(), waits.clone()]).unwrap();
        assert!(
            told.contains("nothing since: read(4, \"hello\\n\", 4096) = 6."),
            "{told}"
        );
        // A request of 8 bytes is none of an eventfd.
        let short = CallLine {
            descriptor: Some(4),
            outcome: CallOutcome::Returned(8),
            ..read.clone()
        };
        let told = cause(Diagnosis::Stuck, None, vec![short, waits.clone()]).unwrap();
        assert!(told.contains("nothing since"), "{told}");
        let mut signal = Failure::pipe_locked();
        signal.diagnosis = Diagnosis::Stuck;
        signal.evidence.calls = vec![
            CallLine {
                descriptor: Some(5),
                outcome: CallOutcome::Returned(128),
                ..read.clone()
            },
            waits.clone(),
        ];
        assert!(of(&signal).is_some());
        signal.evidence.events = vec![(2, 5)];
        assert_eq!(of(&signal), None);
        let answered = vec![read.clone(), write, waits];
        assert_eq!(cause(Diagnosis::Stuck, None, answered), None);
        assert_eq!(cause(Diagnosis::Stuck, None, vec![read]), None);
    }
}
