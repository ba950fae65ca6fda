//! The report as JUnit XML, as GitLab, Jenkins and GitHub's actions read it. A failed test is a `failure`, the lab's
//! own trouble an `error`, and a test which this machine does not allow is `skipped`.

use super::{
    context::Context,
    human,
    layout::plain,
    model::{ExerciseReport, NoProgram, Report, Status, TestReport},
    sanitize::{MOST_LETTERS, cut, in_xml},
    table::unexplained,
    xml::Element,
};
use crate::failure::LabError;

/// The report as XML. Of tests with the same names, GitLab shows one: where the report is one of a class, an exercise is
/// called `submission.exercise`, which others read as a package and a class.
///
/// # Errors
///
/// Never.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let suites: Vec<Suite> = report
        .exercises
        .iter()
        .map(|exercise| Suite::of(exercise, report, context))
        .collect();
    let sum = |element| -> usize { suites.iter().map(|suite| suite.count(element)).sum() };
    let tests: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let root = Element::new("testsuites")
        .with("name", "socket lab")
        .with("tests", tests)
        .with("failures", sum(FAILURE))
        .with("errors", sum(ERROR))
        .with("skipped", sum(SKIPPED))
        .holding(suites.iter().map(Suite::element));
    Ok(in_xml(&root.document()))
}

/// An exercise, as JUnit knows it.
struct Suite {
    name: String,
    seed: u64,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    seconds: Option<f64>,
    problem: Option<Problem>,
}

/// What there is to say of a test which has not passed.
struct Problem {
    element: &'static str,
    message: String,
    kind: Option<String>,
    text: String,
}

/// To how many columns a text is folded.
const WIDTH: usize = 100;

const FAILURE: &str = "failure";
const ERROR: &str = "error";
const SKIPPED: &str = "skipped";

impl Suite {
    fn of(exercise: &ExerciseReport, report: &Report, context: &Context) -> Suite {
        let mut cases = Vec::new();
        if let Some(reason) = &exercise.no_program {
            cases.push(Case {
                name: "compiles".to_owned(),
                seconds: None,
                problem: Some(no_program(exercise, reason)),
            });
        } else if exercise.tests.is_empty() {
            cases.push(whole(exercise));
        }
        let tests = exercise.tests.iter();
        cases.extend(tests.map(|test| case(exercise, test, report, context)));
        let name = match &context.submission {
            Some(submission) => format!("{submission}.{}", exercise.name),
            None => exercise.name.clone(),
        };
        Suite {
            name,
            seed: report.seed,
            cases,
        }
    }

    fn count(&self, element: &str) -> usize {
        let problems = self.cases.iter().filter_map(|case| case.problem.as_ref());
        problems
            .filter(|problem| problem.element == element)
            .count()
    }

    fn element(&self) -> Element {
        let seed = Element::new("property")
            .with("name", "seed")
            .with("value", self.seed);
        Element::new("testsuite")
            .with("name", &self.name)
            .with("tests", self.cases.len())
            .with("failures", self.count(FAILURE))
            .with("errors", self.count(ERROR))
            .with("skipped", self.count(SKIPPED))
            .holding([Element::new("properties").holding([seed])])
            .holding(self.cases.iter().map(|case| case.element(&self.name)))
    }
}

impl Case {
    fn element(&self, class: &str) -> Element {
        let element = Element::new("testcase")
            .with("name", &self.name)
            .with("classname", class);
        let element = match self.seconds {
            Some(seconds) => element.with("time", format!("{seconds:.3}")),
            None => element,
        };
        element.holding(self.problem.as_ref().map(Problem::element))
    }
}

impl Problem {
    /// A problem about which its message says all.
    fn new(element: &'static str, message: impl Into<String>) -> Problem {
        Problem {
            element,
            message: message.into(),
            kind: None,
            text: String::new(),
        }
    }

    fn element(&self) -> Element {
        let element = Element::new(self.element).with("message", &self.message);
        match &self.kind {
            Some(kind) => element.with("type", kind),
            None => element,
        }
        .saying(&self.text)
    }
}

fn no_program(exercise: &ExerciseReport, reason: &NoProgram) -> Problem {
    let message = match reason {
        NoProgram::DoesNotCompile(_) => "does not compile",
        NoProgram::UnreadablePackage(_) => "cargo cannot read the package",
        NoProgram::MissingFile(_) => "a file is missing",
        NoProgram::RenamedPackage(_) => "the package has another name",
        NoProgram::NoBinary => "the package has no binary of its name",
    };
    let text = human::nothing_to_test(&exercise.name, reason, WIDTH);
    Problem {
        text: cut(&plain(&text), MOST_LETTERS),
        ..Problem::new(FAILURE, message)
    }
}

/// The exercise as one test, where the tests are not shown.
fn whole(exercise: &ExerciseReport) -> Case {
    let element = match exercise.status {
        Status::Passed => None,
        Status::Failed => Some(FAILURE),
        Status::NotChecked => Some(SKIPPED),
        Status::Broken => Some(ERROR),
    };
    Case {
        name: exercise.title.clone(),
        seconds: None,
        problem: element.map(|element| {
            let points = format!("{} of {} points", exercise.points, exercise.max_points);
            Problem::new(element, points)
        }),
    }
}

fn case(exercise: &ExerciseReport, test: &TestReport, report: &Report, context: &Context) -> Case {
    let problem = match test.status {
        Status::Passed => None,
        Status::Failed => Some(failure(exercise, test, report, context)),
        Status::NotChecked => {
            let reason = test.not_checked.as_deref().unwrap_or_default();
            Some(Problem::new(SKIPPED, format!("not checked here: {reason}")))
        }
        Status::Broken => {
            let error = test.error.as_ref().map(ToString::to_string);
            Some(Problem {
                kind: Some("lab".to_owned()),
                ..Problem::new(ERROR, error.unwrap_or_default())
            })
        }
    };
    Case {
        name: test.name.clone(),
        seconds: Some(test.milliseconds / 1000.0),
        problem,
    }
}

fn failure(
    exercise: &ExerciseReport,
    test: &TestReport,
    report: &Report,
    context: &Context,
) -> Problem {
    let Some(failure) = &test.failure else {
        return Problem::new(FAILURE, unexplained(test.status));
    };
    let detail = human::Detail {
        width: WIDTH,
        ..human::Detail::in_file(report, context)
    };
    let text = plain(&human::all_about(exercise, test, detail));
    Problem {
        kind: Some(failure.diagnosis.to_string()),
        text: cut(&text, MOST_LETTERS),
        ..Problem::new(FAILURE, cut(&failure.symptom, MOST_LETTERS))
    }
}
