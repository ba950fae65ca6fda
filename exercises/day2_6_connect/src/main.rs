//! Day 2, exercise 6: connect, with every outcome. The task, the contract and an example session stand in README.md
//! beside this crate; the chapter is "2.6 connect, with every outcome" in course.md.
//!
//!     day2_6_connect [-t MS] [-r N] [-p MS] ADDRESS:PORT...
//!
//! The steps, each in the words of its manual page:
//!
//!  1. Take one address from the command line; in Rust "127.0.0.1:80" and "[::1]:80" parse as a `SocketAddr`.
//!  2. socket(2)       "creates an endpoint for communication": AF_INET or AF_INET6, as the address is
//!  3. connect(2)      "connects the socket ... to the address specified by addr"; print `ADDRESS:PORT connected`
//!  4. getsockname(2)  "returns the current address to which the socket ... is bound"; print `local ADDRESS:PORT`
//!  5. connect(2)      section ERRORS: print the outcome of a try that fails, and exit with status 1
//!  6. Take several addresses: close(2) the socket of a try that has failed, and make a new one for the next address.
//!  7. socket(2)       with SOCK_NONBLOCK for a time limit: connect then fails with EINPROGRESS, "the connection cannot
//!     be completed immediately"
//!  8. poll(2)         "waits for ... file descriptors to become ready", POLLOUT here; 0 means that the time is over;
//!     after EINTR wait for what is left of the time
//!  9. getsockopt(2)   SO_ERROR: "whether connect() completed successfully (SO_ERROR is zero) or unsuccessfully"
//! 10. Go round again after a pause, if there is -r.
//!
//! Check your work with `cargo lab day2_6`. Its first test passes after the steps 1 to 3.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day2_6_connect is not written yet: begin with socket(2) and connect(2)");
    ExitCode::from(1)
}
