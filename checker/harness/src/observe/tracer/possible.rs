//! Which faults the kernel could cause itself. EINTR and short counts are injected within these rules only, so that a
//! program which fails under them has a bug. Any other errno is injected as the test asks: the test chooses one that the
//! call can return.
//!
//! - EINTR: only a call that can wait returns it (signal(7)). A call on a descriptor with O_NONBLOCK, or with
//!   MSG_DONTWAIT, cannot wait: Linux does not return EINTR there.
//! - Short count: a call that waits returns one when a signal interrupts it after a part, or when a file ends or its disk
//!   is full. From a call that cannot wait it means that the buffer is full (write) or empty (read). A program with
//!   EPOLLET relies on this: after a short count it waits for the next edge (epoll(7), question 9), and after an injected
//!   one this edge may never come.
//! - eventfd, timerfd and signalfd transfer complete values or records only. A smaller buffer fails with EINVAL
//!   (eventfd(2), timerfd_create(2), signalfd(2)).

use super::{inject::Fault, registers::Entry};
use crate::observe::{
    calls::{Call, Parameter, Row},
    descriptors::{self, Object},
};

/// Whether the kernel could cause this fault in a call, seen in one role: as this kind of call on this descriptor. A
/// descriptor that /proc does not show counts as blocking.
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
    let may_wait_there = matches!(
        call,
        Call::Read | Call::Write | Call::Accept | Call::Connect
    );
    match fault {
        Fault::Errno(libc::EINTR) if may_wait_there => can_wait(thread, number, row, entry),
        Fault::Short(_) => !is_record(thread, number) && can_wait(thread, number, row, entry),
        Fault::Errno(_) | Fault::Signal(_) => true,
    }
}

/// Whether a call on a descriptor can wait: neither O_NONBLOCK nor MSG_DONTWAIT is set.
fn can_wait(thread: i32, number: i32, row: &Row, entry: &Entry) -> bool {
    let mut arguments = row.parameters.iter().zip(entry.arguments);
    let has_dontwait = arguments.any(|(parameter, value)| {
        *parameter == Parameter::MessageFlags && value as i32 & libc::MSG_DONTWAIT != 0
    });
    !has_dontwait && !descriptors::is_nonblocking(thread, number)
}

/// Whether a descriptor transfers complete values or records only.
fn is_record(thread: i32, number: i32) -> bool {
    const KINDS: [&str; 3] = ["[eventfd]", "[timerfd]", "[signalfd]"];
    match descriptors::object(thread, number) {
        Some(Object::Other(name)) => KINDS.iter().any(|kind| name.ends_with(kind)),
        _ => false,
    }
}
