//! Signals.

pub mod graceful_shutdown;
pub mod sigaction;
pub mod sigpipe;
pub mod timeout;
