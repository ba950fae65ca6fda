//! `checker why`: one test once more, and what it did.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    CliError, How,
    checking::refuse_unusable,
    conditions, exit,
    progress_line::ProgressLine,
    terminal::{say, width},
};
use crate::{
    book::Places,
    check::{self, CheckEvent, Finding, Plan},
    exercise::Exercise,
    frontend::Frontend,
    last_report::LastReport,
    report::{Report, Status, human},
    retelling::{self, Found},
    syllabus, target,
    worker::Cancel,
    workspace,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The exercise, if need be, and words of the test's name
    #[arg(required = true, value_name = "TEST")]
    words: Vec<String>,
    /// Test this executable in place of your crate
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

/// Runs a test, and tells what it did: of a test that passes, too.
pub(super) fn run(arguments: Arguments, cancel: &Cancel) -> Result<u8, CliError> {
    let root = workspace::find()?;
    let last = LastReport::load(&root).unwrap_or_default();
    let found = choose(&arguments.words, last.exercise())?;
    if let Some(program) = &arguments.program {
        refuse_unusable(program)?;
    }
    let places = Places::of_course(&root);
    let plan = Plan {
        root,
        exercises: vec![found.0],
        only: Some(found.1.name.to_owned()),
        program: arguments.program,
        fails_fast: false,
        conditions: conditions(&arguments.how, cancel),
        colour: anstream::stdout().is_terminal(),
    };
    let line = ProgressLine::new();
    let found_out = check::run(&plan, None, |event| {
        if let CheckEvent::Compiled(name) = event {
            line.say(&format!("compiling; {name} is done"));
        }
    })?;
    drop(line);
    let Finding {
        report,
        unfinished: 0,
    } = found_out
    else {
        return Err(CliError::Interrupted);
    };
    let detail = human::Detail {
        seed: plan.conditions.seed,
        program: plan.program.as_deref(),
        verbose: false,
        is_alone: true,
        width: width(),
        rows: None,
        frontend: Frontend::Shell,
        places: &places,
    };
    say(&tell(found, &report, detail))?;
    Ok(match report.status {
        Status::Passed => exit::PASSED,
        Status::Failed => exit::FAILED,
        Status::Broken => exit::BROKEN,
        Status::NotChecked => exit::NOT_CHECKED,
    })
}

/// The one test that is meant. The first word may name its exercise; else it is looked for in that where this process
/// is, in that which was checked last, and then in all.
fn choose(words: &[String], last: Option<&str>) -> Result<Found, CliError> {
    let all = words.join(" ");
    let named = match target::resolve(&words[..1]) {
        Ok(exercises) if words.len() > 1 => retelling::find(&exercises, &words[1..].join(" ")),
        _ => Vec::new(),
    };
    let usual = [target::at(Path::new(".")), last.and_then(syllabus::find)];
    let usual: Vec<&Exercise> = usual.into_iter().flatten().collect();
    let looks = usual
        .iter()
        .map(|exercise| retelling::find(&[exercise], &all));
    let mut found = [named].into_iter().chain(looks);
    let found = found
        .find(|found| !found.is_empty())
        .unwrap_or_else(|| retelling::find(&[], &all));
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(CliError::Usage(format!(
            "no test has a name with '{all}' in it; `cargo lab list day2_2` shows those of an exercise"
        ))),
        several => {
            /// More are no help.
            const MOST: usize = 12;
            let names = several.iter().take(MOST).map(|(exercise, test)| {
                // The shell would run what is between backticks.
                let quote = if test.name.contains('`') { '\'' } else { '"' };
                let number = exercise.number();
                format!("  cargo lab why {number} {quote}{}{quote}", test.name)
            });
            let names: Vec<String> = names.collect();
            Err(CliError::Usage(format!(
                "{} tests have '{all}' in their names:\n{}",
                several.len(),
                names.join("\n")
            )))
        }
    }
}

fn tell(found: Found, report: &Report, detail: human::Detail<'_>) -> String {
    let of_exercise = report.exercises.iter();
    let tests = of_exercise.flat_map(|exercise| &exercise.tests);
    let mut tests = tests.filter(|test| test.name == found.1.name);
    match tests.find(|test| test.status == Status::Passed) {
        Some(test) => retelling::tell(found, test, detail.places, detail.width),
        None => {
            let exercises = report.exercises.iter();
            exercises.map(|one| human::exercise(one, detail)).collect()
        }
    }
}
