//! Day 2, exercise 3: an echo client that counts. The task, the contract and an example session stand in README.md
//! beside this crate; the chapter is "2.3 An echo client" in course.md.
//!
//!     day2_3_echo_client ADDRESS:PORT
//!
//! The steps, each in the words of its manual page:
//!
//!  1. socket(2)    "creates an endpoint for communication and returns a file descriptor"
//!  2. connect(2)   "connects the socket referred to by the file descriptor sockfd to the address specified by addr".
//!     If that fails, say why on standard error and end with status 1.
//!  3. Take one line from standard input: the bytes up to the newline, and the newline itself.
//!  4. write(2)     the whole line to the socket. "The number of bytes written may be less than count."
//!  5. read(2)      its echo from the socket, as many bytes as the line has. "It is not an error if this number is
//!     smaller than the number of bytes requested"; "zero indicates end of file".
//!  6. Print what came back, flush it, and compare it with the line. Then take the next line.
//!  7. shutdown(2)  at the end of the input: with SHUT_WR, "further transmissions will be disallowed".
//!  8. read(2)      once more, until the server ends its side too. Then the work is done: status 0.
//!
//! Steps 4, 5 and 8 may fail with EINTR, "interrupted by a signal" before a byte was moved: make the call again.
//!
//! Check your work with `cargo lab day2_3`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day2_3_echo_client is not written yet: begin with socket(2) and connect(2)");
    ExitCode::from(1)
}
