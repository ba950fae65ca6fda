//! What can be seen of an exercise without running anything: names, files, declarations, headings, quotations.

use std::{collections::BTreeSet, fs, path::Path};

use super::coverage;
use crate::{
    book,
    exercise::{Clue, Exercise, Mistake, Test},
    failure::LabError,
    mistakes::{self, Mistakes},
};

/// The faults of an exercise that can be seen without running anything.
///
/// # Errors
///
/// When the folder of its mistakes cannot be read.
pub(super) fn faults(root: &Path, exercise: &'static Exercise) -> Result<Vec<String>, LabError> {
    let course = fs::read_to_string(root.join("course.md")).unwrap_or_default();
    let mut faults = lost_readers(exercise, &course);
    faults.extend(faults_of_tests(exercise));
    faults.extend(faults_of_mistakes(root, exercise)?);
    for file in ["README.md", "src/main.rs"] {
        let file = Path::new("exercises").join(exercise.name).join(file);
        if !root.join(&file).is_file() {
            faults.push(format!("{} is not there", file.display()));
        }
    }
    faults.extend(coverage::of(root, exercise).faults());
    let named = faults
        .into_iter()
        .map(|fault| format!("{}: {fault}", exercise.name));
    Ok(named.collect())
}

fn faults_of_tests(exercise: &Exercise) -> Vec<String> {
    let mut faults = Vec::new();
    if exercise.tests.is_empty() {
        faults.push("it has no tests".to_owned());
    }
    let mut names = BTreeSet::new();
    for test in exercise.tests {
        let name = test.name;
        let diagnoses = test.rejects.iter().map(|one| one.diagnosis.to_string());
        let diagnoses: BTreeSet<String> = diagnoses.collect();
        if test.rejects.is_empty() {
            faults.push(format!(
                "nothing shows that \"{name}\" can fail: it declares no mistake"
            ));
        }
        if diagnoses.len() < test.rejects.len() {
            faults.push(format!(
                "\"{name}\" gives one diagnosis several hints: mistakes that look the same share theirs"
            ));
        }
        if !names.insert(name) {
            faults.push(format!("two tests are called \"{name}\""));
        }
    }
    faults
}

/// What is wrong with the declarations of mistakes, in tests and clues, and with their files.
fn faults_of_mistakes(root: &Path, exercise: &'static Exercise) -> Result<Vec<String>, LabError> {
    let mut faults = Vec::new();
    let mut declared = BTreeSet::new();
    for Mistake { name, .. } in exercise.tests.iter().flat_map(Test::mistakes) {
        if !declared.insert(name) {
            faults.push(format!("{name} is declared by two tests"));
        }
        if !mistakes::is_name(name) {
            faults.push(format!("{name} cannot be the name of a module"));
        }
    }
    for Clue { seen, mistakes, .. } in exercise.clues {
        if mistakes.is_empty() {
            faults.push(format!(
                "nothing proves the clue {seen:?}: it declares no mistake"
            ));
        }
        let unknown = mistakes.iter().filter(|name| !declared.contains(*name));
        faults
            .extend(unknown.map(|name| {
                format!("{name} proves the clue {seen:?}, and is declared by no test")
            }));
    }
    let files = Mistakes::of(root, exercise).names()?.into_iter();
    let strange = files.filter(|name| !declared.contains(name.as_str()));
    faults.extend(strange.map(|name| format!("mistakes/{name}.patch is declared by no test")));
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
