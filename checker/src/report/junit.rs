//! The report as JUnit XML, as GitLab, Jenkins and GitHub's actions read it. A failed test is a `failure`, the lab's
//! own trouble an `error`, and a test which this machine does not allow is `skipped`.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::{
    ExerciseReport, NoProgram, Report, Status, TestReport,
    foreign::{LONGEST, clean, cut, in_xml},
    human,
};
use crate::failure::LabError;

/// The report as XML.
///
/// # Errors
///
/// When the XML cannot be written.
pub fn render(report: &Report) -> Result<String, LabError> {
    let mut document = Document::new("socket lab");
    for exercise in &report.exercises {
        document.add_test_suite(suite(exercise, report.seed));
    }
    document
        .to_string()
        .map(|text| in_xml(&text))
        .map_err(|error| LabError::new(format!("could not write the report as JUnit XML: {error}")))
}

fn suite(exercise: &ExerciseReport, seed: u64) -> TestSuite {
    let mut suite = TestSuite::new(exercise.name.as_str());
    suite.add_property(("seed", seed.to_string().as_str()));
    if let Some(reason) = &exercise.no_program {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let (message, text) = match reason {
            NoProgram::DoesNotCompile(messages) => ("does not compile", messages.concat()),
            NoProgram::UnreadablePackage(text) => ("cargo cannot read the package", text.clone()),
            NoProgram::MissingFile(file) => ("a file is missing", file.clone()),
            NoProgram::RenamedPackage(name) => ("the package has another name", name.clone()),
            NoProgram::NoBinary => ("the package has no binary of its name", String::new()),
        };
        let text = clean(&cut(&human::plain(&text), LONGEST));
        status.set_message(message).set_description(text);
        suite.add_test_case(case_of(exercise, "compiles", status));
    } else if exercise.tests.is_empty() {
        suite.add_test_case(case_of(exercise, &exercise.title, whole(exercise)));
    }
    for test in &exercise.tests {
        suite.add_test_case(case(exercise, test, seed));
    }
    suite
}

fn case_of(exercise: &ExerciseReport, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(exercise.name.as_str());
    case
}

/// The exercise as one test, where the tests are not shown.
fn whole(exercise: &ExerciseReport) -> TestCaseStatus {
    let points = format!("{} of {} points", exercise.points, exercise.max_points);
    let mut status = match exercise.status {
        Status::Passed => return TestCaseStatus::success(),
        Status::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::NotChecked => TestCaseStatus::skipped(),
        Status::Broken => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    status.set_message(points);
    status
}

fn case(exercise: &ExerciseReport, test: &TestReport, seed: u64) -> TestCase {
    let status = match test.status {
        Status::Passed => TestCaseStatus::success(),
        Status::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            if let Some(failure) = &test.failure {
                let detail = human::Detail {
                    seed,
                    program: None,
                    verbose: true,
                    width: 100,
                };
                let told = human::plain(&human::told(exercise, test, detail));
                status
                    .set_message(clean(&cut(&failure.symptom, LONGEST)))
                    .set_type(failure.diagnosis.to_string())
                    .set_description(cut(&told, LONGEST));
            }
            status
        }
        Status::NotChecked => {
            let mut status = TestCaseStatus::skipped();
            if let Some(reason) = &test.not_checked {
                status.set_message(format!("not checked here: {reason}"));
            }
            status
        }
        Status::Broken => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            if let Some(error) = &test.error {
                status
                    .set_message(clean(&error.to_string()))
                    .set_type("lab");
            }
            status
        }
    };
    let mut case = case_of(exercise, &test.name, status);
    case.set_time(Duration::from_secs_f64(test.milliseconds / 1000.0));
    case
}
