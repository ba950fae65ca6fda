//! What a submission cannot reach.

use std::{fs, path::Path};

use crate::{
    class::{Class, Deserves, NAME, RIGHT, expect_deserved, finished},
    support::{MACHINE, checker_program, skipped::skipped},
};

#[test]
fn where_ci_is_set_nothing_is_graded_that_is_not_contained() {
    let mut class = Class::new();
    class.program("anna", Deserves::All, RIGHT);
    let missing = MACHINE.missing();
    let (status, _, stderr) = finished(class.grade("out").env("CI", "true"));
    if missing.is_empty() {
        assert_eq!(status, Some(0), "{stderr}");
        expect_deserved(&class, "out");
    } else {
        expect_refused_start(&class, "out", status, &stderr);
    }
    // Without calls to follow, no jail is good enough anywhere.
    let mut blind = class.grade("blind");
    let (status, _, stderr) = finished(blind.env("CI", "true").arg("--tracing=off"));
    expect_refused_start(&class, "blind", status, &stderr);
}

fn expect_refused_start(class: &Class, out: &str, status: Option<i32>, stderr: &str) {
    assert_eq!(status, Some(4), "{stderr}");
    assert!(
        stderr.contains("missing: ") && stderr.contains("nothing is graded"),
        "{stderr}"
    );
    assert_eq!(class.results(out).len(), 0);
}

/// A solution, the checker and its tests: no source file can have the compiler read them, and no program can.
#[test]
fn neither_a_build_nor_a_program_reads_what_is_not_its_own() {
    if !MACHINE.has_jail() {
        return skipped("this machine has no jail");
    }
    let mut class = Class::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let solution = root.join("solutions").join(NAME).join("src/main.rs");
    let solution = solution.to_str().unwrap();
    let secret = class.path("secret.rs");
    fs::write(&secret, RIGHT).unwrap();
    let secret = secret.to_str().unwrap();
    let checker = checker_program();
    for (name, path) in [
        ("includes-a-solution", solution),
        ("includes-a-file", secret),
    ] {
        class.program(name, Deserves::NoProgram, &format!("include!({path:?});\n"));
    }
    class.program(
        "looks-around",
        Deserves::All,
        &RIGHT.replacen(
            "fn main() -> ExitCode {",
            &format!(
                "fn main() -> ExitCode {{\n    for path in [{secret:?}, {solution:?}, {checker:?}, \"/etc/passwd\"] {{\n        \
                 assert!(std::fs::read(path).is_err());\n    }}\n"
            ),
            1,
        ),
    );
    let (status, stdout, stderr) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    expect_deserved(&class, "out");
    let text = fs::read_to_string(class.path("out/feedback/includes-a-file.txt")).unwrap();
    assert!(text.contains("couldn't read"), "{text}");
}
