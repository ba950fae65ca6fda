//! `checker handout`: what students get.

use std::{env, path::PathBuf};

use clap::Args;

use super::{CliError, exit, say};
use crate::{
    failure::LabError,
    handout::{self, Handout},
    syllabus::EXERCISES,
    workspace,
};

#[derive(Debug, Args)]
pub struct Arguments {
    /// A new folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A checker to hand out, one for each kind of machine [default: this one]
    #[arg(long = "checker", value_name = "PATH")]
    checkers: Vec<PathBuf>,
    /// With the source of what the exercises depend on, so that students need no network
    #[arg(long)]
    vendor: bool,
    /// With the references, which `compare` shows who passes, or gives up
    #[arg(long)]
    with_solutions: bool,
}

pub(super) fn run(mut arguments: Arguments) -> Result<u8, CliError> {
    let folder = arguments.folder;
    if !handout::is_free(&folder) {
        return Err(CliError::Usage(format!(
            "{} is there already, and not empty; name a new folder",
            folder.display()
        )));
    }
    if arguments.checkers.is_empty() {
        let this = env::current_exe();
        let this = this.map_err(|error| LabError::io("could not find this program", &error))?;
        arguments.checkers.push(this);
    }
    let handout = Handout {
        root: workspace::find()?,
        checkers: arguments.checkers,
        vendor: arguments.vendor,
        with_solutions: arguments.with_solutions,
    };
    let machines = handout.write_to(&folder)?;
    say(&format!(
        "{} is ready to be handed out: {} exercises, and a checker for {}\n",
        folder.display(),
        EXERCISES.len(),
        machines.join(" and ")
    ))?;
    Ok(exit::PASSED)
}
