//! A student's crate that does not build is reported as such, and stops no other.

mod support;

use predicates::{prelude::PredicateBooleanExt, str::contains};
use support::Course;

const GOOD: &str = include_str!("../../solutions/day2_2_echo_server/src/main.rs");

fn course() -> Course {
    let course = Course::copy_of(&["day1_2_endianness", "day2_2_echo_server"]);
    course.write("exercises/day2_2_echo_server/src/main.rs", GOOD);
    course
}

#[test]
fn a_compile_error_appears_as_rustc_prints_it() {
    let course = course();
    course.write(
        "exercises/day1_2_endianness/src/main.rs",
        "fn main() { let port: u16 = \"80\"; }\n",
    );
    course
        .checker()
        .args(["day1_2", "day2_2"])
        .assert()
        .code(1)
        .stdout(
            contains("error[E0308]: mismatched types")
                .and(contains("does not compile"))
                .and(contains("pass  ")),
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
        .stdout(contains("cargo cannot read it").and(contains("pass  ")));
}

#[test]
fn a_package_without_its_binary_is_named() {
    let course = course();
    std::fs::rename(
        course
            .root()
            .join("exercises/day1_2_endianness/src/main.rs"),
        course.root().join("exercises/day1_2_endianness/src/lib.rs"),
    )
    .unwrap();
    course
        .checker()
        .args(["day1_2", "day2_2"])
        .assert()
        .code(1)
        .stdout(contains("builds no binary called day1_2_endianness").and(contains("pass  ")));
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
