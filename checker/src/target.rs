//! What a student names on the command line, and the exercises it stands for.

use std::{ops::RangeInclusive, path::Path};

use crate::{
    exercise::Exercise,
    syllabus::{self, EXERCISES},
};

/// A name that stands for nothing, and names like it.
#[derive(Debug)]
pub struct Unknown {
    /// As it was typed.
    pub name: String,
    /// What may have been meant, best first.
    pub near: Vec<String>,
    /// Whether it could be each of these, and not only a slip.
    pub is_ambiguous: bool,
}

/// The exercises of all these names, each once, in the order of the course.
///
/// A name is `all`, a day (`day2`, `2`), a number (`day2_2`, `2_2`, `2.2`), a topic (`echo_server`), a full name, or the
/// beginning of its words where only one exercise has such (`pton`, `fork_w`). A path stands for the exercise in whose
/// folder it is: `exercises/day2_2_echo_server/src/main.rs`, and `.` in that folder.
///
/// # Errors
///
/// At the first name that stands for nothing, or could stand for several exercises.
pub fn resolve(names: &[String]) -> Result<Vec<&'static Exercise>, Unknown> {
    let mut wanted = Vec::new();
    for name in names {
        let found = meant(name);
        let is_decided = !found.is_empty();
        let found = if is_decided { found } else { beginning(name) };
        if found.is_empty() || (!is_decided && found.len() > 1) {
            return Err(unknown(name, &found));
        }
        wanted.extend(found);
    }
    let mut exercises = EXERCISES.to_vec();
    exercises.retain(|exercise| wanted.iter().any(|wanted| wanted.name == exercise.name));
    Ok(exercises)
}

/// The error of a name that stands for nothing, or for each of these exercises.
fn unknown(name: &str, several: &[&Exercise]) -> Unknown {
    let topics = several.iter().map(|one| one.topic().to_owned());
    Unknown {
        name: name.to_owned(),
        near: match several.is_empty() {
            true => near(name, all_names()),
            false => topics.collect(),
        },
        is_ambiguous: !several.is_empty(),
    }
}

/// The exercises which this is the whole name of, or the place.
fn meant(name: &str) -> Vec<&'static Exercise> {
    let plain = normal(name);
    let is_meant = |exercise: &&Exercise| {
        plain == "all"
            || plain == exercise.name
            || plain == exercise.topic()
            || plain == exercise.number()
            || plain == format!("day{}", exercise.day())
    };
    let found: Vec<_> = EXERCISES.iter().copied().filter(is_meant).collect();
    match found.is_empty() && is_path(name) {
        true => at(Path::new(name)).into_iter().collect(),
        false => found,
    }
}

/// The exercises in whose name a word begins with this.
fn beginning(name: &str) -> Vec<&'static Exercise> {
    /// Less than this is no name.
    const LEAST: usize = 3;
    let plain = normal(name);
    if plain.len() < LEAST {
        return Vec::new();
    }
    let begins = |exercise: &&Exercise| {
        let words = exercise.name.match_indices('_').map(|(at, _)| at + 1);
        [0].into_iter()
            .chain(words)
            .any(|at| exercise.name[at..].starts_with(&plain))
    };
    EXERCISES.iter().copied().filter(begins).collect()
}

/// A name as the course writes it: `2.2` is `day2_2`, `Echo-Server` is `echo_server`. The shell completes folders:
/// `exercises/day2_2_echo_server/`.
fn normal(name: &str) -> String {
    let name = name.trim_end_matches('/');
    let name = name.strip_prefix("./").unwrap_or(name);
    let name = name.strip_prefix("exercises/").unwrap_or(name);
    let plain = name.to_lowercase().replace(['.', '-', ' '], "_");
    match plain.starts_with(|first: char| first.is_ascii_digit()) {
        true => format!("day{plain}"),
        false => plain,
    }
}

fn is_path(name: &str) -> bool {
    name.contains('/') || [".", ".."].contains(&name) || Path::new(name).exists()
}

/// The exercise in whose folder this path is, be it there or not.
pub fn at(path: &Path) -> Option<&'static Exercise> {
    let whole = match path.canonicalize() {
        Ok(whole) => whole,
        Err(_) => std::path::absolute(path).ok()?,
    };
    let names: Vec<_> = whole.iter().collect();
    let mut pairs = names.windows(2).rev();
    pairs.find_map(|pair| match pair[0] == "exercises" {
        true => syllabus::find(pair[1].to_str()?),
        false => None,
    })
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
            "2.2",
            "2_2",
            "2-2",
            "Day2.2",
            "Echo-Server",
            "day2_2_echo",
            "exercises/day2_2_echo_server/",
            "exercises/day2_2_echo_server/src/main.rs",
            "/nowhere/exercises/day2_2_echo_server/src/main.rs",
        ] {
            assert_eq!(names(&[name]), ["day2_2_echo_server"], "{name}");
        }
        assert_eq!(names(&["2"]), names(&["day2"]));
        assert_eq!(names(&["pton"]), ["day2_1_inet_pton_ntop"]);
    }

    #[test]
    fn a_word_of_several_exercises_is_none_of_them() {
        let unknown = resolve(&["server".to_owned()]).unwrap_err();
        assert_eq!(unknown.near, ["echo_server", "fork_server"]);
        for nothing in ["ec", "erver", "/", "exercises/x/src", ""] {
            assert!(resolve(&[nothing.to_owned()]).is_err(), "{nothing}");
        }
        // A whole topic is more than the beginning of another name.
        assert_eq!(names(&["close"]), ["day3_4_close"]);
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
