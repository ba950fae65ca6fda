//! The faults of `checker trace --hostile`: a kernel that does as little as it may.

use crate::observe::{
    calls::Call,
    tracer::{By, Fault, Injection, On, Which},
};

/// What waits, and may be interrupted before it has done anything (signal(7)). Not connect, which goes on in the
/// background, and not sleep, whose caller may mean its length. Not a write to standard output, either: the stdio of C
/// drops a line then, and a program that says nothing would teach nothing.
const INTERRUPTED: [(Call, On); 5] = [
    (Call::Read, On::Streams),
    (Call::Write, On::Sockets),
    (Call::Accept, On::Sockets),
    (Call::Poll, On::Anything),
    (Call::Wait, On::Anything),
];

/// Each read and write of a stream moves one byte, and every other one of these calls fails with EINTR. Where a call
/// cannot wait, the kernel could do neither, and the tracer does not.
pub(super) fn faults() -> Vec<Injection> {
    let interrupted = INTERRUPTED.map(|(call, on)| Injection {
        call,
        by: By::Anyone,
        on,
        which: Which::EveryOther,
        fault: Fault::Errno(libc::EINTR),
    });
    let cut = [Call::Read, Call::Write].map(|call| Injection {
        call,
        by: By::Anyone,
        on: On::Streams,
        which: Which::Every,
        fault: Fault::Short(1),
    });
    // Of two faults that are due, the first one in this list happens.
    interrupted.into_iter().chain(cut).collect()
}
