//! What a hidden test stands on: its words, what the kernel shows of a program, and a place for both.
//!
//! - [`author`]: what an author of exercises needs, on one page.
//! - [`exercise`]: an exercise, its hidden tests and their mistakes.
//! - [`lab`]: the words in which a hidden test is written. It knows peers and waiting, not reports.
//! - [`observe`]: what the kernel shows of a program. It knows no tests.
//! - [`sandbox`]: one isolated place for one test.
//! - [`beneath`]: directories in which somebody else can write.
//! - [`worker`]: work in processes of its own.
//! - [`sys`]: system calls for which nix has no safe function.
//! - [`failure`]: a broken promise, and the lab's own trouble, which never mix.

pub mod author;
pub mod beneath;
pub mod exercise;
pub mod failure;
pub mod lab;
pub mod observe;
pub mod sandbox;
pub mod sys;
pub mod worker;
