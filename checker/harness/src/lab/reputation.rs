//! What earlier tests have shown of a program.

use serde::{Deserialize, Serialize};

/// What earlier tests have shown of a program: it need not be given all the time again in which it did nothing.
///
/// Other tests of the same program may be right, so a bad reputation shortens only what a right program does not use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reputation {
    /// It has used the processor all the time.
    pub is_busy: bool,
    /// It has shown no sign of life in any of its tests: it has moved no byte, and has printed none.
    pub is_silent: bool,
    /// It has slept with time limits until the lab gave up.
    pub naps: bool,
    /// It has taken more memory than there is for it.
    pub is_greedy: bool,
    /// It has passed no test, and several have given it up.
    pub is_hopeless: bool,
}
