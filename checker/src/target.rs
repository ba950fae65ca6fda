//! What a student names on the command line, and the exercises it stands for.

use std::ops::RangeInclusive;

use crate::{exercise::Exercise, syllabus::EXERCISES};

/// A name that stands for nothing, and names like it.
#[derive(Debug)]
pub struct Unknown {
    /// As it was typed.
    pub name: String,
    /// What may have been meant, best first.
    pub near: Vec<String>,
}

/// The exercises of all these names, each once, in the order of the course.
///
/// A name is `all`, a day (`day2`), a number (`day2_2`), a topic (`echo_server`), a full name, or its folder.
///
/// # Errors
///
/// At the first name that stands for nothing.
pub fn resolve(names: &[String]) -> Result<Vec<&'static Exercise>, Unknown> {
    let mut wanted = Vec::new();
    for name in names {
        let found: Vec<_> = EXERCISES
            .iter()
            .copied()
            .filter(|exercise| is_meant(exercise, name))
            .collect();
        if found.is_empty() {
            return Err(Unknown {
                name: name.clone(),
                near: near(name, all_names()),
            });
        }
        wanted.extend(found);
    }
    let mut exercises = EXERCISES.to_vec();
    exercises.retain(|exercise| wanted.iter().any(|wanted| wanted.name == exercise.name));
    Ok(exercises)
}

fn is_meant(exercise: &Exercise, name: &str) -> bool {
    // The shell completes folders: `exercises/day2_2_echo_server/`.
    let name = name.trim_end_matches('/');
    let name = name.strip_prefix("./").unwrap_or(name);
    let name = name.strip_prefix("exercises/").unwrap_or(name);
    name == "all"
        || name == exercise.name
        || name == exercise.topic()
        || name == exercise.number()
        || name == format!("day{}", exercise.day())
}

/// Every name that stands for something.
pub fn all_names() -> Vec<String> {
    let mut names = vec!["all".to_owned()];
    for exercise in EXERCISES {
        let day = format!("day{}", exercise.day());
        if !names.contains(&day) {
            names.push(day);
        }
        names.extend([exercise.number(), exercise.topic(), exercise.name].map(str::to_owned));
    }
    names
}

/// The days there are, for a name that means another one: `day7`, but not `day22`, which is a slip.
pub fn other_day(name: &str) -> Option<RangeInclusive<u32>> {
    let number: u32 = name.strip_prefix("day")?.split('_').next()?.parse().ok()?;
    let (first, last) = (EXERCISES.first()?.day(), EXERCISES.last()?.day());
    (number < 10 && !(first..=last).contains(&number)).then_some(first..=last)
}

/// The names most like this one, best first; none if none is like it.
pub fn near(name: &str, candidates: impl IntoIterator<Item = String>) -> Vec<String> {
    const LIKE: f64 = 0.8;
    const MOST: usize = 3;
    let mut scored: Vec<(f64, String)> = candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, &candidate), candidate))
        .filter(|(score, _)| *score >= LIKE)
        .collect();
    scored.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    scored
        .into_iter()
        .take(MOST)
        .map(|(_, name)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(targets: &[&str]) -> Vec<&'static str> {
        let targets: Vec<String> = targets.iter().map(|&target| target.to_owned()).collect();
        resolve(&targets)
            .unwrap()
            .iter()
            .map(|exercise| exercise.name)
            .collect()
    }

    #[test]
    fn every_way_to_name_an_exercise_finds_it() {
        for name in [
            "day2_2",
            "echo_server",
            "day2_2_echo_server",
            "exercises/day2_2_echo_server/",
        ] {
            assert_eq!(names(&[name]), ["day2_2_echo_server"], "{name}");
        }
    }

    #[test]
    fn the_order_is_the_courses_and_nothing_comes_twice() {
        let all = names(&["all"]);
        assert_eq!(names(&["echo_server", "all", "day2"]), all);
    }

    #[test]
    fn a_day_that_is_not_there_is_told_from_a_slip() {
        let last = EXERCISES.last().unwrap().day();
        for name in ["day0", "day9", "day9_1"] {
            assert_eq!(other_day(name), Some(1..=last), "{name}");
        }
        for name in ["day1", "day22", "day2_9", "dayx", "day", "echo"] {
            assert_eq!(other_day(name), None, "{name}");
        }
    }

    #[test]
    fn a_slip_of_the_finger_finds_what_was_meant() {
        let unknown = resolve(&["ecko_server".to_owned()]).unwrap_err();
        assert_eq!(
            unknown.near.first().map(String::as_str),
            Some("echo_server")
        );
        assert!(resolve(&["qqq".to_owned()]).unwrap_err().near.is_empty());
    }
}
