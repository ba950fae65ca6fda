//! `checker TARGET`: a run, and what is said of it.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use anstream::ColorChoice;

use super::{
    CheckArguments, CliError, conditions,
    delivery::Delivery,
    exit,
    progress_line::ProgressLine,
    resolve_or_command,
    terminal::{complain, knows_links, say, width},
};
use crate::{
    book::Places,
    build::{self, cargo::Building},
    check::{self, CheckEvent, Plan},
    exercise::Exercise,
    map,
    progress::Progress,
    report::{Report, Status, human, links::Links},
    target,
    worker::{Cancel, RunError},
    workspace,
};

pub(super) fn check(arguments: CheckArguments, cancel: &Cancel) -> Result<u8, CliError> {
    let root = workspace::find()?;
    if arguments.targets.is_empty() {
        if arguments.program.is_some()
            || arguments.only.is_some()
            || arguments.report.output.is_some()
        {
            return Err(CliError::Usage(
                "which exercise? Name a target, for example day2_2".to_owned(),
            ));
        }
        say(&map::draw(
            &recall(&root),
            &Places::of_course(&root),
            width(),
        ))?;
        return Ok(exit::PASSED);
    }
    let exercises = resolve_or_command(&arguments.targets)?;
    if let (Some(_), [_, _, ..]) = (&arguments.program, exercises.as_slice()) {
        return Err(CliError::Usage(
            "--program is one program: name one exercise, for example day2_2".to_owned(),
        ));
    }
    if let Some(program) = &arguments.program {
        refuse_unusable(program)?;
    }
    let exercises = narrow(exercises, arguments.only.as_deref())?;
    let places = Places::of_course(&root);
    let mut delivery = Delivery::new(
        &arguments.report,
        arguments.program.clone(),
        arguments.verbose,
        places.clone(),
    )?;
    let colour = anstream::stdout().is_terminal() && ColorChoice::global() != ColorChoice::Never
        || ColorChoice::global() == ColorChoice::Always;
    // The build begins while the lab finds out what this machine allows. A confined build has to wait for that.
    let begun = match arguments.program.is_some() || arguments.how.jail {
        true => None,
        false => build::begin(&root, &exercises, colour),
    };
    let plan = Plan {
        root,
        exercises,
        only: arguments.only.clone(),
        program: arguments.program.clone(),
        conditions: conditions(&arguments.how, cancel),
        colour,
    };
    let report = watch(&plan, begun, &mut delivery, &arguments, &places)?;
    if plan.program.is_none()
        && let Some(progress) = remember(&plan.root, &report)
        && (delivery.shows_people() && report.status == Status::Passed)
    {
        say(&map::onward(&plan.exercises, &progress))?;
    }
    delivery.deliver(&report)?;
    Ok(match report.status {
        Status::Passed => exit::PASSED,
        Status::Failed => exit::FAILED,
        Status::Broken => exit::BROKEN,
        Status::NotChecked => exit::NOT_CHECKED,
    })
}

pub(super) fn refuse_unusable(program: &Path) -> Result<(), CliError> {
    let path = program.display();
    match fs::metadata(program) {
        Err(error) => Err(CliError::Usage(format!(
            "there is no program {path}: {error}"
        ))),
        Ok(found) if !found.is_file() => Err(CliError::Usage(format!("{path} is not a file"))),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => Err(CliError::Usage(format!(
            "{path} is not executable; `chmod +x {path}` makes it so"
        ))),
        Ok(_) => Ok(()),
    }
}

/// The exercises that have a test of this name.
fn narrow(
    exercises: Vec<&'static Exercise>,
    only: Option<&str>,
) -> Result<Vec<&'static Exercise>, CliError> {
    let Some(text) = only else {
        return Ok(exercises);
    };
    let has_such = |exercise: &&&Exercise| !check::tests_of(exercise, only).is_empty();
    let found: Vec<&Exercise> = exercises.iter().filter(has_such).copied().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names = exercises
        .iter()
        .flat_map(|exercise| exercise.tests)
        .map(|test| test.name);
    let near = target::near(text, names.clone().map(str::to_owned));
    let near = if near.is_empty() {
        names.map(str::to_owned).collect()
    } else {
        near
    };
    Err(CliError::Usage(format!(
        "no test has a name with '{text}' in it; there are:\n{}",
        near.join("\n")
    )))
}

/// What a terminal can open becomes a link, if it knows links.
fn with_links(text: String, plan: &Plan, exercise: &str) -> String {
    let exercise = plan.program.is_none().then_some(exercise);
    match knows_links(&io::stdout()) {
        true => Links::new(&plan.root, exercise).add(&text),
        false => text,
    }
}

/// Runs the plan, with a progress line on a terminal, and reports for people as soon as they are complete.
fn watch(
    plan: &Plan,
    begun: Option<Building>,
    delivery: &mut Delivery,
    arguments: &CheckArguments,
    places: &Places,
) -> Result<Report, RunError> {
    let line = ProgressLine::new();
    let detail = human::Detail {
        seed: plan.conditions.seed,
        program: plan.program.as_deref(),
        verbose: arguments.verbose,
        width: width(),
        places,
    };
    let feedback = arguments.report.feedback;
    let to_terminal = delivery.shows_people();
    let (mut shown, mut kept) = (Ok(()), Ok(()));
    let report = check::run(plan, begun, |event| match event {
        CheckEvent::Compiling(name) => line.say(&format!("compiling {name}")),
        CheckEvent::Tested(done, of) => line.say(&format!("{done} of {of} tests done")),
        CheckEvent::Exercise(exercise) => {
            if to_terminal && !plan.conditions.cancel.is_cancelled() {
                let exercise = feedback.of_exercise(exercise);
                let text = with_links(human::exercise(&exercise, detail), plan, &exercise.name);
                let said = line.pause(|| say(&text));
                shown = std::mem::replace(&mut shown, Ok(())).and(said);
            }
        }
        CheckEvent::SoFar(so_far) => {
            kept = std::mem::replace(&mut kept, Ok(())).and_then(|()| delivery.keep(so_far));
        }
    });
    drop(line);
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            if let RunError::Lab(trouble) = &error {
                delivery.give_up(&check::unfinished(plan, trouble))?;
            }
            return Err(error);
        }
    };
    shown.and(kept)?;
    if to_terminal {
        say(&human::summary(&feedback.of(&report)))?;
    }
    Ok(report)
}

/// What passes so far. A file that cannot be read is worth a note; the map is drawn without it.
pub(super) fn recall(root: &Path) -> Progress {
    Progress::load(root).unwrap_or_else(|error| {
        complain(&error.to_string());
        Progress::default()
    })
}

/// The map of the course lives on this. If it cannot be written, the run is as good as before; and a file that cannot
/// be read is left as it is. Returns what passes now, where that is known.
fn remember(root: &Path, report: &Report) -> Option<Progress> {
    let mut progress = match Progress::load(root) {
        Ok(progress) => progress,
        Err(error) => {
            let advice = "fix it, or remove it to start again";
            complain(&format!("{error}; {advice}"));
            return None;
        }
    };
    progress.take(report);
    if let Err(error) = progress.save(root) {
        complain(&error.to_string());
    }
    Some(progress)
}
