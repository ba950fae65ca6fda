//! Day 2, exercise 4: messages over a stream. The task, the contract and an example session stand in README.md beside
//! this crate; the chapter is "2.4 Messages over a stream" in course.md.
//!
//!     day2_4_framing ADDRESS:PORT
//!
//! A message is four bytes of length, the most significant first, and then so many bytes of payload. The steps, the
//! calls in the words of their manual pages:
//!
//!  1. The server of exercise 2.2, up to accept(2): copy yours. Only what it does with a client is new.
//!  2. read(2)        the four bytes of the length: `u32::from_be_bytes`
//!  3. read(2)        the payload: "It is not an error if this number is smaller than the number of bytes requested";
//!                    then read the rest of them
//!  4. write(2)       the answer, which is a message, too: its length, and then the text `LENGTH SUM`
//!  5. Back to 2. read(2) "zero indicates end of file": before the first byte of a message it is the end of the
//!                    conversation, behind it something is missing
//!  6. A length is a claim of a stranger. Look at it before you believe it: above 65536 it is a bad frame.
//!
//! Check your work with `cargo run -p checker day2_4`. Its first test passes after the steps 1 to 4.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day2_4_framing is not written yet: begin with a copy of your echo server");
    ExitCode::from(1)
}
