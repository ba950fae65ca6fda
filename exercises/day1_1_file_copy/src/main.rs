//! Day 1, exercise 1: a file copy, by system calls and nothing else. The task, the contract and an example session stand
//! in README.md beside this crate; the chapter is "1.1 Descriptors and files" in course.md.
//!
//!     day1_1_file_copy [-a|-x] PATH
//!
//! The steps, each in the words of its manual page (nix has these calls in nix::fcntl and nix::unistd):
//!
//!  1. open(2)   PATH; the return value is "a file descriptor, a small, nonnegative integer". O_WRONLY, and O_CREAT: "If
//!     pathname does not exist, create it as a regular file". The mode, 0644 (in Rust 0o644), says who may read and
//!     write it then. Now end with status 0, and the first two hidden tests pass.
//!  2. read(2)   from standard input, which is descriptor 0 (`std::io::stdin()`): "attempts to read up to count bytes".
//!  3. write(2)  what has come to the file: the bytes that read has counted, not the whole buffer.
//!  4. Again, until read returns 0: "zero indicates end of file". Less than you asked for is not the end.
//!  5. Print `N bytes` on standard output.
//!  6. What if open fails? Print the reason on standard error, and end with status 1. Do so for read and write, later.
//!  7. O_TRUNC without an option: "the file will be truncated to length 0". O_APPEND for -a: "before each write, the
//!     file offset is positioned at the end of the file". O_EXCL for -x: "ensure that this call creates the file". What
//!     if the arguments are wrong, or an option is not written yet? Status 2.
//!  8. write(2)  again: "The number of bytes written may be less than count". And EINTR, "interrupted by a signal" before
//!     anything was read or written: make the call again.
//!  9. close(2)  the file, and look at the result: errors of earlier writes may be "reported only on the
//!     final close()".
//!
//! Check your work with `cargo lab day1_1`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day1_1_file_copy is not written yet: begin with open(2)");
    ExitCode::from(1)
}
