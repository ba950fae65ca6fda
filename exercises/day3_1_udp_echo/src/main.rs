//! Day 3, exercise 1: a UDP echo server. The task, the contract and an example session stand in README.md beside this
//! crate; the chapter is "3.1 UDP echo: datagrams" in course.md.
//!
//!     day3_1_udp_echo ADDRESS:PORT
//!
//! The steps, each in the words of its manual page:
//!
//!  1. socket(2)       SOCK_DGRAM "supports datagrams (connectionless, unreliable messages of a fixed maximum length)"
//!  2. bind(2)         "assigns the address specified by addr to the socket"
//!  3. getsockname(2)  which port did the kernel choose? Print `listening IP:PORT` and flush it.
//!  4. recvfrom(2)     "places the received message into the buffer buf" and "the source address of the message" too
//!  5. sendto(2)       "the address of the target is given by dest_addr"; then wait for the next datagram.
//!  6. recv(2)         on zero-length datagrams: "When such a datagram is received, the return value is 0."
//!  7. recvmsg(2)      MSG_TRUNC: "return the real length of the packet or datagram", also when it was cut
//!
//! Steps 1 to 5 make a server that passes the first tests. Check your work with `cargo lab day3_1`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day3_1_udp_echo is not written yet: begin with socket(2) and SOCK_DGRAM");
    ExitCode::from(1)
}
