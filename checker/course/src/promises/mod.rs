//! What several programs of the course promise, written once: the story, and the hint for those who break it.
//!
//! An exercise's test is a test of its own, with its own name, points, quotes of its contract and mistakes. It tells one of
//! these stories about its program, with the conversation that this program's clients have.

pub(crate) mod addresses;
pub(crate) mod arguments;
pub(crate) mod commands;
pub(crate) mod numbers;
pub(crate) mod output;
pub(crate) mod servers;
pub(crate) mod time_limits;
