//! How a program ended.

use serde::{Deserialize, Serialize};

use crate::lab::quote::signal_name;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With this exit status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl Ending {
    /// Rust's exit status after a panic.
    pub const PANIC: i32 = 101;
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ending::Status(Ending::PANIC) => f.write_str("panicked (exit status 101)"),
            Ending::Status(status) => write!(f, "ended with exit status {status}"),
            Ending::Signal(signal) => write!(f, "was killed by {}", signal_name(*signal)),
        }
    }
}
