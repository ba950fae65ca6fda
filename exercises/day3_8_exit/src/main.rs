//! Day 3, exercise 8: once only. The task, the contract and an example session stand in README.md beside this crate;
//! the chapter is "3.8 exit, _exit and buffers" in course.md.
//!
//!     day3_8_exit [NUMBER|panic]...
//!
//! The steps, each in the words of its manual page:
//!
//!  1. atexit(3) "registers the given function to be called at normal process termination, either via exit(3) or via
//!     return from the program's main()": print `bye` there. Then print `start`, ` sum 0` and the line end. This passes
//!     the first hidden test.
//!  2. fork(2) "creates a new process by duplicating the calling process", with all its memory: also with what was
//!     printed and not written yet. Write it before: `flush`.
//!  3. _exit(2) "terminates the calling process 'immediately'": the child. It "does not call any functions registered
//!     with atexit(3)", and it writes no buffer for you.
//!  4. wait(2), in the parent, "suspends execution of the calling thread until one of its children terminates"; -1 with
//!     ECHILD says that "the calling process does not have any unwaited-for children". WIFEXITED and WEXITSTATUS tell
//!     the status: the "least significant 8 bits of the status argument that the child specified".
//!  5. `std::panic::catch_unwind` stops a panic before it leaves the child's code.
//!
//! Check your work with `cargo lab day3_8`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!(
        "day3_8_exit is not written yet: begin with atexit(3), and with a program that has no children"
    );
    ExitCode::from(1)
}
