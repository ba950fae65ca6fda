//! Day 2, exercise 1: addresses as text and as bytes. The task, the contract and an example session stand in README.md
//! beside this crate; the chapter is "2.1 Addresses, from text to bytes and back" in course.md.
//!
//!     day2_1_inet_pton_ntop pton4 | ntop4 | pton6 | ntop6 | sockaddr PORT | show
//!
//! Here you write the conversions yourself, so do not use the existing ones: no inet_pton or its relatives, no
//! getaddrinfo, no parsing or printing of `Ipv4Addr`, `Ipv6Addr` or `SocketAddr`.
//!
//! The steps, each in the words of its manual page where there is one.
//!
//!  1. pton4: one line of standard input, "an IPv4 network address in dotted-decimal format, "ddd.ddd.ddd.ddd", where
//!     ddd is a decimal number of up to three digits in the range 0 to 255" (inet_pton(3)). Print its four bytes in
//!     network order, as eight hexadecimal digits.
//!  2. All lines: one answer for each line until the end of file. The answer to every other line is `bad`.
//!  3. ntop4, the way back: eight hexadecimal digits in, "ddd.ddd.ddd.ddd" out (inet_ntop(3)).
//!  4. pton6: "x:x:x:x:x:x:x:x", where "each x can be up to 4 hex digits". Then the abbreviation: "a series of
//!     contiguous zero values [...] can be abbreviated to ::". Then "x:x:x:x:x:x:d.d.d.d".
//!  5. ntop6, the way back, in the form which RFC 5952 recommends.
//!  6. sockaddr: the bytes of struct sockaddr_in (ip(7)) or struct sockaddr_in6 (ipv6(7)). "sin_port contains the port
//!     in network byte order", and so does the address. The family is in the order of the host.
//!  7. show, the way back: a peer's address as accept(2) fills it in becomes text.
//!
//! Check your work with `cargo lab day2_1`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day2_1_inet_pton_ntop is not written yet: begin with pton4, a dotted quad");
    ExitCode::from(1)
}
