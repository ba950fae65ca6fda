//! Where a report goes: to the terminal, to a file, to the job summary of a GitHub workflow.

use std::{
    env,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;

use super::{output, say};
use crate::{
    book::Places,
    check::SoFar,
    failure::LabError,
    report::{Context, Feedback, Format, Gradescope, Report, Visibility, render},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How to write the report
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// How much the report tells
    #[arg(long, value_enum, default_value_t = Feedback::Full)]
    pub feedback: Feedback,
    /// Write the report to this file; the terminal still shows the one for people
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// On Gradescope: when students see the tests
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Visibility::Visible)]
    visibility: Visibility,
    /// On Gradescope: when students see what the autograder printed [default: Gradescope's, never]
    #[arg(long, value_enum, value_name = "WHEN")]
    stdout_visibility: Option<Visibility>,
}

/// A report on its way.
pub(super) struct Delivery {
    format: Format,
    feedback: Feedback,
    output: Option<PathBuf>,
    context: Context,
    begun: Instant,
    /// When the file was last brought up to date.
    written: Option<Instant>,
}

/// How old the file of an unfinished run may be.
const FRESH: Duration = Duration::from_millis(500);

impl Delivery {
    /// Gets ready for the report of a run that begins now.
    ///
    /// # Errors
    ///
    /// When the format wants to know more than the environment tells.
    pub(super) fn new(
        arguments: &Arguments,
        program: Option<PathBuf>,
        verbose: bool,
        places: Places,
    ) -> Result<Delivery, LabError> {
        Ok(Delivery {
            format: arguments.format,
            feedback: arguments.feedback,
            output: arguments.output.clone(),
            context: Context {
                program,
                verbose,
                places,
                gradescope: Gradescope {
                    visibility: arguments.visibility,
                    stdout_visibility: arguments.stdout_visibility,
                },
                ..arguments.format.context()?
            },
            begun: Instant::now(),
            written: None,
        })
    }

    /// Whether the terminal shows the report for people, exercise by exercise.
    pub(super) fn shows_people(&self) -> bool {
        self.format == Format::Human || self.output.is_some()
    }

    /// Where the reader looks also after a crash: brings the file up to date, unless it has just been.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn keep(&mut self, so_far: SoFar<'_>) -> Result<(), LabError> {
        let is_fresh = self.written.is_some_and(|last| last.elapsed() < FRESH);
        if self.output.is_none() || is_fresh || !self.format.is_read_after_a_crash() {
            return Ok(());
        }
        let unfinished = LabError::new("the checker has ended before this test was done");
        self.write(&so_far.report(&unfinished))?;
        self.written = Some(Instant::now());
        Ok(())
    }

    /// The same for a run that the lab could not carry out.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn give_up(&mut self, report: &Report) -> Result<(), LabError> {
        match &self.output {
            Some(_) if self.format.is_read_after_a_crash() => self.write(report),
            _ => Ok(()),
        }
    }

    /// Delivers the report of a run that is done.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn deliver(&mut self, report: &Report) -> Result<(), LabError> {
        self.context.took = self.begun.elapsed();
        if self.format == Format::Github
            && let Some(path) = env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty())
        {
            self.summarize(report, Path::new(&path))?;
        }
        match (&self.output, self.format) {
            // It has been shown while it came.
            (None, Format::Human) => Ok(()),
            (None, _) => say(&render(self.format, self.feedback, report, &self.context)?),
            (Some(_), _) => self.write(report),
        }
    }

    fn write(&mut self, report: &Report) -> Result<(), LabError> {
        let Some(path) = &self.output else {
            return Ok(());
        };
        self.context.took = self.begun.elapsed();
        let text = render(self.format, self.feedback, report, &self.context)?;
        output::write(path, &text)
    }

    /// The steps of a job share one file.
    fn summarize(&self, report: &Report, path: &Path) -> Result<(), LabError> {
        let text = render(Format::Markdown, self.feedback, report, &self.context)?;
        output::append(path, &text)
    }
}
