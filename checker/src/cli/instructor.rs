//! The commands for instructors, which only the feature `instructor` builds.

mod book;
mod exercise;
mod grade;
mod handout;
mod mistake;
mod verify;

use std::path::PathBuf;

use clap::Subcommand;

use super::{
    CliError, How, conditions, exit,
    naming::all_or,
    possible,
    progress_line::ProgressLine,
    terminal::{complain, say, width},
};
use crate::worker::Cancel;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// For instructors: prove that the hidden tests are right
    ///
    /// Starters compile and fail; solutions pass; every known-wrong version is rejected by its own test, with its
    /// diagnosis and its hint; every test rejects one; every sentence of a contract is proved, or listed with a reason.
    Verify(verify::Arguments),
    /// For instructors: write the source of a site with the textbook, for mdBook
    Book {
        /// The folder to write; `mdbook build FOLDER` makes the site of it
        #[arg(required_unless_present = "update")]
        folder: Option<PathBuf>,
        /// Write the table of contents and the indexes in course.md anew
        #[arg(long, conflicts_with = "folder")]
        update: bool,
    },
    /// For instructors: write and change the known-wrong versions of an exercise
    #[command(subcommand)]
    Mistake(mistake::Command),
    /// For instructors: begin a new exercise
    #[command(subcommand)]
    Exercise(exercise::Command),
    /// For instructors and CI: grade the submissions of a class
    ///
    /// A submission is a folder, a .zip or a .tar.gz with a student's exercises/, or with the crates worked on. Their
    /// source files are built in a workspace of the grader's own, each submission by itself, and the hidden tests run
    /// on what comes out. The same command goes on where an earlier one ended.
    #[command(after_help = grade::AFTER_HELP)]
    Grade(grade::Arguments),
    /// For instructors: write what students get to a folder
    ///
    /// The exercises, the textbook and this checker as a program: no solution, no known-wrong version, and no source of
    /// a hidden test.
    Handout(handout::Arguments),
}

pub(super) fn run(command: Command, cancel: &Cancel) -> Result<u8, CliError> {
    match command {
        Command::Verify(arguments) => verify::run(&arguments, cancel),
        Command::Book { folder, .. } => book::write(folder.as_deref()),
        Command::Mistake(command) => mistake::run(&command, cancel),
        Command::Exercise(command) => exercise::run(&command),
        Command::Grade(arguments) => grade::run(arguments, cancel),
        Command::Handout(arguments) => handout::run(arguments),
    }
}
