//! Signals.

pub mod sigaction;
pub mod timeout;
