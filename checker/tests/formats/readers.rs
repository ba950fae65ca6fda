//! Those who read the reports: schemas, and the parsers of others.

use std::{env, fs, path::Path};

use checker::report::{Classroom50, Context, Feedback, Format, Report, render};
use serde_json::Value;

use super::support::{Course, environment::command, skipped::skipped};

pub const SCHEMAS: &[(Format, &str)] = &[
    (Format::Json, include_str!("../../report.schema.json")),
    (Format::Gradescope, include_str!("gradescope.schema.json")),
    (Format::Classroom50, include_str!("classroom50.schema.json")),
    (Format::Exercism, include_str!("exercism.schema.json")),
    (
        Format::Prairielearn,
        include_str!("prairielearn.schema.json"),
    ),
    (Format::Autolab, include_str!("autolab.schema.json")),
];

/// A run with a broken crate, a failing one and a right one.
pub fn report(format: &str) -> String {
    let course = Course::copy_of(&[
        "day1_2_endianness",
        "day2_2_echo_server",
        "day2_3_echo_client",
    ]);
    course.write(
        "exercises/day1_2_endianness/src/main.rs",
        "fn main() { nonsense }\n",
    );
    course.write(
        "exercises/day2_2_echo_server/src/main.rs",
        include_str!("../../../solutions/day2_2_echo_server/src/main.rs"),
    );
    let output = course
        .checker()
        .args(["day1_2", "day2_2", "day2_3", "--format", format])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stdout).unwrap()
}

pub fn context() -> Context {
    let word = |text: &str| text.to_owned();
    Context {
        classroom50: Some(Classroom50 {
            classroom: word("sockets"),
            assignment: word("day2"),
            assignment_type: word("individual"),
            owner: word("alice"),
            submission: word("submit/2026-06-01T14-32-05Z-a1b2c3d"),
            commit: word("https://example.org/commit/1"),
            release: word("https://example.org/release/1"),
            review: word("https://example.org/compare/1"),
        }),
        ..Context::default()
    }
}

pub fn rendered(format: Format, feedback: Feedback, report: &Report) -> String {
    render(format, feedback, report, &context()).unwrap()
}

/// What a JSON reader finds in the report of a format which has a schema, held against that.
pub fn validated(format: Format, text: &str) -> Value {
    let (_, schema) = SCHEMAS.iter().find(|(known, _)| *known == format).unwrap();
    let schema: Value = serde_json::from_str(schema).unwrap();
    let text = match format {
        Format::Autolab => text.trim_end().lines().last().unwrap(),
        _ => text,
    };
    let report: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{format:?}: {errors:#?}");
    report
}

/// What `readers.py` finds with the parsers that others use. `None` where they are not installed: `.ci/run` does that,
/// and says so in `LAB_PYTHON`.
pub fn read_by_others(kind: &str, text: &str) -> Option<Value> {
    let Some(python) = env::var_os("LAB_PYTHON") else {
        skipped("not read by others: LAB_PYTHON is not set (see .ci/run)");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report");
    fs::write(&file, text).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/readers.py");
    let output = command(python)
        .arg(script)
        .arg(kind)
        .arg(&file)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
