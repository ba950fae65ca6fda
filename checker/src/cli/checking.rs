//! `checker TARGET`: a run, and what is said of it.

use std::{collections::BTreeSet, fs, io, os::unix::fs::PermissionsExt, path::Path};

use anstream::ColorChoice;

use super::{
    CheckArguments, CliError, conditions,
    delivery::Delivery,
    exit,
    live::Live,
    pager::Screen,
    resolve_or_command,
    terminal::{complain, console_size, say, width},
};
use crate::{
    book::Places,
    build::{self, cargo::Building},
    check::{self, CheckEvent, Finding, Plan},
    exercise::Exercise,
    frontend::Frontend,
    last_report::LastReport,
    map,
    progress::{self, Progress, Sources},
    report::{
        Change, Report, Status,
        human::{self, Closing},
    },
    target,
    worker::{Cancel, RunError},
    workspace,
};

pub(super) fn check(
    arguments: CheckArguments,
    frontend: Frontend,
    cancel: &Cancel,
) -> Result<u8, CliError> {
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
    let sources = progress::sources_of(&root, &exercises);
    // The build begins while the lab finds out what this machine allows. A confined build has to wait for that.
    let begun = match arguments.program.is_some() || arguments.how.jail {
        true => None,
        false => build::begin(&root, &exercises, colour, cancel),
    };
    let plan = Plan {
        root,
        exercises,
        only: arguments.only.clone(),
        program: arguments.program.clone(),
        fails_fast: arguments.fail_fast,
        conditions: conditions(&arguments.how, cancel),
        colour,
    };
    let (finding, screen) = watch(&plan, begun, &mut delivery, &arguments, frontend, &places)?;
    let closing = close(&plan, &finding, &sources, frontend);
    conclude(&plan, &finding, &closing, screen, delivery, &arguments)
}

/// Says what closes a report, delivers it, and tells the exit status.
fn conclude(
    plan: &Plan,
    finding: &Finding,
    closing: &Closing,
    mut screen: Screen,
    mut delivery: Delivery,
    arguments: &CheckArguments,
) -> Result<u8, CliError> {
    let report = &finding.report;
    if delivery.shows_people() && !report.exercises.is_empty() {
        let report = arguments.report.feedback.of(report);
        screen.say(&human::summary(&report, closing))?;
    }
    screen.show()?;
    if plan.conditions.cancel.is_cancelled() {
        return Err(CliError::Interrupted);
    }
    delivery.deliver(report)?;
    Ok(match report.status {
        Status::Passed => exit::PASSED,
        Status::Failed => exit::FAILED,
        Status::Broken => exit::BROKEN,
        Status::NotChecked => exit::NOT_CHECKED,
    })
}

/// Remembers what was found, and says what is different from the last run, and what to do next.
fn close(plan: &Plan, finding: &Finding, sources: &Sources, frontend: Frontend) -> Closing {
    let mut closing = Closing {
        unfinished: finding.unfinished,
        ..Closing::default()
    };
    if plan.program.is_some() {
        return closing;
    }
    if let Some(found) = remember(&plan.root, &finding.report, sources) {
        closing.change = found.change;
        let done = found.days_done.iter();
        closing.done = done.map(|&day| map::day_done(day)).collect();
        closing.next = next(plan, finding, &found.progress, frontend);
    }
    closing
}

/// What to do next; nothing where that is not known, or where the session of `watch` says it.
fn next(plan: &Plan, finding: &Finding, progress: &Progress, frontend: Frontend) -> Option<String> {
    let report = &finding.report;
    match report.status {
        Status::Passed if finding.unfinished == 0 && frontend == Frontend::Shell => {
            Some(map::onward(&plan.exercises, progress))
        }
        Status::Failed => {
            let failed = |exercise: &&Exercise| {
                let mut reports = report.exercises.iter();
                reports.any(|one| one.name == exercise.name && one.status == Status::Failed)
            };
            let number = plan
                .exercises
                .iter()
                .copied()
                .find(|one| failed(one))?
                .number();
            Some(match frontend {
                Frontend::Shell => format!(
                    "next  fix it, and type cargo lab {number}; for a push: cargo lab hint {number}\n"
                ),
                Frontend::Keys => {
                    "next  fix it and save, and it is checked again; for a push: the key h\n"
                        .to_owned()
                }
                Frontend::Saves => format!(
                    "next  fix it and save, and it is checked again; for a push: cargo lab hint {number}\n"
                ),
            })
        }
        _ => None,
    }
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

/// Runs the plan, with a progress line on a terminal, and reports for people as soon as they are complete.
fn watch(
    plan: &Plan,
    begun: Option<Building>,
    delivery: &mut Delivery,
    arguments: &CheckArguments,
    frontend: Frontend,
    places: &Places,
) -> Result<(Finding, Screen), RunError> {
    let rows = console_size(&io::stdout()).map(|(rows, _)| usize::from(rows));
    let detail = human::Detail {
        seed: plan.conditions.seed,
        program: plan.program.as_deref(),
        verbose: arguments.verbose,
        is_alone: plan.exercises.len() == 1,
        width: width(),
        rows: rows.filter(|_| frontend == Frontend::Keys),
        frontend,
        places,
    };
    let shows_people = delivery.shows_people();
    let screen = Screen::new(arguments.pager && shows_people);
    let feedback = arguments.report.feedback;
    let mut live = Live::new(plan, screen, shows_people, feedback, detail);
    let mut kept = Ok(());
    let found = check::run(plan, begun, |event| {
        live.take(&event);
        if let CheckEvent::SoFar(so_far) = event {
            kept = std::mem::replace(&mut kept, Ok(())).and_then(|()| delivery.keep(so_far));
        }
    });
    let screen = live.end();
    let finding = match found {
        Ok(finding) => finding,
        Err(error) => {
            if let RunError::Lab(trouble) = &error {
                delivery.give_up(&check::unfinished(plan, trouble))?;
            }
            return Err(error);
        }
    };
    kept?;
    Ok((finding, screen?))
}

/// For the commands that go on from a report: hint, read.
fn remember_report(root: &Path, report: &Report, sources: &Sources) {
    let mut last = LastReport::load(root).unwrap_or_default();
    last.take(report, sources);
    // Where nothing can be remembered, the user knows by now.
    let _ = last.save(root);
}

/// What passes so far. A file that cannot be read is worth a note; the map is drawn without it.
pub(super) fn recall(root: &Path) -> Progress {
    Progress::load(root).unwrap_or_else(|error| {
        complain(&error.to_string());
        Progress::default()
    })
}

/// What is remembered of a run.
struct Remembered {
    /// What passes now.
    progress: Progress,
    /// What is different from before, where that is known.
    change: Option<Change>,
    /// The days that were not done before.
    days_done: BTreeSet<u32>,
}

/// The map of the course lives on this. If it cannot be written, the run is as good as before; and a file that cannot
/// be read is left as it is.
fn remember(root: &Path, report: &Report, sources: &Sources) -> Option<Remembered> {
    let mut progress = match Progress::load(root) {
        Ok(progress) => progress,
        Err(error) => {
            let advice = "fix it, or remove it to start again";
            complain(&format!("{error}; {advice}"));
            return None;
        }
    };
    let change = progress.change(report);
    let done_before = progress.days_done();
    progress.take(report, sources);
    remember_report(root, report, sources);
    if let Err(error) = progress.save(root) {
        complain(&error.to_string());
    }
    Some(Remembered {
        days_done: &progress.days_done() - &done_before,
        progress,
        change,
    })
}
