//! A run on the screen while it goes on: the line that moves, each report as it comes, and the first failure before that.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use super::{pager::Screen, progress_line::ProgressLine, terminal::knows_links};
use crate::{
    check::{CheckEvent, Plan, Stage},
    failure::LabError,
    report::{
        ExerciseReport, Feedback, TestReport,
        human::{self, Detail},
        links::Links,
    },
};

/// How long the other tests have to end before a failure is shown without them.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the screen shows of a run.
pub(super) struct Live<'a> {
    plan: &'a Plan,
    screen: Screen,
    line: ProgressLine,
    feedback: Feedback,
    detail: Detail<'a>,
    /// Whether the reports are shown, and not the line alone.
    shows_reports: bool,
    /// Whether somebody reads while the tests run.
    is_watched: bool,
    /// Of the exercise whose turn it is.
    first: Option<First>,
    shown: Result<(), LabError>,
}

/// The first failure of an exercise.
struct First {
    /// What was known of its tests when it was.
    exercise: ExerciseReport,
    test: TestReport,
    known: Instant,
    is_shown: bool,
}

impl<'a> Live<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        screen: Screen,
        shows_reports: bool,
        feedback: Feedback,
        detail: Detail<'a>,
    ) -> Live<'a> {
        let line = ProgressLine::new();
        line.say("compiling");
        Live {
            plan,
            is_watched: shows_reports
                && feedback == Feedback::Full
                && screen.is_immediate()
                && io::stdout().is_terminal(),
            screen,
            line,
            feedback,
            detail,
            shows_reports,
            first: None,
            shown: Ok(()),
        }
    }

    /// Shows what there is to show of an event.
    pub(super) fn take(&mut self, event: &CheckEvent<'_>) {
        match event {
            CheckEvent::Compiled(name) => self.line.say(&format!("compiling; {name} is done")),
            CheckEvent::Testing(stage) => self.line.say(&progress(*stage)),
            CheckEvent::FirstFailure(exercise, test) => {
                self.first = Some(First {
                    exercise: (*exercise).clone(),
                    test: (*test).clone(),
                    known: Instant::now(),
                    is_shown: false,
                });
            }
            CheckEvent::Exercise(exercise) => {
                let first = self.first.take().filter(|first| first.is_shown);
                if self.shows_reports {
                    let exercise = self.feedback.of_exercise(exercise);
                    let text = match first {
                        Some(first) => {
                            human::after_first_failure(&exercise, &first.test, self.detail)
                        }
                        None => human::exercise(&exercise, self.detail),
                    };
                    self.say(text, &exercise.name);
                }
            }
            CheckEvent::SoFar(_) | CheckEvent::Waiting => (),
        }
        self.show_failure();
    }

    /// Shows the first failure if the other tests take long.
    fn show_failure(&mut self) {
        let Some(first) = &mut self.first else {
            return;
        };
        if self.is_watched && !first.is_shown && first.known.elapsed() >= PATIENCE {
            first.is_shown = true;
            let text = human::first_failure(&first.exercise, &first.test, self.detail);
            let name = first.exercise.name.clone();
            self.say(text, &name);
        }
    }

    /// Says something about an exercise. What a terminal can open becomes a link, if it knows links.
    fn say(&mut self, text: String, exercise: &str) {
        let exercise = self.plan.program.is_none().then_some(exercise);
        let text = match knows_links(&io::stdout()) {
            true => Links::new(&self.plan.root, exercise).add(&text),
            false => text,
        };
        let said = self.line.pause(|| self.screen.say(&text));
        let shown = std::mem::replace(&mut self.shown, Ok(()));
        self.shown = shown.and(said);
    }

    /// Takes the line away. What is said from now on is the end of the report.
    ///
    /// # Errors
    ///
    /// When something could not be shown.
    pub(super) fn end(self) -> Result<Screen, LabError> {
        drop(self.line);
        self.shown.map(|()| self.screen)
    }
}

/// How far the tests are, and what takes the time.
fn progress(stage: Stage<'_>) -> String {
    let Stage { done, of, .. } = stage;
    let mut text = format!("{done} of {of} tests done");
    if let Some(test) = stage.runs {
        text += &format!("; running \"{test}\"");
    }
    match stage.unbuilt {
        0 => (),
        1 => text += "; compiling one more program",
        count => text += &format!("; compiling {count} more programs"),
    }
    text
}
