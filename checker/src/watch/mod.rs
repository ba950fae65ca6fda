//! A check at every save, and one line of keys.
//!
//! [`Session`] waits in one place, poll(2), for all that can happen: a save (`saves`), a key (`terminal`), a signal
//! (`signals`), what the running command says, and its end (`job`). It has one thread and looks at nothing by time:
//! while nothing happens, it costs nothing.
//!
//! A check is the plain command, as a process of its own whose terminal is one of ours: so that its report is the same,
//! its last words can be left out when a new save makes it void, and it ends with all that it has started.

mod foreground;
mod job;
mod saves;
mod screen;
mod session;
mod signals;
mod terminal;

pub use session::{End, Session};
