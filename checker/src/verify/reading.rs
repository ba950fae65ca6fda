//! What can be seen of an exercise without running anything: names, files, declarations, headings, quotations.

use std::{collections::BTreeSet, fs, path::Path};

use super::coverage;
use crate::{
    book,
    exercise::{Exercise, Test},
    failure::LabError,
    mistakes::{self, Mistakes},
};

/// The faults of an exercise that can be seen without running anything.
///
/// # Errors
///
/// When the folder of its mistakes cannot be read.
pub(super) fn faults(root: &Path, exercise: &'static Exercise) -> Result<Vec<String>, LabError> {
    let mut faults = Vec::new();
    let mut fault = |text: String| faults.push(format!("{}: {text}", exercise.name));
    let course = fs::read_to_string(root.join("course.md")).unwrap_or_default();
    lost_readers(exercise, &course)
        .into_iter()
        .for_each(&mut fault);
    if exercise.tests.is_empty() {
        fault("it has no tests".to_owned());
    }
    let mut names = BTreeSet::new();
    for test in exercise.tests {
        if test.rejects.is_empty() {
            fault(format!(
                "nothing shows that \"{}\" can fail: it declares no mistake",
                test.name
            ));
        }
        let seen: BTreeSet<String> = test
            .rejects
            .iter()
            .map(|one| one.diagnosis.to_string())
            .collect();
        if seen.len() < test.rejects.len() {
            fault(format!(
                "\"{}\" gives one diagnosis several hints: mistakes that look the same share theirs",
                test.name
            ));
        }
        if !names.insert(test.name) {
            fault(format!("two tests are called \"{}\"", test.name));
        }
    }
    let mut declared = BTreeSet::new();
    for mistake in exercise.tests.iter().flat_map(Test::mistakes) {
        if !declared.insert(mistake.name) {
            fault(format!("{} is declared by two tests", mistake.name));
        }
        if !mistakes::is_name(mistake.name) {
            fault(format!("{} cannot be the name of a module", mistake.name));
        }
    }
    for clue in exercise.clues {
        if clue.mistakes.is_empty() {
            fault(format!(
                "nothing proves the clue {:?}: it declares no mistake",
                clue.seen
            ));
        }
        for name in clue.mistakes {
            if !declared.contains(name) {
                fault(format!(
                    "{name} proves the clue {:?}, and is declared by no test",
                    clue.seen
                ));
            }
        }
    }
    for name in Mistakes::of(root, exercise).names()? {
        if !declared.contains(name.as_str()) {
            fault(format!("mistakes/{name}.patch is declared by no test"));
        }
    }
    for file in ["README.md", "src/main.rs"] {
        if !root
            .join("exercises")
            .join(exercise.name)
            .join(file)
            .is_file()
        {
            fault(format!("exercises/{}/{file} is not there", exercise.name));
        }
    }
    let coverage = coverage::of(root, exercise).faults();
    coverage.into_iter().for_each(fault);
    Ok(faults)
}

/// The headings by which an exercise sends its readers to nowhere, or to one of several places.
fn lost_readers(exercise: &Exercise, course: &str) -> Vec<String> {
    let headings = book::headings(course);
    let named = exercise.tests.iter().map(|test| test.read);
    named
        .chain([exercise.chapter])
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter_map(
            |heading| match headings.iter().filter(|one| one.title == heading).count() {
                0 => Some(format!("course.md has no heading \"{heading}\"")),
                1 => None,
                times => Some(format!(
                    "course.md has {times} headings \"{heading}\": nobody knows which one to read"
                )),
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXERCISE: Exercise = Exercise {
        name: "day9_9_reading",
        title: "a book, and a heading in it",
        chapter: "When accept fails",
        first_step: "Read.",
        tests: &[],
        clues: &[],
        untested: &[],
    };

    #[test]
    fn a_heading_that_stands_once_is_found() {
        let course = "## Another\n\n### When accept fails\n\n```sh\n# When accept fails\n```\n";
        assert_eq!(lost_readers(&EXERCISE, course), [""; 0]);
    }

    #[test]
    fn a_heading_that_is_not_there_is_a_fault() {
        let faults = lost_readers(
            &EXERCISE,
            "```sh\n# When accept fails\n```\nWhen accept fails\n",
        );
        assert_eq!(faults, ["course.md has no heading \"When accept fails\""]);
    }

    #[test]
    fn a_heading_that_stands_twice_is_a_fault() {
        let course = "## 2.2\n### When accept fails\n## 3.7\n### When accept fails\n";
        assert_eq!(
            lost_readers(&EXERCISE, course),
            ["course.md has 2 headings \"When accept fails\": nobody knows which one to read"]
        );
    }
}
