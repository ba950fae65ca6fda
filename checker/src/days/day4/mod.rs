//! Signals.

pub mod sigaction;
