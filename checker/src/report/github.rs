//! The log of a GitHub workflow: the report for people, folded by exercise, and annotations beside the code.
//!
//! The runner reads commands from everything that is printed. While text is echoed that others wrote, it is told to
//! read none, until it reads a word that is random.

use std::fmt::Write;

use super::{
    context::Context,
    human,
    layout::{counted, plain},
    model::{ExerciseReport, NoProgram, Report, Status},
    sanitize::{as_command_data, as_command_property, cut},
    table::unexplained,
};
use crate::failure::LabError;

/// GitHub shows so many annotations of one kind for a step.
const MOST_ANNOTATIONS: usize = 10;
/// The most letters of an annotation.
const MOST_LETTERS: usize = 2000;
/// To how many columns a text is folded.
const WIDTH: usize = 100;

const ERROR: &str = "error";
const WARNING: &str = "warning";

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
        let detail = human::Detail::in_file(report, context);
        let told = human::exercise_in_file(exercise, detail);
        let title = format!(
            "{}: {} of {} points",
            exercise.name, exercise.points, exercise.max_points
        );
        let _ = write!(
            text,
            "::group::{}\n::stop-commands::{word}\n{}\n::{word}::\n::endgroup::\n",
            as_command_data(&title),
            told.trim_end(),
        );
    }
    for annotation in annotations(report, context) {
        annotation.write(&mut text);
    }
    let closing = human::Closing::default();
    Ok(text + &plain(&human::summary(report, &closing)))
}

fn annotations(report: &Report, context: &Context) -> Vec<Annotation> {
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    for exercise in &report.exercises {
        errors.extend(match &exercise.no_program {
            Some(reason) => Some(no_program(exercise, reason)),
            None => first_failed_test(exercise, report.seed, context),
        });
        errors.extend(trouble(exercise));
        warnings.extend(gap(exercise));
    }
    limit(&mut errors);
    limit(&mut warnings);
    errors.into_iter().chain(warnings).collect()
}

fn no_program(exercise: &ExerciseReport, reason: &NoProgram) -> Annotation {
    let name = &exercise.name;
    let advice = plain(&human::nothing_to_test(name, reason, WIDTH));
    let error = |message| Annotation::new(ERROR, format!("{name}: no program"), message);
    match reason {
        NoProgram::DoesNotCompile(messages) => {
            let message = messages.first().map_or(advice, |first| plain(first));
            let line = line_in(&message, &source(exercise));
            let title = format!("{name} does not compile");
            Annotation::new(ERROR, title, message).at(source(exercise), line)
        }
        NoProgram::MissingFile(_) | NoProgram::NoBinary => error(advice).at(source(exercise), None),
        NoProgram::UnreadablePackage(_) | NoProgram::RenamedPackage(_) => {
            error(advice).at(format!("exercises/{name}/Cargo.toml"), None)
        }
    }
}

fn first_failed_test(
    exercise: &ExerciseReport,
    seed: u64,
    context: &Context,
) -> Option<Annotation> {
    let tests = exercise.tests.iter();
    let mut failed = tests.filter(|test| test.status == Status::Failed);
    let first = failed.next()?;
    let title = match failed.count() {
        0 => format!("{}: {}", exercise.name, first.name),
        more => format!("{}: {} (and {more} more)", exercise.name, first.name),
    };
    let Some(failure) = &first.failure else {
        let error = Annotation::new(ERROR, title, unexplained(first.status));
        return Some(error.at(source(exercise), None));
    };
    let place = failure.panicked_at.as_ref();
    let line = match place.filter(|place| place.file == "src/main.rs") {
        Some(place) => Some(place.line),
        None => line_in(&failure.stderr, &source(exercise)),
    };
    let message = format!(
        "{}\n\nhint: {}\nread: {}\nseed: {seed}",
        failure.symptom,
        failure.hint,
        context.places.cite(&failure.read)
    );
    Some(Annotation::new(ERROR, title, message).at(source(exercise), line))
}

/// The file to which an annotation belongs, as a compiler in the course and a panic name it.
fn source(exercise: &ExerciseReport) -> String {
    format!("exercises/{}/src/main.rs", exercise.name)
}

/// The line that a message of the compiler or of a panic names in this file.
fn line_in(message: &str, source: &str) -> Option<u32> {
    let (_, rest) = message.split_once(&format!("{source}:"))?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit());
    rest[..digits.unwrap_or(rest.len())].parse().ok()
}

fn trouble(exercise: &ExerciseReport) -> Option<Annotation> {
    let error = exercise.tests.iter().find_map(|test| test.error.as_ref());
    let why = error.map_or_else(String::new, |error| format!("{error}. "));
    let title = format!("{}: the lab itself failed", exercise.name);
    (exercise.status == Status::Broken).then(|| {
        let message = format!("{why}This is not the program's fault.");
        Annotation::new(ERROR, title, message)
    })
}

fn gap(exercise: &ExerciseReport) -> Option<Annotation> {
    let tests = exercise.tests.iter();
    let gaps: Vec<&str> = tests
        .filter_map(|test| test.not_checked.as_deref())
        .collect();
    let message = match gaps.first() {
        Some(reason) => {
            let tests = counted(gaps.len(), "test", "tests");
            format!("{tests} cannot run on this machine: {reason}")
        }
        None if exercise.status == Status::NotChecked => {
            "Some tests cannot run on this machine.".to_owned()
        }
        None => return None,
    };
    let title = format!("{}: not all is checked here", exercise.name);
    Some(Annotation::new(WARNING, title, message))
}

/// The last one that is shown tells how many are not.
fn limit(annotations: &mut Vec<Annotation>) {
    if annotations.len() > MOST_ANNOTATIONS {
        let left_out = annotations.split_off(MOST_ANNOTATIONS - 1);
        let title = format!("{} more annotations", left_out.len());
        let message = "The log of this step tells all.";
        annotations.push(Annotation::new(left_out[0].level, title, message));
    }
}

impl Annotation {
    /// One that belongs to no file.
    fn new(level: &'static str, title: String, message: impl Into<String>) -> Annotation {
        Annotation {
            level,
            title,
            file: None,
            line: None,
            message: message.into(),
        }
    }

    fn at(self, file: String, line: Option<u32>) -> Annotation {
        Annotation {
            file: Some(file),
            line,
            ..self
        }
    }

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
            as_command_data(&cut(&self.message, MOST_LETTERS))
        );
    }
}
