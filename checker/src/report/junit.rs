//! The report as JUnit XML, as GitLab, Jenkins and GitHub's actions read it. A failed test is a `failure`, the lab's
//! own trouble an `error`, and a test which this machine does not allow is `skipped`.

use super::{
    context::Context,
    human,
    layout::plain,
    model::{ExerciseReport, NoProgram, Report, Status, TestReport},
    sanitize::{LONGEST, cut, in_xml},
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
        .map(|exercise| Suite::of(exercise, report.seed, context))
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

const FAILURE: &str = "failure";
const ERROR: &str = "error";
const SKIPPED: &str = "skipped";

impl Suite {
    fn of(exercise: &ExerciseReport, seed: u64, context: &Context) -> Suite {
        let mut cases = Vec::new();
        if let Some(reason) = &exercise.no_program {
            cases.push(Case {
                name: "compiles".to_owned(),
                seconds: None,
                problem: Some(no_program(reason)),
            });
        } else if exercise.tests.is_empty() {
            cases.push(whole(exercise));
        }
        let tests = exercise.tests.iter();
        cases.extend(tests.map(|test| case(exercise, test, seed, context)));
        let name = match &context.submission {
            Some(submission) => format!("{submission}.{}", exercise.name),
            None => exercise.name.clone(),
        };
        Suite { name, seed, cases }
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
    fn element(&self) -> Element {
        let element = Element::new(self.element).with("message", &self.message);
        match &self.kind {
            Some(kind) => element.with("type", kind),
            None => element,
        }
        .saying(&self.text)
    }
}

fn no_program(reason: &NoProgram) -> Problem {
    let (message, text) = match reason {
        NoProgram::DoesNotCompile(messages) => ("does not compile", messages.concat()),
        NoProgram::UnreadablePackage(text) => ("cargo cannot read the package", text.clone()),
        NoProgram::MissingFile(file) => ("a file is missing", file.clone()),
        NoProgram::RenamedPackage(name) => ("the package has another name", name.clone()),
        NoProgram::NoBinary => ("the package has no binary of its name", String::new()),
    };
    Problem {
        element: FAILURE,
        message: message.to_owned(),
        kind: None,
        text: cut(&plain(&text), LONGEST),
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
        problem: element.map(|element| Problem {
            element,
            message: format!("{} of {} points", exercise.points, exercise.max_points),
            kind: None,
            text: String::new(),
        }),
    }
}

fn case(exercise: &ExerciseReport, test: &TestReport, seed: u64, context: &Context) -> Case {
    let problem = match test.status {
        Status::Passed => None,
        Status::Failed => Some(failure(exercise, test, seed, context)),
        Status::NotChecked => {
            let reason = test.not_checked.as_ref();
            Some(Problem {
                element: SKIPPED,
                message: reason
                    .map_or_else(String::new, |reason| format!("not checked here: {reason}")),
                kind: None,
                text: String::new(),
            })
        }
        Status::Broken => Some(Problem {
            element: ERROR,
            message: test
                .error
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            kind: Some("lab".to_owned()),
            text: String::new(),
        }),
    };
    Case {
        name: test.name.clone(),
        seconds: Some(test.milliseconds / 1000.0),
        problem,
    }
}

fn failure(exercise: &ExerciseReport, test: &TestReport, seed: u64, context: &Context) -> Problem {
    let Some(failure) = &test.failure else {
        return Problem {
            element: FAILURE,
            message: String::new(),
            kind: None,
            text: String::new(),
        };
    };
    let detail = human::Detail {
        program: None,
        verbose: true,
        width: 100,
        ..human::Detail::new(seed, context)
    };
    let told = plain(&human::told(exercise, test, detail));
    Problem {
        element: FAILURE,
        message: cut(&failure.symptom, LONGEST),
        kind: Some(failure.diagnosis.to_string()),
        text: cut(&told, LONGEST),
    }
}
