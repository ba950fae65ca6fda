//! `checker verify`: the proof that the hidden tests are right.

use std::path::Path;

use clap::Args;

use super::{CliError, How, ProgressLine, all_or, conditions, exit, say, width};
use crate::{
    verify::{
        self, Trial,
        coverage::{self, Coverage},
    },
    worker::Cancel,
    workspace,
};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Which exercises [default: all]
    targets: Vec<String>,
    /// Only what differs from a git revision [default: from where the branch began]
    #[arg(long, value_name = "REVISION", num_args = 0..=1, require_equals = true, conflicts_with = "targets")]
    changed: Option<Option<String>>,
    /// Print which tests prove which sentence of the contracts; build and run nothing
    #[arg(long, conflicts_with_all = ["changed", "own_tests", "times", "How"])]
    coverage: bool,
    /// Run each known-wrong version against the test that declares it only, and not against those before it
    #[arg(long)]
    own_tests: bool,
    /// Do all of it so many times
    #[arg(long, value_name = "N", default_value_t = 1)]
    times: u32,
    #[command(flatten)]
    how: How,
}

pub(super) fn run(arguments: &Arguments, cancel: &Cancel) -> Result<u8, CliError> {
    let root = workspace::find()?;
    refuse_students(&root)?;
    match arguments.coverage {
        true => show_coverage(&root, &arguments.targets),
        false => prove(&root, arguments, cancel),
    }
}

fn prove(root: &Path, arguments: &Arguments, cancel: &Cancel) -> Result<u8, CliError> {
    let scope = match &arguments.changed {
        Some(revision) => verify::changed::since(root, revision.as_deref())?,
        None => verify::whole(&all_or(&arguments.targets)?),
    };
    let trial = match arguments.own_tests {
        true => Trial::OwnTest,
        false => Trial::InOrder,
    };
    if scope.is_empty() {
        say("nothing that an exercise depends on has changed\n")?;
        return Ok(exit::PASSED);
    }
    let line = ProgressLine::new();
    let mut faults = 0;
    for round in 1..=arguments.times {
        let mut conditions = conditions(&arguments.how, cancel);
        conditions.seed = conditions.seed.wrapping_add(u64::from(round - 1));
        let proof = verify::run(root, &scope, trial, conditions, |message| {
            line.say(&format!("round {round} of {}: {message}", arguments.times));
        })?;
        faults += proof.faults.len();
        line.pause(|| say(&proof.render(width())))?;
    }
    drop(line);
    Ok(if faults == 0 {
        exit::PASSED
    } else {
        exit::FAILED
    })
}

/// Otherwise every fault would name a known-wrong version, to students of all people.
fn refuse_students(root: &Path) -> Result<(), CliError> {
    match root.join("solutions").is_dir() {
        true => Ok(()),
        false => Err(CliError::Usage(
            "verify is for the instructors' course, which has the solutions".to_owned(),
        )),
    }
}

fn show_coverage(root: &Path, targets: &[String]) -> Result<u8, CliError> {
    let exercises = all_or(targets)?.into_iter();
    let found: Vec<Coverage> = exercises
        .map(|exercise| coverage::of(root, exercise))
        .collect();
    say(&coverage::render(&found, width()))?;
    Ok(match found.iter().all(Coverage::is_whole) {
        true => exit::PASSED,
        false => exit::FAILED,
    })
}
