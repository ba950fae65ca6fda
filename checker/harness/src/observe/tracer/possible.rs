//! What a kernel can do to a call. A fault shows a program nothing else, so that what it breaks is the program's mistake.
//!
//! - EINTR comes from a call that waits, or could have waited (signal(7)). One on a descriptor with O_NONBLOCK, or with
//!   MSG_DONTWAIT, cannot wait: Linux never returns EINTR there.
//! - A short count comes from a call that waits for the rest and is interrupted, or from a file without more space. On a
//!   descriptor that cannot wait it means that the buffer is full, or has no more. A program under EPOLLET relies on this:
//!   behind a short count it waits for the next edge (epoll(7), questions 9), which no injected count brings.
//! - An eventfd, timerfd or signalfd takes and gives whole numbers or records: fewer bytes are EINVAL (eventfd(2),
//!   signalfd(2)).

use super::{inject::Fault, registers::Entry};
use crate::observe::{
    calls::{Call, Parameter, Row},
    descriptors::{self, Object},
};

/// Whether the kernel could do this to a call of a thread, which works on a descriptor in this way. A descriptor of which
/// /proc does not tell counts as a blocking one.
pub(super) fn is_possible(
    fault: Fault,
    thread: i32,
    row: &Row,
    entry: &Entry,
    (call, descriptor): (Call, Option<i32>),
) -> bool {
    let Some(number) = descriptor else {
        return true;
    };
    let waits_there = matches!(
        call,
        Call::Read | Call::Write | Call::Accept | Call::Connect
    );
    match fault {
        Fault::Errno(libc::EINTR) if waits_there => can_wait(thread, number, row, entry),
        Fault::Short(_) => !is_record(thread, number) && can_wait(thread, number, row, entry),
        Fault::Errno(_) | Fault::Signal(_) => true,
    }
}

fn can_wait(thread: i32, number: i32, row: &Row, entry: &Entry) -> bool {
    let mut arguments = row.parameters.iter().zip(entry.arguments);
    let says_not = arguments.any(|(parameter, value)| {
        *parameter == Parameter::MessageFlags && value as i32 & libc::MSG_DONTWAIT != 0
    });
    !says_not && !descriptors::is_nonblocking(thread, number)
}

fn is_record(thread: i32, number: i32) -> bool {
    const KINDS: [&str; 3] = ["[eventfd]", "[timerfd]", "[signalfd]"];
    match descriptors::object(thread, number) {
        Some(Object::Other(name)) => KINDS.iter().any(|kind| name.ends_with(kind)),
        _ => false,
    }
}
