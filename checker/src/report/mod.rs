//! What a run found, written down: `model` is the value, every output format a rendering of it.
//!
//! ```text
//! format                              a row for each format
//!   │  github, junit, gradescope, …   a rendering each, for other programs
//!   │    └─ table, json, xml          parts of several of these
//!   │         └─ human                the rendering for people, which most others quote
//!   │              └─ excerpt, calls  parts of it
//!   │  demo, links                    beside the report: what a demo shows; links, for a terminal
//!   │    └─ sanitize ─ layout         text from outside, made harmless; width and colour
//!   └─ feedback, context, model       values: who may see what, what else is known, the report
//! ```
//!
//! Each knows only those below it. What a failure means, and which hint it earns, is decided before, in
//! [`verdict`](crate::verdict).

mod autolab;
pub(crate) mod calls;
mod classroom50;
mod context;
pub mod demo;
mod excerpt;
mod exercism;
mod feedback;
mod format;
mod github;
mod gradescope;
pub mod human;
mod json;
mod junit;
pub mod layout;
pub mod links;
mod markdown;
mod model;
mod prairielearn;
pub mod sanitize;
mod table;
mod xml;

pub use context::{Classroom50, Context, Gradescope, Visibility};
pub use feedback::Feedback;
pub use format::{Format, render};
pub use model::{Change, ExerciseReport, FailureReport, NoProgram, Report, Status, TestReport};
