//! The checker of the socket lab: hidden tests for small network programs, and all that runs them.
//!
//! From the student's command to the kernel, a line of code knows its room. [`syllabus`], [`days`], [`demos`] and
//! [`demo_context`] are those of the package `course`, [`exercise`], [`lab`], [`observe`], [`sandbox`], [`worker`] and [`failure`]
//! those of the package `harness`; both know nothing of this one.
//!
//! - [`cli`]: the command line. [`target`]: what its names stand for. [`completion`]: what can come next on it. [`progress`]: what passes so far.
//! - [`check`]: a run: build ([`build`]), test ([`worker_pool`]), report ([`report`]).
//! - [`build`]: packages become programs, in the course or in the workspace of a submission.
//! - [`test_worker`]: the worker that runs one test, in its [`sandbox`].
//! - [`syllabus`]: the course in order. [`days`]: the hidden tests, made of [`exercise`]s.
//! - [`lab`]: the words in which a hidden test is written. It knows peers and waiting, not reports.
//! - [`observe`]: what the kernel shows of a program. It knows no tests.
//! - [`trace`]: what a program does, shown to its author while it runs. It knows no tests.
//! - [`demos`]: the textbook's statements, tried. [`demo_context`]: what they are written with.
//!   [`demo_worker`]: the worker that runs one.
//! - [`worker`]: work in processes of its own.
//! - [`failure`]: a broken promise, and the lab's own trouble, which never mix.
//! - [`book`]: the textbook, its contents and its site. [`reading`]: it in a terminal.
//! - [`verdict`]: what a test says about a program: the known mistake, the hint.
//! - [`memory`]: what the lab remembers from one command to the next, such as the [`last_report`].
//! - [`starter`]: where an exercise begins. [`comparison`]: a program beside the reference. [`git`]: what it knows.
//! - [`watch`]: a check at every save. [`frontend`]: what the student does next there, and what at a shell.
//! - [`retelling`]: what a passed test did.
//! - [`hints`]: a question, a direction, a place.
//! - [`atomic_file`]: what is written whole or not at all. [`digest`]: what has changed since.
//!
//! Only the feature `instructor` builds these, which no other module knows:
//!
//! - `verify`: the proof that the hidden tests are right. `mistakes`: the known-wrong versions, each a change to its
//!   reference, and the programs made of them.
//! - `grade`: untrusted submissions, many of them.
//! - `handout`: what students get. `scaffold`: a new exercise.

#[doc(inline)]
pub use course::{days, demo_context, demos, syllabus};
#[doc(inline)]
pub use harness::{beneath, exercise, failure, lab, observe, sandbox, worker};

pub mod atomic_file;
pub mod book;
pub mod build;
pub mod check;
pub mod cli;
pub mod comparison;
pub mod completion;
pub mod demo_worker;
pub mod digest;
pub mod doctor;
pub mod frontend;
pub mod git;
#[cfg(feature = "instructor")]
pub mod grade;
#[cfg(feature = "instructor")]
pub mod handout;
pub mod hints;
pub mod last_report;
pub mod map;
pub mod memory;
#[cfg(feature = "instructor")]
pub mod mistakes;
pub mod progress;
pub mod reading;
pub mod report;
pub mod retelling;
#[cfg(feature = "instructor")]
pub mod scaffold;
pub mod starter;
pub mod target;
pub mod test_worker;
pub mod trace;
pub mod verdict;
#[cfg(feature = "instructor")]
pub mod verify;
pub mod watch;
pub mod worker_pool;
pub mod workspace;

/// The kinds of workers: for [`worker::dispatch`], the first call of every `main` that starts workers.
pub const JOBS: &[&worker::Job] = &[
    &test_worker::JOB,
    &demo_worker::JOB,
    &sandbox::supervisor::JOB,
    #[cfg(feature = "instructor")]
    &grade::scratch::JOB,
];

/// The Rust examples of the textbook are compiled and run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../course.md")]
pub struct Course;
