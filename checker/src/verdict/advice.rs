//! What the lab advises about a failure which is none of the known mistakes.

use nix::sys::signal::Signal;

use super::{
    cause, errno,
    words::{self, Reason},
};
use crate::{
    failure::{Diagnosis, Failure},
    lab::{Ending, Evidence, FdKind},
    observe::calls::Call,
};

/// Advice for a failure: of what the evidence shows, and else of its diagnosis.
pub(super) fn general(failure: &Failure) -> &'static str {
    let seen = &failure.evidence;
    let special = match failure.diagnosis {
        Diagnosis::Exited | Diagnosis::Panicked => of_the_end(seen),
        Diagnosis::WrongStatus => of_the_status(seen),
        Diagnosis::Killed => of_the_signal(seen),
        Diagnosis::Stuck | Diagnosis::StillRunning => of_the_sleep(seen),
        Diagnosis::ClosedEarly | Diagnosis::Reset => of_the_close(seen),
        _ => None,
    };
    special.unwrap_or_else(|| of_the_diagnosis(failure.diagnosis, seen.ending))
}

/// Of a program that ended by itself: by the reason that it has said, by the call that failed last, or by the errno that
/// it has said. A call tells more than its errno alone.
fn of_the_end(seen: &Evidence) -> Option<&'static str> {
    if seen.ending == Some(Ending::Status(0)) {
        return None;
    }
    let failed = || cause::failed_call(seen);
    words::reason(&seen.stderr)
        .map(of_the_reason)
        .or_else(|| failed().and_then(|(line, errno)| errno::advice(Some(line.call), errno)))
        .or_else(|| words::errno(&seen.stderr).and_then(|errno| errno::advice(None, errno)))
}

/// Whether a program that has ended by itself shows why: by a call that failed, or by its words.
pub(super) fn shows_why(seen: &Evidence) -> bool {
    cause::failed_call(seen).is_some()
        || words::reason(&seen.stderr).is_some()
        || words::errno(&seen.stderr).is_some()
}

/// Of a connection that was closed behind a call that failed.
fn of_the_close(seen: &Evidence) -> Option<&'static str> {
    let (call, errno) = cause::failed_before_close(seen)?;
    errno::advice(Some(call.call), errno)
}

fn of_the_status(seen: &Evidence) -> Option<&'static str> {
    Some(match seen.ending? {
        Ending::Status(0) => {
            "Exit status 0 says that all is well, and here it is not. Find the error that your program ignores, say it on standard error, and end with the status that the contract in README.md names for it."
        }
        Ending::Status(2) => {
            "Exit status 2 is for wrong arguments. Here they are right, or the contract in README.md names another status: compare what your program refuses with what it says of arguments."
        }
        Ending::Status(Ending::PANIC) => return of_the_end(seen),
        Ending::Status(1) => {
            "Exit status 1 is for what fails while the program works. See in README.md whether this end is such a failure: wrong arguments are told by another status, and what goes well by 0."
        }
        _ => return None,
    })
}

fn of_the_signal(seen: &Evidence) -> Option<&'static str> {
    let Ending::Signal(number) = seen.ending? else {
        return None;
    };
    Some(match Signal::try_from(number).ok()? {
        Signal::SIGABRT if words::has_refused_memory(&seen.stderr) => {
            of_the_reason(Reason::NoMemory)
        }
        Signal::SIGABRT => {
            "The program has ended itself by abort: a panic in a handler or while another panic goes on, an assertion, or a damaged heap. Read on standard error which, and look at the line that it names."
        }
        Signal::SIGPIPE => {
            "The program writes to a pipe or connection whose other end is gone, and SIGPIPE ends it. Ignore the signal (Rust does so before main, unless you change it), or send with MSG_NOSIGNAL; then the write fails with EPIPE, and you decide."
        }
        Signal::SIGSEGV | Signal::SIGBUS => {
            "The program reads or writes where it has no memory: a null or old pointer, an index behind the end, or a recursion without end. Look at what is `unsafe`, and at each length that you pass with a pointer."
        }
        Signal::SIGKILL => {
            "SIGKILL comes from another process, or from the kernel when memory runs out: does your program kill itself, or its group?"
        }
        Signal::SIGALRM | Signal::SIGVTALRM | Signal::SIGPROF => {
            "A timer of the program has ended it: the default action of this signal does so. Install a handler before the timer is set, or wait with a time limit of poll."
        }
        Signal::SIGXCPU | Signal::SIGXFSZ => {
            "The program has used up a limit of the lab's: it computes or writes without end."
        }
        _ => {
            "The default action of this signal ends the program. Install a handler (or block the signal, for signalfd or sigwait) before it can come, which is before the program says that it is ready."
        }
    })
}

/// Of a program that sleeps while the test waits for something else.
fn of_the_sleep(seen: &Evidence) -> Option<&'static str> {
    Some(match seen.waits? {
        (Call::Read, Some(FdKind::Stdin)) => {
            "Your program reads its standard input, and no more will come before it does what is due. Is something left to do with what it has read already, or does it wait for a full buffer, a line end or the end of the input?"
        }
        (Call::Read, Some(FdKind::Socket)) => {
            "Your program waits for more from its peer, and the peer waits for your program. Is something due that you have not sent: an answer, what is still in a buffer, or the end of your sending side (shutdown)?"
        }
        (Call::Read, _) => {
            "read waits until data comes or the last writer of a pipe has closed it. Is a copy of the writing end still open, perhaps your own?"
        }
        (Call::Write, Some(FdKind::Stdout)) => {
            "Your program waits for room on its standard output, which is read slowly here. What else is due must not wait for that."
        }
        (Call::Write, Some(FdKind::Socket)) => {
            "write waits because the peer does not read, and the peer may wait for your program to read. Read and write in turns, as poll says what is possible, or let a thread do one of both."
        }
        (Call::Accept, _) => {
            "Your program waits in accept for one more client, and the test waits for something else: what is due for the clients that are there already?"
        }
        (Call::Connect, _) => {
            "connect waits for an answer of the other side. Look at the address and the port it was given, and at their byte order."
        }
        (Call::Poll, _) => {
            "Your program waits for an event that does not come. Compare what is due with the descriptors and events you wait for. For data that lies in a buffer of yours already, or that you have not read to its end, an edge-triggered epoll reports no new event."
        }
        (Call::Wait, _) => {
            "Your program waits for a child, and the child does not end. What does the child wait for: input, a descriptor which the parent has left open, or a signal that is blocked?"
        }
        (Call::Signal, _) => {
            "Your program sleeps until a signal comes. If it came just before, it is over: block it, test your flag, and wait with sigsuspend or ppoll, which unblock it in the same step."
        }
        (Call::Sleep, _) => {
            "Your program sleeps for a time. Wait for the event itself instead: poll, read or waitpid return as soon as it is there."
        }
        (Call::Futex, _) => {
            "A thread waits for another one: for a lock, a channel or a join. Who holds the lock while it waits for a peer, and who would send?"
        }
        _ => return None,
    })
}

fn of_the_reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Overflow => {
            "A number does not fit into its type, and Rust panics. Where the number comes from outside, or counts what does, take a wider type, or checked_add and its relatives, and say what is wrong."
        }
        Reason::Index => {
            "An index or a range lies outside the slice. Where it comes from outside, or from a length, test it first (`get` returns None), and mind that less may have come than you asked for."
        }
        Reason::NoneThere => {
            "Something is None here: an argument that is missing, the end of an input, a search without result. Decide with `let … else` what your program does then; wrong arguments are exit status 2."
        }
        Reason::CannotPrint => {
            "println! and print! panic when standard output cannot be written. Print with writeln! to io::stdout(), handle its error: say so on standard error, and end with exit status 1."
        }
        Reason::NoText => {
            "The bytes are no UTF-8, and what comes from outside need not be text. Work with bytes (`&[u8]`, args_os), and make text of them only where they are known to be some."
        }
        Reason::NotParsed => {
            "A text is not the number or address that your program expects. What comes from outside may be anything: handle the error of parse. Wrong arguments are exit status 2, with a line on standard error."
        }
        Reason::NoMemory => {
            "The program asks for more memory than there is: a length that comes from outside goes to `vec!` or `with_capacity` as it is. Test it against a limit first, or read in blocks of fixed size."
        }
        Reason::Poisoned => {
            "Another thread has panicked while it held the lock. Its own message stands above: that is the cause."
        }
    }
}

/// Where the evidence shows nothing more.
fn of_the_diagnosis(diagnosis: Diagnosis, ending: Option<Ending>) -> &'static str {
    match diagnosis {
        Diagnosis::Exited if ending == Some(Ending::Status(0)) => {
            "main has come to its end, but there is more to do. Is a loop missing, or does one end too early?"
        }
        Diagnosis::Exited => {
            "Your program ends by itself here. Follow the error that it returns, and decide whether it may end the whole program."
        }
        Diagnosis::Panicked => {
            "A panic is a bug in the program. Its message on standard error names the line and, after an unwrap, the error: read about this error, and decide what your program should do when it comes."
        }
        Diagnosis::Killed => {
            "A signal ended your program. Its name tells which rule was broken; see signal(7)."
        }
        Diagnosis::NeverListened => {
            "Print `listening IP:PORT` after listen (or bind, for UDP), end the line with \\n, and flush standard output."
        }
        Diagnosis::BadAnnouncement => {
            "The line must be `listening IP:PORT`, with the address that getsockname returns, and nothing else. In a sockaddr the port is in network byte order: ntohs makes a number of it."
        }
        Diagnosis::ListensElsewhere => {
            "Bind to the address from the command line, and print what getsockname says about it."
        }
        Diagnosis::Refused => "A connection is refused when no socket listens on its port.",
        Diagnosis::WrongBytes => "Compare the two dumps from the marked byte on.",
        Diagnosis::ExtraBytes => {
            "Send only the bytes that are due: `read` returns how many bytes of the buffer are new."
        }
        Diagnosis::MissingBytes => {
            "See which calls wrote to the file, how much each was given, and what it returned."
        }
        Diagnosis::WrongMode => {
            "The third argument of open says what a new file permits, and the umask takes away from it: see open(2)."
        }
        Diagnosis::NotAFile => {
            "The test reads regular files only, and follows no link. Open the file by the name that your program is given, with O_CREAT, and put nothing else in its place: see open(2)."
        }
        Diagnosis::LinkedFile => {
            "A hard link is one more name of the same file. The test reads only what your program has written itself: open its own file with O_CREAT, and leave link(2) alone."
        }
        Diagnosis::FileExchanged => {
            "One of your processes renames or replaces the file again and again, or holds a lease on it. Open it once, write to it, and close it."
        }
        Diagnosis::ClosedEarly => {
            "Look for the close, the shutdown or the drop that came too early."
        }
        Diagnosis::Reset => {
            "The kernel sends a reset when a socket is closed with unread bytes in it, or with SO_LINGER 0."
        }
        Diagnosis::LeftOpen => {
            "The stream ends when the last copy of the descriptor is closed or shut down. Which copy is left?"
        }
        Diagnosis::Stuck => {
            "The call named above waits for something that will not come. What should have happened before it?"
        }
        Diagnosis::Busy => {
            "A loop runs without end. Does it stop when a call returns 0 or an error?"
        }
        Diagnosis::TimeLimited => {
            "The task has no time limit. Wait without one: -1 for poll, none for the socket, and no alarm."
        }
        Diagnosis::TimedOut => {
            "What the test waits for has not come in time, and may come later. Does a wait of your program take longer than it should: a time limit that is too long, or that begins again with each wait?"
        }
        Diagnosis::WrongOutput => {
            "Compare the expected text with yours, from the first difference on."
        }
        Diagnosis::ExtraOutput => {
            "Standard output carries results only; everything else belongs on standard error."
        }
        Diagnosis::OutputFlood => "Something prints in a loop that never waits.",
        Diagnosis::OutputClosed => {
            "Descriptor 1 was closed. Was it closed as if it were one of your own?"
        }
        Diagnosis::WrongStatus => {
            "The contract in README.md says which exit status belongs to which end."
        }
        Diagnosis::StillRunning => "All work is done here: the program should return from main.",
        Diagnosis::ZombieLeft => {
            "A child that has ended stays a zombie until its parent waits for it: see waitpid(2)."
        }
        Diagnosis::DescriptorLeaked => {
            "Each descriptor needs one owner who closes it. nix's accept returns a bare number that nothing closes."
        }
        Diagnosis::FileLeft => {
            "A name in the file system stays when its program ends. Remove it with unlink(2)."
        }
        Diagnosis::ProcessLeft => "A child that has done its work must end with _exit or exit.",
        Diagnosis::ProcessMissing => "Each client gets a process of its own: see fork(2).",
        Diagnosis::WrongDisposition => {
            "See sigaction(2) for dispositions and sigprocmask(2) for the blocked signals."
        }
        Diagnosis::CannotRestart => {
            "An address in TIME_WAIT can be bound again with SO_REUSEADDR, set before bind: see socket(7)."
        }
        Diagnosis::NoAnswer => {
            "Each datagram gets its own answer, sent to the address that recvfrom reports."
        }
        Diagnosis::WrongSender => "Send the answer from the socket that received the question.",
        Diagnosis::CallForbidden => {
            "The marked call does something that the task does not ask for."
        }
        Diagnosis::DiskFilled => {
            "Something writes to files in a loop that never ends. When is the last byte written?"
        }
        Diagnosis::PipeLocked => {
            "splice(2) keeps a pipe locked while it waits for the other file. Copy with read and write: then each call is over before the next one waits."
        }
        Diagnosis::OutOfMemory => {
            "A buffer of fixed size is enough here: read into it, use it, and read again."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::cause::tests::{call, refused},
        *,
    };
    use crate::{lab::CallLine, observe::tracer::CallOutcome};

    /// The advice about a program that ends behind these calls, and says this.
    fn told(calls: Vec<CallLine>, stderr: &str) -> &'static str {
        let mut failure = Failure::pipe_locked();
        failure.diagnosis = Diagnosis::Exited;
        failure.evidence.ending = Some(Ending::Status(1));
        failure.evidence.calls = calls;
        failure.evidence.stderr = stderr.to_owned();
        general(&failure)
    }

    #[test]
    fn what_is_without_advice_hides_nothing() {
        let unknown = CallOutcome::Failed(libc::EXDEV);
        let calls = vec![call(Call::Open, "open(…)", unknown)];
        let hint = told(calls.clone(), "[Errno 104] Connection reset by peer");
        assert!(hint.contains("has reset the connection"), "{hint}");
        let hint = told(calls, "");
        assert!(hint.starts_with("Your program ends by itself"), "{hint}");
        let hint = told(refused(), "[Errno 18] Invalid cross-device link");
        assert!(hint.contains("Nothing listens"), "{hint}");
    }
}
