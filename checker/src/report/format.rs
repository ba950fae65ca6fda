//! The formats of a report, a row each.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{
    autolab, classroom50,
    context::{Classroom50, Context},
    exercism,
    feedback::Feedback,
    github, gradescope, human, json, junit, markdown,
    model::Report,
    prairielearn,
};
use crate::failure::LabError;

/// In which form a report is written, by who reads it.
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

/// What is known of a format.
struct Row {
    extension: &'static str,
    is_read_after_a_crash: bool,
    render: Render,
}

type Render = fn(&Report, &Context) -> Result<String, LabError>;

const fn row(extension: &'static str, is_read_after_a_crash: bool, render: Render) -> Row {
    Row {
        extension,
        is_read_after_a_crash,
        render,
    }
}

impl Format {
    fn row(self) -> Row {
        match self {
            Format::Human => row("txt", false, human::render),
            Format::Json => row("json", false, json::render),
            Format::Junit => row("xml", false, junit::render),
            Format::Github => row("txt", false, github::render),
            Format::Markdown => row("md", false, markdown::render),
            Format::Gradescope => row("json", true, gradescope::render),
            Format::Classroom50 => row("json", false, classroom50::render),
            Format::Exercism => row("json", true, exercism::render),
            Format::Autolab => row("txt", false, autolab::render),
            Format::Prairielearn => row("json", true, prairielearn::render),
        }
    }

    /// How the name of a file in this format ends.
    pub fn extension(self) -> &'static str {
        self.row().extension
    }

    /// Whether its reader looks at the file also after a run that did not come to its end.
    pub fn is_read_after_a_crash(self) -> bool {
        self.row().is_read_after_a_crash
    }

    /// The context of a run that has just begun, from this process's environment.
    ///
    /// # Errors
    ///
    /// When the format needs more than the environment tells.
    pub fn context(self) -> Result<Context, LabError> {
        let classroom50 = match self {
            Format::Classroom50 => Some(Classroom50::from_environment()?),
            _ => None,
        };
        Ok(Context {
            classroom50,
            ..Context::default()
        })
    }
}

/// The report in this format, with as much in it as the feedback allows.
///
/// # Errors
///
/// When the context lacks what the format needs.
pub fn render(
    format: Format,
    feedback: Feedback,
    report: &Report,
    context: &Context,
) -> Result<String, LabError> {
    (format.row().render)(&feedback.of(report), context)
}
