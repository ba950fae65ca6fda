//! The ways to write a report down, and how much of it whom it is for may see.

use std::{borrow::Cow, path::PathBuf, time::Duration};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{
    ExerciseReport, NoProgram, Report, Status, TestReport, autolab, classroom50, exercism,
    foreign::LONGEST, github, gradescope, human, json, junit, markdown, prairielearn,
};
use crate::failure::LabError;

/// Who reads the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// For people
    #[default]
    Human,
    /// The whole report as data; its schema is checker/report.schema.json
    Json,
    /// JUnit XML, as CI systems read it
    Junit,
    /// The log of a GitHub workflow, with annotations; the job summary as well, if there is one
    Github,
    /// A page of Markdown, as GitHub's job summaries are
    Markdown,
    /// Gradescope's results.json
    Gradescope,
    /// Classroom 50's result.json
    Classroom50,
    /// Exercism's results.json
    Exercism,
    /// What an Autolab autograder prints, with the scores in the last line
    Autolab,
    /// PrairieLearn's results.json
    Prairielearn,
}

/// How much the reader sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// Everything: what each test did, what the program did, and a hint
    #[default]
    Full,
    /// The names of the tests and their points, and what the compiler says
    Names,
    /// The points of each exercise
    Score,
}

/// What a rendering needs and a report does not hold.
#[derive(Clone, Debug)]
pub struct Context {
    /// The program that was checked in place of the student's crate.
    pub program: Option<PathBuf>,
    /// Explain every failed test to people, not only the first of an exercise.
    pub verbose: bool,
    /// How long the run took.
    pub took: Duration,
    /// For Gradescope.
    pub gradescope: gradescope::Settings,
    /// Whose work it is, for a reader who puts the reports of a class together.
    pub submission: Option<String>,
    /// For Classroom 50, which wants to know what was graded.
    pub classroom50: Option<classroom50::Submission>,
}

/// What a rendering for a file is folded to, in columns.
const WIDTH: usize = 80;

impl Format {
    /// How the name of a file in this format ends.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Human | Format::Github | Format::Autolab => "txt",
            Format::Markdown => "md",
            Format::Junit => "xml",
            Format::Json
            | Format::Gradescope
            | Format::Classroom50
            | Format::Exercism
            | Format::Prairielearn => "json",
        }
    }

    /// Whether its reader looks at the file also after a run that did not come to its end.
    pub fn is_read_after_a_crash(self) -> bool {
        matches!(
            self,
            Format::Gradescope | Format::Prairielearn | Format::Exercism
        )
    }
}

impl Context {
    /// The context of a run that has just begun, in this process's environment.
    ///
    /// # Errors
    ///
    /// When the format wants to know more than the environment tells.
    pub fn new(format: Format) -> Result<Context, LabError> {
        let classroom50 = match format {
            Format::Classroom50 => Some(classroom50::Submission::from_environment()?),
            _ => None,
        };
        Ok(Context {
            program: None,
            verbose: false,
            took: Duration::ZERO,
            gradescope: gradescope::Settings::default(),
            submission: None,
            classroom50,
        })
    }

    /// How much a text for people tells.
    pub(super) fn detail(&self, seed: u64) -> human::Detail<'_> {
        human::Detail {
            seed,
            program: self.program.as_deref(),
            verbose: self.verbose,
            width: WIDTH,
        }
    }
}

/// The report in this format, with as much in it as the feedback allows.
///
/// # Errors
///
/// When the context lacks what the format wants to know.
pub fn render(
    format: Format,
    feedback: Feedback,
    report: &Report,
    context: &Context,
) -> Result<String, LabError> {
    let report = &*feedback.of(report);
    match format {
        Format::Human => Ok(human::document(report, context.detail(report.seed))),
        Format::Json => json::render(report),
        Format::Junit => junit::render(report, context),
        Format::Github => Ok(github::render(report, context)),
        Format::Markdown => markdown::render(report, context),
        Format::Gradescope => gradescope::render(report, context),
        Format::Classroom50 => classroom50::render(report, context),
        Format::Exercism => exercism::render(report, context),
        Format::Autolab => autolab::render(report, context),
        Format::Prairielearn => prairielearn::render(report, context),
    }
}

/// Renders with as much text for each test as keeps the whole within so many bytes. `render` is told how many letters
/// each text may have.
pub(super) fn fit(
    most: usize,
    render: impl Fn(usize) -> Result<String, LabError>,
) -> Result<String, LabError> {
    let mut room = LONGEST;
    loop {
        let text = render(room)?;
        if text.len() <= most || room == 0 {
            return Ok(text);
        }
        room = if room > 100 { room / 4 } else { 0 };
    }
}

impl Feedback {
    /// The report with nothing in it that the reader may not see. Every rendering of it keeps the secret, because it
    /// does not know it.
    pub fn of(self, report: &Report) -> Cow<'_, Report> {
        if self == Feedback::Full {
            return Cow::Borrowed(report);
        }
        let exercises = report.exercises.iter();
        let exercises = exercises.map(|exercise| self.of_exercise(exercise).into_owned());
        Cow::Owned(Report {
            exercises: exercises.collect(),
            ..*report
        })
    }

    /// The same for one exercise.
    pub fn of_exercise(self, exercise: &ExerciseReport) -> Cow<'_, ExerciseReport> {
        match self {
            Feedback::Full => Cow::Borrowed(exercise),
            Feedback::Names => Cow::Owned(ExerciseReport {
                tests: exercise.tests.iter().map(without_reasons).collect(),
                ..exercise.clone()
            }),
            Feedback::Score => Cow::Owned(ExerciseReport {
                name: exercise.name.clone(),
                title: exercise.title.clone(),
                no_program: exercise.no_program.as_ref().map(without_messages),
                all_tests: 0,
                warnings: Vec::new(),
                tests: Vec::new(),
                ..*exercise
            }),
        }
    }
}

fn without_reasons(test: &TestReport) -> TestReport {
    let error = |error: &LabError| LabError::new(error.attempt.clone());
    TestReport {
        name: test.name.clone(),
        failure: None,
        error: test.error.as_ref().map(error),
        not_checked: test.not_checked.clone(),
        ..*test
    }
}

/// That there is no program is a part of the score; what the compiler says is not.
fn without_messages(reason: &NoProgram) -> NoProgram {
    match reason {
        NoProgram::DoesNotCompile(_) => NoProgram::DoesNotCompile(Vec::new()),
        NoProgram::UnreadablePackage(_) => NoProgram::UnreadablePackage(String::new()),
        NoProgram::RenamedPackage(_) | NoProgram::NoBinary => NoProgram::NoBinary,
        NoProgram::MissingFile(file) => NoProgram::MissingFile(file.clone()),
    }
}

/// A line in a grader's table: a test, or the exercise as a whole where no test is shown.
pub(super) struct Entry<'a> {
    pub exercise: &'a ExerciseReport,
    /// `2.2.1`, the exercise's number and the test's; `2.2` for an exercise.
    pub number: String,
    pub name: String,
    pub status: Status,
    pub points: u32,
    pub max_points: u32,
    /// All there is to say about it, as text without colour; empty if there is nothing.
    pub told: String,
    /// What the program printed, where it is known.
    pub printed: &'a str,
}

/// The report as a grader's table. Its points add up to the report's.
pub(super) fn entries<'a>(report: &'a Report, context: &Context) -> Vec<Entry<'a>> {
    let detail = human::Detail {
        verbose: true,
        ..context.detail(report.seed)
    };
    let mut all = Vec::new();
    for exercise in &report.exercises {
        let number = number(&exercise.name);
        let whole = |name: &str, told: String| Entry {
            exercise,
            number: number.clone(),
            name: name.to_owned(),
            status: exercise.status,
            points: exercise.points,
            max_points: exercise.max_points,
            told: dedented(&told),
            printed: "",
        };
        if let Some(reason) = &exercise.no_program {
            let told = human::nothing_to_test(&exercise.name, reason, detail.width);
            all.push(whole("compiles", told));
        } else if exercise.tests.is_empty() {
            all.push(whole(&exercise.title, String::new()));
        }
        for (index, test) in exercise.tests.iter().enumerate() {
            all.push(Entry {
                exercise,
                number: format!("{number}.{}", index + 1),
                name: test.name.clone(),
                status: test.status,
                points: earned(test),
                max_points: test.points,
                told: dedented(&human::told(exercise, test, detail)),
                printed: test.failure.as_ref().map_or("", |failure| &failure.stdout),
            });
        }
    }
    all
}

/// A text for people as a grader shows it: without colour, and without the room at its left.
fn dedented(text: &str) -> String {
    let text = human::plain(text);
    let lines = || text.lines().filter(|line| !line.is_empty());
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let room = lines().map(depth).min().unwrap_or(0);
    let line = |line: &str| format!("{}\n", line.get(room..).unwrap_or_default());
    text.trim_end().lines().map(line).collect()
}

/// The points that a test has brought.
pub(super) fn earned(test: &TestReport) -> u32 {
    match test.status {
        Status::Passed => test.points,
        Status::Failed | Status::Broken | Status::NotChecked => 0,
    }
}

/// `2.2` for `day2_2_echo_server`.
fn number(name: &str) -> String {
    let mut parts = name.trim_start_matches("day").split('_');
    match (parts.next(), parts.next()) {
        (Some(day), Some(exercise)) => format!("{day}.{exercise}"),
        _ => name.to_owned(),
    }
}

/// What graders show beside a name that is neither passed nor failed.
pub(super) fn remark(status: Status) -> &'static str {
    match status {
        Status::Passed | Status::Failed => "",
        Status::Broken => " (the lab itself failed)",
        Status::NotChecked => " (not checked here)",
    }
}

/// What stands above a grader's table.
pub(super) fn verdict(report: &Report) -> String {
    let points = format!("{} of {} points", report.points, report.max_points);
    match report.status {
        Status::Passed => format!("All tests pass: {points}."),
        Status::Failed => format!("{points}."),
        Status::Broken => format!(
            "{points} so far. The lab itself failed, which is never your program's fault: tell your instructor."
        ),
        Status::NotChecked => format!(
            "{points}. Some tests could not be checked on this machine, and count as if they had not passed."
        ),
    }
}
