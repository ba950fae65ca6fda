//! Right programs in styles of their own, which every hidden test must accept. One file of `right_styles` is one program;
//! its first word names the exercise.

mod support;

use std::{fs, path::Path};

use support::{Course, MACHINE, compiler::compile_c, skipped::skipped};

#[test]
fn what_is_right_in_another_style_passes() {
    if let Err(why) = &MACHINE.tracing {
        return skipped(format_args!("no fault meets a program: {why}"));
    }
    let course = Course::real();
    let folder = tempfile::tempdir().unwrap();
    support::open_to_all(folder.path());
    let styles = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/right_styles");
    let mut faults = Vec::new();
    for source in support::files_below(&styles) {
        let text = fs::read_to_string(&source).unwrap();
        let exercise = text
            .trim_start_matches("/*")
            .split_whitespace()
            .next()
            .unwrap();
        let program = folder.path().join(source.file_stem().unwrap());
        compile_c(&source, &program);
        for tracing in ["--tracing=as-needed", "--tracing=on"] {
            let mut command = course.checker();
            command.args([exercise, "--format=human", tracing, "--program"]);
            let output = command.arg(&program).output().unwrap();
            if output.status.code() != Some(0) {
                let said = String::from_utf8_lossy(&output.stdout);
                faults.push(format!("{} {tracing}:\n{said}", source.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
