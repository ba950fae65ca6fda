//! Which exercises differ from a git revision, so that what was changed is proved first.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::Extent;
use crate::{exercise::Exercise, failure::LabError, git, syllabus::EXERCISES};

/// What is to be proved of each exercise, in the order of the course.
pub type Scope = Vec<(&'static Exercise, Extent)>;

/// What differs from this revision, also in files that git does not know yet. Without a revision it is the one at which
/// the branch began: where it leaves its upstream, or `main` or `master`.
///
/// # Errors
///
/// When git is not there, or does not know the revision; its own words are in the detail.
pub fn since(root: &Path, revision: Option<&str>) -> Result<Scope, LabError> {
    const ASK: &str = "could not ask git what has changed";
    let base = match revision {
        Some(revision) => revision.to_owned(),
        None => git::base(root),
    };
    let differing = ["diff", "--name-only", "--relative", &base, "--"];
    let differing = git::ask(root, &differing, ASK)?;
    let unknown = git::ask(root, &["ls-files", "--others", "--exclude-standard"], ASK)?;
    Ok(scope(differing.lines().chain(unknown.lines())))
}

/// What depends on these files of the course.
fn scope<'a>(files: impl Iterator<Item = &'a str>) -> Scope {
    let mut found: BTreeMap<&'static str, Extent> = BTreeMap::new();
    for file in files {
        let extent = match file.split('/').collect::<Vec<_>>().as_slice() {
            ["solutions", _, "mistakes", name] => match name.strip_suffix(".patch") {
                Some(name) => Extent::Mistakes(BTreeSet::from([name.to_owned()])),
                None => continue,
            },
            // A heading or a sentence that is gone costs nothing to see, a heading in all exercises.
            ["course.md"] | ["exercises", _, "README.md"] => Extent::Mistakes(BTreeSet::new()),
            [_] if !["Cargo.toml", "Cargo.lock"].contains(&file) => continue,
            ["solutions", "README.md"]
            | ["checker", "tests" | "examples" | "benches" | "ci", ..] => {
                continue;
            }
            _ => Extent::Whole,
        };
        for exercise in EXERCISES.iter().filter(|exercise| depends(exercise, file)) {
            found.entry(exercise.name).or_default().widen(&extent);
        }
    }
    let in_order = EXERCISES.iter().copied();
    in_order
        .filter_map(|exercise| Some((exercise, found.remove(exercise.name)?)))
        .collect()
}

/// Whether the proof of this exercise depends on this file. What belongs to no single exercise belongs to all.
fn depends(exercise: &Exercise, file: &str) -> bool {
    let owner = match file.split('/').collect::<Vec<_>>().as_slice() {
        ["exercises" | "solutions", name, ..] => (*name).to_owned(),
        ["checker", "course", "src", "days", day, topic, ..] if *topic != "mod.rs" => {
            let topic = topic.trim_end_matches(".rs");
            let of = format!("day{}", exercise.day());
            return *day == of && topic == exercise.topic();
        }
        ["checker", "course", "src", "demos" | "demo_context", ..] => return false,
        _ => return true,
    };
    owner == exercise.name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str]) -> Vec<(&'static str, Extent)> {
        let scope = scope(files.iter().copied()).into_iter();
        scope
            .map(|(exercise, extent)| (exercise.name, extent))
            .collect()
    }

    fn mistakes(names: &[&str]) -> Extent {
        Extent::Mistakes(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_mistake_is_proved_alone() {
        let file = "solutions/day2_2_echo_server/mistakes/never_closes.patch";
        let other = "solutions/day2_2_echo_server/mistakes/short_queue.patch";
        assert_eq!(
            names(&[file, other]),
            [(
                "day2_2_echo_server",
                mistakes(&["never_closes", "short_queue"])
            )]
        );
    }

    #[test]
    fn reference_starter_and_tests_belong_to_one_exercise() {
        for file in [
            "solutions/day2_2_echo_server/src/main.rs",
            "exercises/day2_2_echo_server/src/main.rs",
            "checker/course/src/days/day2/echo_server.rs",
            "checker/course/src/days/day2/echo_server/faults.rs",
        ] {
            let patch = "solutions/day2_2_echo_server/mistakes/never_closes.patch";
            let expected = [("day2_2_echo_server", Extent::Whole)];
            assert_eq!(names(&[patch, file]), expected, "{file}");
            assert_eq!(names(&[file, patch]), expected, "{file}");
        }
    }

    #[test]
    fn a_contract_is_compared_with_its_tests_and_nothing_is_run() {
        assert_eq!(
            names(&["exercises/day2_2_echo_server/README.md"]),
            [("day2_2_echo_server", mistakes(&[]))]
        );
    }

    #[test]
    fn what_all_stand_on_concerns_all() {
        for file in [
            "Cargo.toml",
            "checker/harness/src/lab/mod.rs",
            "checker/course/src/days/day2/mod.rs",
        ] {
            assert_eq!(names(&[file]).len(), EXERCISES.len(), "{file}");
        }
        for file in [
            "README.md",
            "checker/tests/catalogue.rs",
            "checker/course/src/demos/bind.rs",
        ] {
            assert_eq!(names(&[file]), [], "{file}");
        }
        assert!(
            names(&["course.md"])
                .iter()
                .all(|(_, extent)| *extent == mistakes(&[]))
        );
    }
}
