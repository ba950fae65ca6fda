//! A new exercise: its folders, its two lines, and a first hidden test which its starter fails.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::{
    atomic_file,
    failure::{Attempt, LabError},
    mistakes::patch::Patch,
};

/// A name of an exercise, taken apart: `day3_2_udp_client`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    day: u32,
    place: u32,
    topic: String,
}

/// Why there is no new exercise.
#[derive(Debug)]
pub enum Refused {
    /// This stands where the exercise is to be.
    Taken(PathBuf),
    /// This file of the course does not have the lines into which the new one belongs.
    OtherForm(PathBuf),
    /// A file cannot be read or written. Nothing has changed.
    Lab(LabError),
}

impl From<LabError> for Refused {
    fn from(error: LabError) -> Refused {
        Refused::Lab(error)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "day{}_{}_{}", self.day, self.place, self.topic)
    }
}

impl Name {
    /// `None` if it is not of this form: `day`, a number, a number, and a topic in small letters.
    pub fn parse(name: &str) -> Option<Name> {
        let mut parts = name.strip_prefix("day")?.splitn(3, '_');
        let mut number = || parts.next()?.parse().ok().filter(|number| *number > 0);
        let (day, place) = (number()?, number()?);
        let topic = parts.next()?.to_owned();
        let parsed = Name { day, place, topic };
        // Leading zeros and signs would give one exercise several names.
        (crate::mistakes::is_name(&parsed.topic) && parsed.to_string() == name).then_some(parsed)
    }

    /// What it is about: `udp_client`.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The heading of its chapter.
    pub fn chapter(&self, title: &str) -> String {
        let mut letters = title.chars();
        let first = letters.next().map(char::to_uppercase);
        let first = first.into_iter().flatten().collect::<String>();
        format!("{}.{} {first}{}", self.day, self.place, letters.as_str())
    }

    fn fill(&self, template: &str, title: &str) -> String {
        template
            .replace("{name}", &self.to_string())
            .replace("{number}", &format!("day{}_{}", self.day, self.place))
            .replace("{chapter}", &self.chapter(title))
            .replace("{title}", title)
            .replace("{day}", &self.day.to_string())
            .replace("{place}", &self.place.to_string())
    }

    fn manifest(&self, package: &str) -> String {
        include_str!("scaffold/manifest.toml").replace("{package}", package)
    }
}

/// Writes a new exercise into the course; returns its new and changed files, relative to `root`. All is written, or
/// nothing.
///
/// # Errors
///
/// See [`Refused`].
pub fn write(root: &Path, name: &Name, title: &str) -> Result<Vec<PathBuf>, Refused> {
    let mut files = new_files(name, title);
    if let Some((taken, _)) = files.iter().find(|(file, _)| root.join(file).exists()) {
        return Err(Refused::Taken(taken.clone()));
    }
    files.extend(changed_files(root, name)?);
    let mut done = Vec::new();
    for (file, content) in &files {
        let path = root.join(file);
        let before = fs::read(&path).ok();
        if let Err(error) = put(&path, content) {
            undo(&done);
            let attempt = format!("could not write {}", path.display());
            return Err(LabError::io(attempt, &error).into());
        }
        done.push((path, before));
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

fn put(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    atomic_file::write(path, content, None).map_err(std::io::Error::other)
}

fn undo(done: &[(PathBuf, Option<Vec<u8>>)]) {
    for (path, before) in done {
        let _ = match before {
            Some(content) => fs::write(path, content),
            None => fs::remove_file(path),
        };
    }
}

fn new_files(name: &Name, title: &str) -> Vec<(PathBuf, String)> {
    let exercise = Path::new("exercises").join(name.to_string());
    let solution = Path::new("solutions").join(name.to_string());
    let reference = name.fill(include_str!("scaffold/reference.rs"), title);
    let mut wrong = Patch::between(&reference, &reference.replace("\"ready\"", "\"Ready\""));
    wrong.why = "Prints another line than the promised one.".to_owned();
    let tests = format!("checker/course/src/days/day{}/{}.rs", name.day, name.topic);
    let fill = |template: &str| name.fill(template, title);
    vec![
        (
            exercise.join("tests/hidden.rs"),
            include_str!("scaffold/hidden.rs").to_owned(),
        ),
        (
            exercise.join("Cargo.toml"),
            name.manifest(&name.to_string()),
        ),
        (
            exercise.join("README.md"),
            fill(include_str!("scaffold/README.md")),
        ),
        (
            exercise.join("src/main.rs"),
            fill(include_str!("scaffold/starter.rs")),
        ),
        (
            solution.join("Cargo.toml"),
            name.manifest(&format!("{name}_solution")),
        ),
        (solution.join("src/main.rs"), reference),
        (
            solution.join("mistakes/says_something_else.patch"),
            wrong.to_string(),
        ),
        (tests.into(), fill(include_str!("scaffold/tests.rs"))),
    ]
}

/// The files that list the exercises, with the new one in them.
fn changed_files(root: &Path, name: &Name) -> Result<Vec<(PathBuf, String)>, Refused> {
    let days = Path::new("checker/course/src/days");
    let day = days.join(format!("day{}", name.day)).join("mod.rs");
    let mut changed = Vec::new();
    if root.join(&day).exists() {
        changed.push(with_line(root, day, &format!("pub mod {};", name.topic))?);
    } else {
        let text = format!("//! Day {}.\n\npub mod {};\n", name.day, name.topic);
        changed.push((day, text));
        changed.push(with_line(
            root,
            days.join("mod.rs"),
            &format!("pub mod day{};", name.day),
        )?);
    }
    let line = |day: u32, topic: &str| format!("    &days::day{day}::{topic}::EXERCISE,");
    let syllabus = Path::new("checker/course/src/syllabus.rs").to_owned();
    let text = read(root, &syllabus)?;
    let later = text.lines().find(|line| {
        let mut parts = line.trim().split("::").skip(1);
        let found = parts.next().zip(parts.next());
        found.is_some_and(|(day, topic)| is_later(root, day, topic, name))
    });
    let place = match later {
        Some(later) => text.find(later),
        None => text.find("\n];").map(|end| end + 1),
    };
    let place = place.ok_or_else(|| Refused::OtherForm(syllabus.clone()))?;
    let new = format!(
        "{}{}\n{}",
        &text[..place],
        line(name.day, &name.topic),
        &text[place..]
    );
    changed.push((syllabus, new));
    Ok(changed)
}

/// Whether the exercise of this topic comes after the new one. Its folder tells its place in the day.
fn is_later(root: &Path, day: &str, topic: &str, name: &Name) -> bool {
    let day = day.trim_start_matches("day").parse().unwrap_or(0);
    let folders = fs::read_dir(root.join("exercises")).into_iter().flatten();
    let known = folders
        .flatten()
        .filter_map(|entry| Name::parse(entry.file_name().to_str()?))
        .find(|known| known.day == day && known.topic == topic);
    known.is_some_and(|known| (known.day, known.place) > (name.day, name.place))
}

/// A file with one line more among its `pub mod` lines, which are sorted.
fn with_line(root: &Path, file: PathBuf, line: &str) -> Result<(PathBuf, String), Refused> {
    let text = read(root, &file)?;
    let is_module = |text: &&str| text.starts_with("pub mod ");
    let place = match text.lines().filter(is_module).find(|known| *known > line) {
        Some(later) => text.find(later),
        None => Some(text.len()).filter(|_| text.lines().any(|line| is_module(&line))),
    };
    let Some(place) = place else {
        return Err(Refused::OtherForm(file));
    };
    let new = format!("{}{line}\n{}", &text[..place], &text[place..]);
    Ok((file, new))
}

fn read(root: &Path, file: &Path) -> Result<String, LabError> {
    fs::read_to_string(root.join(file)).attempt(&format!("could not read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_a_new_exercise_speak_for_each_sentence_of_its_contract() {
        let sentences = crate::verify::contract::sentences(include_str!("scaffold/README.md"));
        assert_eq!(sentences.len(), 3);
        for sentence in sentences {
            assert!(
                include_str!("scaffold/tests.rs").contains(&sentence),
                "{sentence}"
            );
        }
    }

    #[test]
    fn a_name_has_a_day_a_place_and_a_topic() {
        let name = Name::parse("day3_12_udp_client").unwrap();
        assert_eq!((name.day, name.place, &*name.topic), (3, 12, "udp_client"));
        assert_eq!(name.chapter("a UDP client"), "3.12 A UDP client");
        for wrong in [
            "day3_2",
            "day3_x_y",
            "3_2_x",
            "day03_2_x",
            "day+3_2_x",
            "day3_2_",
            "day3_2_Udp",
            "day0_1_x",
            "",
        ] {
            assert_eq!(Name::parse(wrong), None, "{wrong}");
        }
    }
}
