//! A class is graded: right, wrong, broken and hostile submissions, each with the points it deserves, whatever the
//! others are, and also when the grader is killed and started again.

mod class;
mod containment;
mod dependencies;
mod letters;
mod links;
mod machines;
mod names;
mod parts;
mod planted;
mod resume;
mod retries;
mod submissions;
#[path = "../support/mod.rs"]
mod support;
