//! What the lab advises about a failure which is none of the test's known mistakes.

use crate::{failure::Diagnosis, lab::Ending};

/// General advice for a failure, with regard to how the program had ended, if it had.
pub(super) fn general(diagnosis: Diagnosis, ending: Option<Ending>) -> &'static str {
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
            "The line must be `listening IP:PORT`, with the address that getsockname returns, and nothing else."
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
            "Nobody has asked for a time limit here. Wait without one: -1 for poll, none for the socket, and no alarm."
        }
        Diagnosis::TimedOut => {
            "The program does not do what the test waits for. See what it did last."
        }
        Diagnosis::WrongOutput => "Compare the expected text with yours, from the marked byte on.",
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
