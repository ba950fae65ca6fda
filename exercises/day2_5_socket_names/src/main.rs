//! Day 2, exercise 5: the two names of a connection. The task, the contract and an example session stand in README.md
//! beside this crate; the chapter is "2.5 The two names of a connection" in course.md.
//!
//!     day2_5_socket_names ADDRESS:PORT...
//!
//! The steps, each in the words of its manual page:
//!
//!  1. socket(2)       AF_INET or AF_INET6, as the address asks for
//!  2. bind(2)         "assigns the address ... to the socket"; before it SO_REUSEADDR (socket(7)), and for an IPv6
//!                     socket IPV6_V6ONLY (ipv6(7)), by which it is "restricted to sending and receiving IPv6 packets
//!                     only", or not
//!  3. listen(2)       "marks the socket ... as a passive socket"
//!  4. getsockname(2)  "returns the current address to which the socket ... is bound"; flush what you print
//!  5. accept(2)       "creates a new connected socket"
//!  6. getpeername(2)  "returns the address of the peer connected to the socket", and getsockname(2) again: of the
//!                     connected socket
//!  7. write(2)        "may transfer fewer than count bytes"; then offer the rest
//!  8. close(2)        then accept again
//!  9. poll(2)         "waits for one of a set of file descriptors to become ready": for more than one address
//!
//! Check your work with `cargo run -p checker day2_5`. Its first test passes after the steps 1 to 5, for one IPv4 address.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day2_5_socket_names is not written yet: begin with socket(2)");
    ExitCode::from(1)
}
