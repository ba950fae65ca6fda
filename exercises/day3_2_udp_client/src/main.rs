//! Day 3, exercise 2: a UDP client that asks again. The task, the contract and an example session stand in README.md
//! beside this crate; the chapter is "3.2 A UDP client: asking again" in course.md.
//!
//!     day3_2_udp_client [-t MS] [-n TRIES] ADDRESS:PORT TEXT
//!
//! The steps, each in the words of its manual page:
//!
//!  1. socket(2)       "creates an endpoint for communication": here of the type SOCK_DGRAM.
//!  2. connect(2)      "If the socket sockfd is of type SOCK_DGRAM, then addr is the address to which datagrams are
//!     sent by default, and the only address from which datagrams are received."
//!  3. send(2)         "is used to transmit a message": the number of the question and TEXT, both in one message.
//!  4. recv(2)         "If a message is too long to fit in the supplied buffer, excess bytes may be discarded"; the
//!     call returns the length of the message. Print what stands behind the number, and a newline.
//!  5. poll(2)         "waits for one of a set of file descriptors to become ready", and takes a time limit; or
//!     setsockopt(2)   with SO_RCVTIMEO (socket(7)), so that recv itself has one. When the time is over, step 3 again.
//!  6. clock_gettime(2), or std's Instant: how much of the time is left, after a datagram that was no answer?
//!
//! The first six hidden tests need the steps 1 to 4 and no options.
//!
//! Check your work with `cargo lab day3_2`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day3_2_udp_client is not written yet: begin with socket(2) and connect(2)");
    ExitCode::from(1)
}
