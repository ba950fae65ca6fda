//! Day 3, exercise 5: names and addresses. The task, the contract and an example session stand in README.md beside this
//! crate; the chapter is "3.5 Names and addresses: getaddrinfo" in course.md.
//!
//!     day3_5_resolve [-n] NAME [SERVICE]
//!     day3_5_resolve -x IP
//!
//! The steps, each in the words of its manual page:
//!
//!  1. getaddrinfo(3)   "returns one or more addrinfo structures, each of which contains an Internet address"
//!  2. hints            all fields but the first four "must contain either 0 or a null pointer": `std::mem::zeroed()`
//!  3. ai_next          "The items in the linked list are linked by the ai_next field": print a line for each
//!  4. getnameinfo(3)   "the inverse of getaddrinfo(3)"; NI_NUMERICHOST and NI_NUMERICSERV write address and port
//!  5. freeaddrinfo(3)  "frees the memory that was allocated for the dynamically allocated linked list"
//!  6. gai_strerror(3)  "translates these error codes to a human readable string"; they are not in errno
//!  7. AI_NUMERICHOST   "suppresses any potentially lengthy network host address lookups": `-n`, with AI_NUMERICSERV
//!  8. getnameinfo(3)   without NI_NUMERICHOST looks for the name: `-x`
//!
//! The functions are in the crate `libc`. Steps 1 to 4 make a program that passes the first tests. Check your work with
//! `cargo lab day3_5`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!(
        "day3_5_resolve is not written yet: begin with getaddrinfo(3) and an address such as 192.0.2.7"
    );
    ExitCode::from(1)
}
