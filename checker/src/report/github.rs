//! The log of a GitHub workflow: the report for people, folded by exercise, and annotations beside the code.
//!
//! The runner reads commands from everything that is printed. While text is echoed that others wrote, it is told to
//! read none, until it reads a word that is random.

use std::fmt::Write;

use super::{
    context::Context,
    human,
    layout::plain,
    model::{ExerciseReport, NoProgram, Report, Status},
    sanitize::{as_command_data, as_command_property, cut, without_commands},
};
use crate::failure::LabError;

/// GitHub shows so many annotations of one kind for a step.
const MOST: usize = 10;
/// The most letters of an annotation.
const LONGEST: usize = 2000;

struct Annotation {
    level: &'static str,
    title: String,
    file: Option<String>,
    line: Option<u32>,
    message: String,
}

/// The report as a GitHub workflow prints it.
///
/// # Errors
///
/// Never.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let word = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let mut text = String::new();
    for exercise in &report.exercises {
        let told = plain(&human::exercise(
            exercise,
            human::Detail::of(report, context),
        ));
        let title = format!(
            "{}: {} of {} points",
            exercise.name, exercise.points, exercise.max_points
        );
        let _ = write!(
            text,
            "::group::{}\n::stop-commands::{word}\n{}\n::{word}::\n::endgroup::\n",
            as_command_data(&title),
            without_commands(told.trim_end()),
        );
    }
    for annotation in annotations(report, context) {
        annotation.write(&mut text);
    }
    text.push_str(&without_commands(&plain(&human::summary(
        report,
        &human::Closing::default(),
    ))));
    Ok(text)
}

fn annotations(report: &Report, context: &Context) -> Vec<Annotation> {
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    for exercise in &report.exercises {
        errors.extend(failure(exercise, report.seed, context));
        errors.extend(trouble(exercise));
        warnings.extend(gap(exercise));
    }
    limit(&mut errors);
    limit(&mut warnings);
    errors.into_iter().chain(warnings).collect()
}

/// What fails first: the program that is not there, or the first failed test, where there is something to say.
fn failure(exercise: &ExerciseReport, seed: u64, context: &Context) -> Option<Annotation> {
    let source = format!("exercises/{}/src/main.rs", exercise.name);
    let error = |title: String, file, line, message| Annotation {
        level: "error",
        title,
        file: Some(file),
        line,
        message,
    };
    if let Some(reason) = &exercise.no_program {
        let told = plain(&human::nothing_to_test(&exercise.name, reason, 100));
        let title = format!("{}: no program", exercise.name);
        return Some(match reason {
            NoProgram::DoesNotCompile(messages) => {
                let message = messages.first().map_or(told.as_str(), String::as_str);
                let message = plain(&cut(message, LONGEST));
                let line = line_in(&message, &source);
                let title = format!("{} does not compile", exercise.name);
                error(title, source, line, message)
            }
            NoProgram::MissingFile(_) | NoProgram::NoBinary => error(title, source, None, told),
            NoProgram::UnreadablePackage(_) | NoProgram::RenamedPackage(_) => {
                let manifest = format!("exercises/{}/Cargo.toml", exercise.name);
                error(title, manifest, None, told)
            }
        });
    }
    let mut failed = exercise
        .tests
        .iter()
        .filter(|test| test.status == Status::Failed);
    let first = failed.next()?;
    let title = match failed.count() {
        0 => format!("{}: {}", exercise.name, first.name),
        more => format!("{}: {} (and {more} more)", exercise.name, first.name),
    };
    let (line, message) = match &first.failure {
        Some(failure) => (
            line_in(&failure.stderr, &source),
            format!(
                "{}\n\nhint: {}\nread: {}\nseed: {seed}",
                failure.symptom,
                failure.hint,
                context.places.cite(&failure.read)
            ),
        ),
        None => (None, "The program does not keep this promise.".to_owned()),
    };
    Some(error(title, source, line, message))
}

/// The line that a message of the compiler or of a panic names in this file.
fn line_in(message: &str, source: &str) -> Option<u32> {
    let (_, rest) = message.split_once(&format!("{source}:"))?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit());
    rest[..digits.unwrap_or(rest.len())].parse().ok()
}

fn trouble(exercise: &ExerciseReport) -> Option<Annotation> {
    let error = exercise.tests.iter().find_map(|test| test.error.as_ref());
    (exercise.status == Status::Broken).then(|| Annotation {
        level: "error",
        title: format!("{}: the lab itself failed", exercise.name),
        file: None,
        line: None,
        message: match error {
            Some(error) => format!("{error}. This is not the program's fault."),
            None => "This is not the program's fault.".to_owned(),
        },
    })
}

fn gap(exercise: &ExerciseReport) -> Option<Annotation> {
    let gaps: Vec<&str> = exercise
        .tests
        .iter()
        .filter_map(|test| test.not_checked.as_deref())
        .collect();
    let is_known = !gaps.is_empty() || exercise.status == Status::NotChecked;
    is_known.then(|| Annotation {
        level: "warning",
        title: format!("{}: not all is checked here", exercise.name),
        file: None,
        line: None,
        message: match gaps.first() {
            Some(reason) => format!("{} tests could not look: {reason}", gaps.len()),
            None => "this machine does not allow all tests to look".to_owned(),
        },
    })
}

/// The last one that is shown tells how many are not.
fn limit(annotations: &mut Vec<Annotation>) {
    if annotations.len() > MOST {
        let left_out = annotations.len() - (MOST - 1);
        annotations.truncate(MOST - 1);
        let level = annotations[0].level;
        annotations.push(Annotation {
            level,
            title: format!("{left_out} more exercises"),
            file: None,
            line: None,
            message: "The log of this step tells all.".to_owned(),
        });
    }
}

impl Annotation {
    fn write(&self, text: &mut String) {
        let mut properties = vec![format!("title={}", as_command_property(&self.title))];
        if let Some(file) = &self.file {
            properties.push(format!("file={}", as_command_property(file)));
        }
        if let Some(line) = self.line {
            properties.push(format!("line={line}"));
        }
        let _ = writeln!(
            text,
            "::{} {}::{}",
            self.level,
            properties.join(","),
            as_command_data(&cut(&self.message, LONGEST))
        );
    }
}
