//! All that an author of exercises needs: the parts of an exercise, and the words of the lab.
//!
//! A hidden test is a [`Test`]: a promise, and a story that finds out whether the program keeps it. The story gets a
//! [`Lab`] and returns at the first broken promise:
//!
//! ```
//! use harness::author::{Call, FdKind, Lab, Checked};
//!
//! fn story(lab: &Lab) -> Checked {
//!     lab.follow_calls();
//!     let server = lab.start_server()?;
//!     server.faults().shorten(Call::Write.on(FdKind::Socket), 7)?;
//!     let client = server.connect()?;
//!     client.send(lab.random_bytes(1000))?;
//!     client.expect_echo()
//! }
//! ```
//!
#![doc = include_str!("author.md")]

pub use crate::{
    arena::Launch,
    exercise::{Exercise, Mistake, Rejection, Test, Untested},
    failure::{Attempt, Checked, Comparison, Diagnosis, LabError, Stop},
    lab::{
        CallFilter, Child, Connection, Datagrams, Ending, FaultGuard, FdKind, Fifo, File,
        ForkForbidden, Freeze, Lab, Listener, Program, Reservation, Server, Sleep, quoted,
    },
    observe::{
        calls::Call,
        descriptors::Object,
        processes::Signals,
        sockets::{Socket, State, Transport},
        tracer::{Address, Record},
    },
};
