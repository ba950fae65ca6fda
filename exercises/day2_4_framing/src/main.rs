//! Day 2, exercise 4: messages over a stream. The task, the contract and an example session stand in README.md beside
//! this crate; the chapter is "2.4 Messages over a stream" in course.md.
//!
//!     day2_4_framing ADDRESS:PORT
//!
//! A message is four bytes of length, the most significant first, and then so many bytes of payload. The steps, the
//! calls in the words of their manual pages:
//!
//!  1. accept(2)  The server of exercise 2.2 up to here: copy yours. Only what it does with a client is new.
//!  2. read(2)    The four bytes of the length; `u32::from_be_bytes` makes a number of them.
//!  3. read(2)    The payload, all of it: "it is not an error" if it is "smaller than the number of bytes requested".
//!  4. write(2)   The answer, which is a message, too: its length, and then the text `LENGTH SUM`.
//!  5. read(2)    Back to 2. "Zero indicates end of file": between two messages that is all, inside one a bad frame.
//!  6. close(2)   After the end, and after a bad frame. Then accept the next client.
//!
//! A length is a claim of a stranger: check it before you use it. Above 65536 it is a bad frame.
//!
//! Check your work with `cargo lab day2_4`. Its first test passes after the steps 1 to 4.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("day2_4_framing is not written yet: begin with a copy of your echo server");
    ExitCode::from(1)
}
