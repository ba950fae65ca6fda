//! `checker trace`: what runs, and where its trace goes.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anstream::ColorChoice;
use clap::{Args, ValueEnum};

use super::{
    CliError, checking::recall, columns, exit, knows_links, naming::one_or_next, output,
    progress_line::ProgressLine, refuse_unusable, width,
};
use crate::{
    check,
    exercise::Exercise,
    failure::LabError,
    observe::{calls::Call, tracer},
    progress::Progress,
    report::{human, links::Links},
    target,
    trace::Session,
    worker::{Cancel, RunError},
    workspace,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which exercise [default: the next one]
    exercise: Option<String>,
    /// Run this executable in place of your crate
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Only these system calls, for example read,write,accept
    #[arg(long, value_name = "CALLS", value_delimiter = ',', value_parser = call)]
    only: Vec<Call>,
    /// Let the kernel do as little as it may: each read and write of a stream moves one byte, and every other call that
    /// can wait fails with EINTR
    #[arg(long)]
    hostile: bool,
    /// How to tell it
    #[arg(long, value_enum, default_value_t = TraceFormat::Human)]
    format: TraceFormat,
    /// Write it to this file, and leave the terminal to the program
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The program's own arguments
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TraceFormat {
    /// For people
    Human,
    /// One JSON object a line; its schema is checker/trace.schema.json
    Json,
}

/// A kind of call by one of its names.
fn call(name: &str) -> Result<Call, String> {
    Call::named(name).ok_or_else(|| {
        let names = Call::names();
        match target::near(name, names.clone()).as_slice() {
            [] => format!("there are {}", names.join(", ")),
            near => format!("did you mean {}?", near.join(" or ")),
        }
    })
}

/// Runs the program, and shows its trace.
pub(super) fn run(arguments: &Arguments, cancel: &Cancel) -> Result<u8, CliError> {
    let progress = workspace::find().map_or_else(|_| Progress::default(), |root| recall(&root));
    let exercise = one_or_next(arguments.exercise.as_deref(), &progress)?;
    tracer::probe().map_err(|error| {
        let detail = error.detail.as_deref().unwrap_or_default();
        let advice = "`cargo lab doctor` says how to allow it";
        LabError {
            detail: Some(
                format!("{detail}; {advice}")
                    .trim_start_matches("; ")
                    .to_owned(),
            ),
            ..error
        }
    })?;
    let program = match &arguments.program {
        Some(program) => {
            refuse_unusable(program)?;
            program.clone()
        }
        None => match build(&workspace::find()?, exercise, cancel)? {
            Some(program) => program,
            None => return Ok(exit::FAILED),
        },
    };
    if cancel.is_cancelled() {
        return Err(CliError::Interrupted);
    }
    let has_colour = arguments.output.is_none() && colour() != ColorChoice::Never;
    let (output, width): (Box<dyn Write>, usize) = match &arguments.output {
        None => (Box::new(io::stderr()), columns(&io::stderr())),
        Some(path) => (Box::new(output::stream(path)?), 80),
    };
    let session = Session {
        program: &program,
        arguments: &arguments.arguments,
        only: &arguments.only,
        is_hostile: arguments.hostile,
        has_colour,
        links: links(arguments, exercise),
        as_json: arguments.format == TraceFormat::Json,
        width,
    };
    Ok(session.run(output)?.exit_status())
}

/// Where links of the story lead, if it goes to a terminal that knows links.
fn links(arguments: &Arguments, exercise: &Exercise) -> Option<Links> {
    if arguments.output.is_some() || !knows_links(&io::stderr()) {
        return None;
    }
    let root = workspace::find().ok()?;
    let own = arguments.program.is_none().then_some(exercise.name);
    Some(Links::new(&root, own))
}

/// Whether standard error shows colours.
fn colour() -> ColorChoice {
    anstream::AutoStream::choice(&io::stderr())
}

/// Builds the program of an exercise. None if there is none, and then it is said why.
fn build(
    root: &Path,
    exercise: &'static Exercise,
    cancel: &Cancel,
) -> Result<Option<PathBuf>, RunError> {
    let line = ProgressLine::new();
    let has_colour = colour() != ColorChoice::Never;
    line.say("compiling");
    let built = check::build(root, exercise, has_colour, cancel, |name| {
        line.say(&format!("compiling; {name} is done"));
    });
    drop(line);
    let (program, report) = built?;
    let mut text: String = report
        .warnings
        .iter()
        .map(|warning| format!("{}\n\n", warning.trim_end()))
        .collect();
    if let Some(reason) = &report.no_program {
        text.push_str(&human::nothing_to_test(exercise.name, reason, width()));
    }
    let _ = anstream::stderr().write_all(text.as_bytes());
    Ok(program)
}
