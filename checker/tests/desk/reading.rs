//! The textbook in the terminal.

use std::fs;

use checker::report::layout::plain;
use checker::syllabus::{self, EXERCISES};
use predicates::{prelude::PredicateBooleanExt, str::contains};

use crate::{EXERCISE, printed, support::Course};

fn with_textbook() -> Course {
    let course = Course::copy_of(&[EXERCISE]);
    let textbook = Course::real().root().join("course.md");
    fs::copy(textbook, course.root().join("course.md")).unwrap();
    course
}

#[test]
fn a_chapter_is_read_by_its_number_and_a_section_by_its_heading() {
    let course = Course::real();
    let exercise = syllabus::find(EXERCISE).unwrap();
    for name in ["2.2", "echo_server", exercise.chapter] {
        let text = printed(&course, &["read", name], 0);
        assert_eq!(text.lines().next(), Some(exercise.chapter), "{name}");
        assert!(!text.contains("```") && !text.contains("<!--"), "{name}");
    }
    let text = printed(&course, &["read", "the", "accept", "queue"], 0);
    assert!(text.starts_with("The accept queue\n\n"), "{text}");
    let chapter = printed(&course, &["read", "2.2"], 0);
    assert!(chapter.contains(&text) && text.len() < chapter.len());
}

#[test]
fn a_table_of_the_textbook_fits_the_terminal() {
    let text = fs::read_to_string(Course::real().root().join("course.md")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let is_row = |line: &str| line.starts_with('|');
    let tables = lines.chunk_by(|one, next| is_row(one) == is_row(next));
    let tables: Vec<&[&str]> = tables.filter(|lines| is_row(lines[0])).collect();
    assert!(tables.len() > 10);
    for table in tables {
        let shown = plain(&checker::reading::render(table.iter().copied(), 80));
        let is_long = |line: &&str| line.chars().count() > 80;
        let long: Vec<&str> = shown.lines().filter(is_long).collect();
        assert!(long.is_empty(), "{long:#?}");
        assert!(!shown.contains("|---"), "{shown}");
    }
}

#[test]
fn every_heading_that_a_report_names_is_found() {
    let textbook = checker::reading::Textbook::of_course(Course::real().root()).unwrap();
    for exercise in EXERCISES {
        for heading in exercise.tests.iter().map(|test| test.read) {
            let part = textbook.find(heading).unwrap();
            let line = textbook.lines(part.begin, part.end).next().unwrap();
            assert_eq!(line.trim_start_matches('#').trim(), heading);
            assert!(part.chapter <= part.begin && part.end <= part.chapter_end);
        }
    }
}

#[test]
fn without_a_name_it_opens_where_the_last_report_has_pointed() {
    let course = with_textbook();
    let first = printed(&course, &["read"], 0);
    assert!(first.starts_with(EXERCISES[0].chapter), "{first}");
    printed(&course, &["day2_2", "--only", "announces"], 1);
    let read = syllabus::find(EXERCISE).unwrap().tests[0].read;
    let named = printed(&course, &["read"], 0);
    assert!(named.starts_with(read), "{read}: {named}");
}

#[test]
fn a_heading_that_is_not_there_or_not_the_only_one_is_wrong_usage() {
    let course = Course::real();
    let asked = |name: &str| course.checker().args(["read", name]).assert().code(2);
    asked("queue").stderr(contains("The accept queue").and(contains("Datagrams wait in a queue")));
    asked("The accept quue").stderr(contains("The accept queue"));
    asked("xyzzy").stderr(contains("no heading"));
}
