//! The report as JUnit XML, as GitLab, Jenkins and GitHub's actions read it. A failed test is a `failure`, the lab's
//! own trouble an `error`, and a test which this machine does not allow is `skipped`.

use std::io;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

use super::{
    context::Context,
    human,
    layout::plain,
    model::{ExerciseReport, NoProgram, Report, Status, TestReport},
    sanitize::{LONGEST, clean, cut, in_xml},
};
use crate::failure::LabError;

/// The report as XML. Of tests with the same names, GitLab shows one: where the report is one of a class, an exercise is
/// called `submission.exercise`, which others read as a package and a class.
///
/// # Errors
///
/// When the XML cannot be written.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    write(report, context)
        .map(|text| in_xml(&text))
        .map_err(|error| LabError::io("could not write the report as JUnit XML", &error))
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
    outcome: Option<Outcome>,
}

/// What there is to say of a test which has not passed.
struct Outcome {
    element: &'static str,
    message: String,
    kind: Option<String>,
    text: String,
}

const FAILURE: &str = "failure";
const ERROR: &str = "error";
const SKIPPED: &str = "skipped";

fn write(report: &Report, context: &Context) -> io::Result<String> {
    let suites: Vec<Suite> = report
        .exercises
        .iter()
        .map(|exercise| Suite::of(exercise, report.seed, context))
        .collect();
    let sum = |element| -> usize { suites.iter().map(|suite| suite.count(element)).sum() };
    let tests: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("testsuites")
        .with_attribute(("name", "socket lab"))
        .with_attribute(("tests", tests.to_string().as_str()))
        .with_attribute(("failures", sum(FAILURE).to_string().as_str()))
        .with_attribute(("errors", sum(ERROR).to_string().as_str()))
        .with_attribute(("skipped", sum(SKIPPED).to_string().as_str()))
        .write_inner_content(|writer| suites.iter().try_for_each(|suite| suite.write(writer)))?;
    writer.write_event(Event::Text(BytesText::new("\n")))?;
    String::from_utf8(writer.into_inner()).map_err(io::Error::other)
}

impl Suite {
    fn of(exercise: &ExerciseReport, seed: u64, context: &Context) -> Suite {
        let mut cases = Vec::new();
        if let Some(reason) = &exercise.no_program {
            cases.push(Case {
                name: "compiles".to_owned(),
                seconds: None,
                outcome: Some(no_program(reason)),
            });
        } else if exercise.tests.is_empty() {
            cases.push(whole(exercise));
        }
        cases.extend(exercise.tests.iter().map(|test| case(exercise, test, seed)));
        let name = match &context.submission {
            Some(submission) => format!("{submission}.{}", exercise.name),
            None => exercise.name.clone(),
        };
        Suite { name, seed, cases }
    }

    fn count(&self, element: &str) -> usize {
        let outcomes = self.cases.iter().filter_map(|case| case.outcome.as_ref());
        outcomes
            .filter(|outcome| outcome.element == element)
            .count()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        writer
            .create_element("testsuite")
            .with_attribute(("name", clean(&self.name).as_str()))
            .with_attribute(("tests", self.cases.len().to_string().as_str()))
            .with_attribute(("failures", self.count(FAILURE).to_string().as_str()))
            .with_attribute(("errors", self.count(ERROR).to_string().as_str()))
            .with_attribute(("skipped", self.count(SKIPPED).to_string().as_str()))
            .write_inner_content(|writer| {
                writer
                    .create_element("properties")
                    .write_inner_content(|writer| {
                        writer
                            .create_element("property")
                            .with_attribute(("name", "seed"))
                            .with_attribute(("value", self.seed.to_string().as_str()))
                            .write_empty()
                            .map(drop)
                    })?;
                self.cases
                    .iter()
                    .try_for_each(|case| case.write(&self.name, writer))
            })
            .map(drop)
    }
}

impl Case {
    fn write(&self, class: &str, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let mut element = writer
            .create_element("testcase")
            .with_attribute(("name", clean(&self.name).as_str()))
            .with_attribute(("classname", clean(class).as_str()));
        if let Some(seconds) = self.seconds {
            element = element.with_attribute(("time", format!("{seconds:.3}").as_str()));
        }
        match &self.outcome {
            None => element.write_empty(),
            Some(outcome) => element.write_inner_content(|writer| outcome.write(writer)),
        }
        .map(drop)
    }
}

impl Outcome {
    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let mut element = writer
            .create_element(self.element)
            .with_attribute(("message", clean(&self.message).as_str()));
        if let Some(kind) = &self.kind {
            element = element.with_attribute(("type", kind.as_str()));
        }
        match self.text.is_empty() {
            true => element.write_empty(),
            false => element.write_text_content(BytesText::new(&clean(&self.text))),
        }
        .map(drop)
    }
}

fn no_program(reason: &NoProgram) -> Outcome {
    let (message, text) = match reason {
        NoProgram::DoesNotCompile(messages) => ("does not compile", messages.concat()),
        NoProgram::UnreadablePackage(text) => ("cargo cannot read the package", text.clone()),
        NoProgram::MissingFile(file) => ("a file is missing", file.clone()),
        NoProgram::RenamedPackage(name) => ("the package has another name", name.clone()),
        NoProgram::NoBinary => ("the package has no binary of its name", String::new()),
    };
    Outcome {
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
        outcome: element.map(|element| Outcome {
            element,
            message: format!("{} of {} points", exercise.points, exercise.max_points),
            kind: None,
            text: String::new(),
        }),
    }
}

fn case(exercise: &ExerciseReport, test: &TestReport, seed: u64) -> Case {
    let outcome = match test.status {
        Status::Passed => None,
        Status::Failed => Some(failure(exercise, test, seed)),
        Status::NotChecked => {
            let reason = test.not_checked.as_ref();
            Some(Outcome {
                element: SKIPPED,
                message: reason
                    .map_or_else(String::new, |reason| format!("not checked here: {reason}")),
                kind: None,
                text: String::new(),
            })
        }
        Status::Broken => Some(Outcome {
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
        outcome,
    }
}

fn failure(exercise: &ExerciseReport, test: &TestReport, seed: u64) -> Outcome {
    let Some(failure) = &test.failure else {
        return Outcome {
            element: FAILURE,
            message: String::new(),
            kind: None,
            text: String::new(),
        };
    };
    let detail = human::Detail {
        seed,
        program: None,
        verbose: true,
        width: 100,
    };
    let told = plain(&human::told(exercise, test, detail));
    Outcome {
        element: FAILURE,
        message: cut(&failure.symptom, LONGEST),
        kind: Some(failure.diagnosis.to_string()),
        text: cut(&told, LONGEST),
    }
}
