//! What becomes of grades when the lab fails, and when the hidden tests change.

use std::fs;

use serde_json::{Value, json};

use crate::{
    class::{Class, Deserves, finished},
    support::machine::{Refusal, refuse},
};

/// On it no process of a test can be started, but programs can be built.
const WITHOUT_TESTS: &[Refusal] = &[Refusal::of(libc::SYS_pidfd_open)];

/// Changes a file of a gradebook.
fn edit(class: &Class, file: &str, change: impl FnOnce(&mut Value)) {
    let path = class.path("out").join(file);
    let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

#[test]
fn what_the_lab_fails_on_again_and_again_is_left_to_the_instructor() {
    let mut class = Class::new();
    class.program("anna", Deserves::Nothing, "fn main() {}\n");
    let mut broken = class.grade("out");
    refuse(&mut broken, &[WITHOUT_TESTS]);
    let (status, _, stderr) = finished(&mut broken);
    assert_eq!(status, Some(3), "{stderr}");
    assert!(stderr.contains("the same command tries again"), "{stderr}");
    let graded = class.graded("out", "anna");
    assert_eq!(graded["retries"]["failures"], 1, "{graded:#}");
    assert_eq!(graded["report"]["status"], "broken", "{graded:#}");

    edit(&class, "submissions/anna.json", |graded| {
        graded["retries"]["failures"] = json!(3);
    });
    let before = class.results("out");
    let (status, _, stderr) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(3), "{stderr}");
    assert!(
        stderr.contains("3 times in a row on anna") && stderr.contains("--retry-broken"),
        "{stderr}"
    );
    assert_eq!(class.results("out"), before);

    let (status, _, stderr) = finished(class.grade("out").arg("--retry-broken"));
    assert_eq!(status, Some(0), "{stderr}");
    let graded = class.graded("out", "anna");
    assert_eq!(graded["report"]["status"], "failed", "{graded:#}");
    assert_eq!(graded["retries"]["failures"], 0, "{graded:#}");

    // The tests of another checker: as it was before one of them was mended.
    edit(&class, "run.json", |terms| {
        terms["tests"] = json!("0123456789abcdef");
    });
    let before = class.results("out");
    let (status, _, stderr) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(2), "{stderr}");
    assert!(
        stderr.contains("is about other hidden tests") && stderr.contains("another folder"),
        "{stderr}"
    );
    assert_eq!(class.results("out"), before);
}
