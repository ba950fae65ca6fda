//! Day 1, exercise 2: byte order and fixed-size fields. The task, the contract and an example session stand in
//! README.md beside this crate; the chapter is "1.2 Byte order and fixed-size fields" in course.md.
//!
//!     day1_2_endianness enc16|enc32|enc64 NUMBER...
//!     day1_2_endianness dec16|dec32|dec64 HEX...
//!     day1_2_endianness host
//!     day1_2_endianness rec
//!
//! The steps, in the words of the manual pages where they have some:
//!
//!  1. `enc16` with one number: htons, "from host byte order to network byte order" (byteorder(3)); in Rust
//!     `u16::to_be_bytes`. Print the bytes in hexadecimal, two digits each. The first hidden test passes now.
//!  2. several numbers, one line each; then `enc32` and `enc64` (htobe64, see endian(3)).
//!  3. `dec16`, `dec32`, `dec64`: the way back, ntohs and ntohl, "from network byte order to host byte order".
//!  4. `host`: "the byte order that the current CPU (the "host") uses" (endian(3)). Look into memory to find it.
//!  5. What if a number does not fit, a character is not a digit, an argument is missing? Status 1 or 2, never a panic.
//!  6. `rec`, the 16 bytes of one header: read(2) "attempts to read up to count bytes". Count what you really got: "it
//!     is not an error if this number is smaller than the number of bytes requested".
//!  7. `rec`, the body and the next record, until the end of file: "zero indicates end of file". Is this a place where
//!     the input may end?
//!  8. What if read or write fails? EINTR, "interrupted by a signal" before anything was read or written: make the call
//!     again. Any other error: the reason on standard error, and status 1.
//!
//! Check your work with `cargo lab day1_2`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day1_2_endianness is not written yet: begin with enc16 of one number");
    ExitCode::from(1)
}
