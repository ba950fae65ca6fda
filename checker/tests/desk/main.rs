//! The commands with which a student works, beside the check itself.

#[path = "../support/mod.rs"]
mod support;

mod names;
