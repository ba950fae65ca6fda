//! The course: its exercises with their hidden tests, and what its textbook says, tried.
//!
//! - [`syllabus`]: the course in order. [`days`]: the hidden tests of each exercise.
//! - [`demos`]: the textbook's statements, tried. [`demo_context`]: what they are written with.

pub mod days;
pub mod demo_context;
pub mod demos;
pub mod syllabus;
