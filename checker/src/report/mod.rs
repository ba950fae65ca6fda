//! What a run found, written down: `model` is the value, every output format a rendering of it.
//!
//! ```text
//! format                            a row for each format
//!   │  human, junit, github, …      a rendering each
//!   │    └─ table, excerpt, calls   parts of several renderings; links, for a terminal
//!   │         └─ layout, sanitize   width and colour; text from outside, made harmless
//!   └─ feedback, context, model     values: who may see what, what else is known, the report
//! ```
//!
//! Each knows only those below it. What a failure means, and which hint it earns, is decided before, in
//! [`verdict`](crate::verdict).

pub mod autolab;
pub(crate) mod calls;
pub mod classroom50;
mod context;
pub mod demo;
mod excerpt;
pub mod exercism;
mod feedback;
mod format;
pub mod github;
pub mod gradescope;
pub mod human;
pub mod json;
pub mod junit;
pub mod layout;
pub mod links;
pub mod markdown;
mod model;
pub mod prairielearn;
pub mod sanitize;
mod table;
mod xml;

pub use context::{Classroom50, Context, Gradescope, Visibility};
pub use feedback::Feedback;
pub use format::{Format, render};
pub use model::{
    Change, ExerciseReport, FailureReport, NoProgram, Report, Status, TestReport, VERSION,
};
