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
//! The words of a program are in eight facets: `program.stdout()`, `server.faults()`. A word which one exercise alone uses
//! is here only if it needs what the lab alone can do: look into kernel queues and other processes, follow calls, open files
//! that a program may have exchanged. Any other belongs into the file of its exercise.
//!
#![doc = include_str!("author.md")]

pub use crate::{
    exercise::{Clue, Exercise, Mistake, Rejection, Seen, Test, Untested},
    failure::{Attempt, Checked, Comparison, Diagnosis, LabError, Stop},
    lab::{
        CallFilter, Child, Connection, Datagram, Ending, FaultGuard, FdKind, Fifo, File,
        ForkForbidden, Freeze, Lab, Listener, Program, Reservation, Rest, Server, Sleep, UdpPeer,
        UnixClient, UnixPath, UnreadFifo, quoted, quoted_argument, with_telling_port,
    },
    observe::{
        calls::Call,
        descriptors::Object,
        processes::Signals,
        sockets::{Socket, State, Transport},
        tracer::{Address, Fault, Record},
    },
    sandbox::{Launch, StandardInput, StandardOutput},
    sys,
};
