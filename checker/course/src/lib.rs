//! The course: its exercises with their hidden tests, and what its textbook says, tried.
//!
//! - [`syllabus`]: the course in order. [`days`]: the hidden tests of each exercise.
//! - `promises`: what the programs of several exercises promise, written once.
//! - [`demos`]: the textbook's statements, tried. [`demo_context`]: what they are written with.

pub mod days;
pub mod demo_context;
pub mod demos;
pub(crate) mod promises;
pub mod syllabus;
