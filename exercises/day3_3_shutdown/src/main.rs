//! Day 3, exercise 3: upload a file and read the answer. The task, the contract and an example session stand in
//! README.md beside this crate; the chapter is "3.3 Half-close: shutdown" in course.md.
//!
//!     day3_3_shutdown ADDRESS:PORT
//!
//! The steps, each in the words of its manual page:
//!
//!  1. socket(2)       "creates an endpoint for communication and returns a file descriptor"
//!  2. connect(2)      "connects the socket referred to by the file descriptor sockfd to the address"
//!  3. read(2)         "attempts to read up to count bytes from file descriptor fd": here from standard input;
//!     write(2)        hand them to the socket, until read returns 0.
//!  4. shutdown(2)     "causes all or part of a full-duplex connection ... to be shut down": which part?
//!  5. read(2)         the answer, from the socket; "zero indicates end of file". Write it to standard output.
//!  6. poll(2)         "waits for one of a set of file descriptors to become ready", or a second thread: the server
//!     may speak before your input has ended, so both directions are served at the same time.
//!
//! The first hidden test needs the steps 1 to 4, the next three the step 5.
//!
//! Check your work with `cargo lab day3_3`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day3_3_shutdown is not written yet: begin with socket(2) and connect(2)");
    ExitCode::from(1)
}
