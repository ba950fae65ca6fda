//! Day 4, exercise 1: a program that counts signals. The task, the contract and an example session stand in README.md
//! beside this crate; the chapter is "4.1 Signals: sigaction" in course.md.
//!
//!     day4_1_sigaction
//!     day4_1_sigaction -t NUMBER
//!
//! The steps, each in the words of its manual page:
//!
//!  1. sigaction(2)    "change the action taken by a process on receipt of a specific signal": SIGTERM first. The
//!     handler only notes that the signal came; signal-safety(7) says what else it may do.
//!  2. Print `ready PID` and flush it. pause(2) "causes the calling process (or thread) to sleep until a signal is
//!     delivered". When SIGTERM has come, print `usr1=0 usr2=0 rt=0` and end with exit status 0. With this the
//!     first hidden test passes.
//!  3. SIGUSR1 and SIGUSR2: count them, and go on waiting.
//!  4. "SIG_IGN to ignore this signal": SIGHUP. SIGINT ends the program as SIGTERM does, but look first: "If oldact is
//!     non-NULL, the previous action is saved in oldact."
//!  5. sigprocmask(2)  "The signal mask is the set of signals whose delivery is currently blocked". It is inherited.
//!  6. sigsuspend(2)   "temporarily replaces the signal mask of the calling thread with the mask given by mask and then
//!     suspends the thread until delivery of a signal": pause without a gap before it.
//!  7. signal(7)       "Multiple instances of real-time signals can be queued." nix's `Signal` cannot name them, but
//!     libc::sigaction takes any number, and libc::SIGRTMIN() is the first one.
//!  8. `-t NUMBER`: the chapter ERRORS of sigaction(2).
//!
//! Check your work with `cargo lab day4_1`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day4_1_sigaction is not written yet: begin with sigaction(2) for SIGTERM");
    ExitCode::from(1)
}
