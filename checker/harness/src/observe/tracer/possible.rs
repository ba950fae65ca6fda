//! Which faults the kernel could cause itself. EINTR and short counts are injected within these rules only, so that a
//! program which fails under them has a bug. Any other errno is injected as the test asks: the test chooses one that the
//! call can return.
//!
//! - EINTR: only a call that can wait returns it (signal(7)). A call on a descriptor with O_NONBLOCK, or with
//!   MSG_DONTWAIT, cannot wait: Linux does not return EINTR there. Neither do waitpid with WNOHANG and epoll_wait with the
//!   time limit 0 (`do_wait` in kernel/exit.c, `ep_poll` in fs/eventpoll.c); poll and select do, also with the limit 0
//!   (`do_poll` in fs/select.c). But all of them look first: a poll for room on a socket for datagrams returns where there
//!   is room. (Data that is there, and the room of a stream, may have come just after the signal.)
//! - Short count: a call that waits returns one when a signal interrupts it after a part, or when a file ends or its disk
//!   is full. From a call that cannot wait it means that the buffer is full (write) or empty (read). A program with
//!   EPOLLET relies on this: after a short count it waits for the next edge (epoll(7), question 9), and after an injected
//!   one this edge may never come.
//! - eventfd, timerfd, signalfd and inotify transfer complete values or records only. A smaller buffer fails with EINVAL
//!   (eventfd(2), timerfd_create(2), signalfd(2), inotify(7)).
//! - EPIPE does not come alone: the kernel sends SIGPIPE to the thread that writes, and so does the tracer.

use super::{inject::Fault, registers::Entry};
use crate::observe::{
    calls::{Call, Parameter, Row, Watched},
    descriptors::{self, Object},
    waiting,
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
    if fault == Fault::Errno(libc::EINTR)
        && (returns_at_once(entry) || finds_room(thread, row, entry))
    {
        return false;
    }
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

/// Whether the arguments of a call say that it does not wait for an event.
fn returns_at_once(entry: &Entry) -> bool {
    let argument = |place: usize| entry.arguments[place] as i32;
    match entry.number {
        libc::SYS_wait4 => argument(2) & libc::WNOHANG != 0,
        libc::SYS_waitid => argument(3) & libc::WNOHANG != 0,
        libc::SYS_epoll_pwait => argument(3) == 0,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait => argument(3) == 0,
        _ => false,
    }
}

/// Whether it is a poll for room, and there is some.
fn finds_room(thread: i32, row: &Row, entry: &Entry) -> bool {
    let watched = Watched::of(row, |place| entry.arguments[place]);
    watched.is_some_and(|watched| waiting::finds_room(thread, watched))
}

/// Whether SIGPIPE comes to a thread whose call fails with EPIPE: from a pipe, and from a stream without MSG_NOSIGNAL
/// (write(2), send(2)).
pub(super) fn raises_sigpipe(thread: i32, row: &Row, entry: &Entry) -> bool {
    let place = match row.copies() {
        Some((_, to)) => to,
        None if row.call == Call::Write => 0,
        None => return false,
    };
    !has_message_flag(row, entry, libc::MSG_NOSIGNAL)
        && !descriptors::keeps_messages_apart(thread, entry.arguments[place] as i32)
}

/// Whether a call on a descriptor can wait: neither O_NONBLOCK nor MSG_DONTWAIT is set.
fn can_wait(thread: i32, number: i32, row: &Row, entry: &Entry) -> bool {
    !has_message_flag(row, entry, libc::MSG_DONTWAIT)
        && !descriptors::is_nonblocking(thread, number)
}

fn has_message_flag(row: &Row, entry: &Entry, flag: i32) -> bool {
    let mut arguments = row.parameters.iter().zip(entry.arguments);
    arguments
        .any(|(parameter, value)| *parameter == Parameter::MessageFlags && value as i32 & flag != 0)
}

/// Whether a descriptor transfers complete values or records only.
fn is_record(thread: i32, number: i32) -> bool {
    const KINDS: [&str; 4] = ["[eventfd]", "[timerfd]", "[signalfd]", ":inotify"];
    match descriptors::object(thread, number) {
        Some(Object::Other(name)) => KINDS.iter().any(|kind| name.ends_with(kind)),
        _ => false,
    }
}
