//! A student's crate that does not build is reported as such, and stops no other.

mod support;

use predicates::{Predicate, function::function, prelude::PredicateBooleanExt, str::contains};
use support::Course;

const GOOD: &str = include_str!("../../solutions/day2_2_echo_server/src/main.rs");

fn course() -> Course {
    let course = Course::copy_of(&["day1_2_endianness", "day2_2_echo_server"]);
    course.write("exercises/day2_2_echo_server/src/main.rs", GOOD);
    course
}

/// Whether a text says this, folded anywhere.
fn in_words(words: &'static str) -> impl Predicate<str> {
    function(move |text: &str| {
        let text: Vec<&str> = text.split_whitespace().collect();
        text.join(" ").contains(words)
    })
}

#[test]
fn a_compile_error_appears_as_rustc_prints_it() {
    let course = course();
    course.write(
        "exercises/day1_2_endianness/src/main.rs",
        "fn main() { let port: u16 = \"80\"; }\n",
    );
    let run = course.checker().args(["day1_2", "day2_2"]).assert().code(1);
    let run = run.stdout(contains("does not compile").and(contains("pass  ")));
    let shown = String::from_utf8_lossy(&run.get_output().stdout);
    let places = [
        "error[E0308]: mismatched types",
        "For more information about this error",
        "the messages above are the compiler's",
    ]
    .map(|words| shown.find(words));
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{places:?} in {shown}"
    );
}

#[test]
fn a_broken_manifest_stops_only_its_own_exercise() {
    let course = course();
    course.write(
        "exercises/day1_2_endianness/Cargo.toml",
        "[package\nname = \"day1_2_endianness\"\n",
    );
    course
        .checker()
        .args(["day1_2", "day2_2"])
        .assert()
        .code(1)
        .stdout(
            contains("cargo cannot read it")
                .and(contains("day1_2_endianness/Cargo.toml"))
                .and(contains("/socket-lab-").not())
                .and(contains("pass  ")),
        );
}

#[test]
fn a_package_of_another_name_is_told_its_own() {
    let course = course();
    let path = "exercises/day1_2_endianness/Cargo.toml";
    let manifest = std::fs::read_to_string(course.root().join(path)).unwrap();
    course.write(path, &manifest.replace("day1_2_endianness", "my_numbers"));
    course
        .checker()
        .args(["day1_2", "day2_2"])
        .assert()
        .code(1)
        .stdout(
            contains("\"my_numbers\"")
                .and(contains("name = \"day1_2_endianness\""))
                .and(contains("pass  ")),
        );
}

#[test]
fn a_missing_main_says_how_to_bring_it_back() {
    let course = course();
    std::fs::remove_file(
        course
            .root()
            .join("exercises/day1_2_endianness/src/main.rs"),
    )
    .unwrap();
    course
        .checker()
        .args(["day1_2", "day2_2"])
        .assert()
        .code(1)
        .stdout(
            contains("src/main.rs is missing")
                .and(in_words("`cargo lab reset day1_2_endianness` brings"))
                .and(contains("pass  ")),
        );
}

#[test]
fn a_missing_manifest_stops_only_its_own_exercise() {
    let course = course();
    std::fs::remove_file(course.root().join("exercises/day1_2_endianness/Cargo.toml")).unwrap();
    course
        .checker()
        .args(["day1_2", "day2_2"])
        .assert()
        .code(1)
        .stdout(
            contains("Cargo.toml is missing")
                .and(in_words(
                    "`cp checker/starters/day1_2_endianness/Cargo.toml exercises/",
                ))
                .and(contains("pass  ")),
        );
}

#[test]
fn a_package_without_its_binary_is_named() {
    let course = course();
    let path = "exercises/day1_2_endianness/Cargo.toml";
    let manifest = std::fs::read_to_string(course.root().join(path)).unwrap();
    let other = "\n[[bin]]\nname = \"numbers\"\npath = \"src/main.rs\"\n";
    course.write(path, &(manifest + other));
    course
        .checker()
        .args(["day1_2", "day2_2"])
        .assert()
        .code(1)
        .stdout(contains("builds no binary called").and(contains("pass  ")));
}

/// As rustup's cargo does where no toolchain is chosen.
#[test]
fn a_cargo_that_reads_nothing_is_nobodys_exercise() {
    let course = course();
    let cargo = course.script("echo \"no toolchain\" >&2; exit 1");
    course
        .checker()
        .arg("day2_2")
        .env("CARGO", cargo)
        .assert()
        .code(3)
        .stderr(contains("no toolchain"));
}

#[test]
fn a_workspace_whose_members_stand_on_several_lines_is_read_too() {
    let course = course();
    let manifest = std::fs::read_to_string(course.root().join("Cargo.toml")).unwrap();
    let lines = manifest.replace(
        "members = [\"exercises/*\"]",
        "members = [\n    \"exercises/*\",\n]",
    );
    assert_ne!(lines, manifest);
    std::fs::write(course.root().join("Cargo.toml"), lines).unwrap();
    course.write("exercises/day1_2_endianness/Cargo.toml", "[package");
    course
        .checker()
        .args(["day1_2", "day2_2"])
        .assert()
        .code(1)
        .stdout(contains("cargo cannot read it").and(contains("pass  ")));
}

#[test]
fn a_program_that_is_not_there_is_trouble_with_one_exercise() {
    let course = course();
    let built = [
        support::built("day1_2_endianness", course.root(), "/nowhere".as_ref()),
        support::built(
            "day2_2_echo_server",
            course.root(),
            &course.misbehaving("ends_at_once"),
        ),
        r#"{"reason":"build-finished","success":true}"#.to_owned(),
    ]
    .map(|said| format!("echo '{said}'\n"));
    let cargo = course.script(&built.concat());
    let run = course
        .checker()
        .args(["day1_2", "day2_2", "--format=json"])
        .env("CARGO", cargo)
        .assert()
        .code(3);
    let report: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    let status = |exercise: usize| report["exercises"][exercise]["status"].clone();
    assert_eq!([status(0), status(1)], ["broken", "failed"], "{report}");
    assert!(report.to_string().contains("could not find the program"));
}

#[test]
fn a_compiler_that_answers_nothing_is_nobodys_exercise() {
    let course = course();
    let rustc = course.script("echo \"no toolchain\" >&2; exit 1");
    std::fs::copy(&rustc, rustc.with_file_name("rustc")).unwrap();
    course
        .checker()
        .args(["day2_2", "--jail"])
        .env("CARGO", rustc.with_file_name("cargo"))
        .assert()
        .code(3)
        .stderr(contains("no toolchain"));
}

#[test]
fn without_cargo_the_lab_says_so() {
    course()
        .checker()
        .arg("day2_2")
        .env("CARGO", "/nowhere/cargo")
        .assert()
        .code(3)
        .stderr(contains("could not start cargo"));
}
