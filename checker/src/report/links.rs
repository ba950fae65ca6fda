//! Links in a text for a terminal: from `src/main.rs:17` and `course.md:1367` to these files.
//!
//! What a program has printed is text like any other: where it names a file of the course, that is a link, too, and it
//! leads to that file and nowhere else. Its own escape sequences have been made harmless before.

use std::path::{Component, Path, PathBuf};

use super::layout::link;

/// Where links of a text lead.
#[derive(Clone, Debug)]
pub struct Links {
    /// The folder of the course.
    root: PathBuf,
    /// The folder of the exercise that the text is about; none for a program from elsewhere.
    package: Option<PathBuf>,
}

impl Links {
    /// Those of a text about this exercise of the course; without an exercise, only the course's own files are meant.
    pub fn new(root: &Path, exercise: Option<&str>) -> Links {
        Links {
            root: root.to_owned(),
            package: exercise.map(|name| root.join("exercises").join(name)),
        }
    }

    /// The text with its links. They take no columns.
    pub fn add(&self, text: &str) -> String {
        let mut linked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_of_path) {
            let (before, from) = rest.split_at(start);
            linked.push_str(before);
            if let Some(length) = escape_length(before, from) {
                linked.push_str(&from[..length]);
                rest = &from[length..];
                continue;
            }
            let end = from
                .find(|letter| !is_of_path(letter))
                .unwrap_or(from.len());
            let (path, behind) = from.split_at(end);
            match (self.file(path), number(behind)) {
                (Some(file), Some(number)) => {
                    linked.push_str(&link(&format!("{path}{number}"), &file));
                    rest = &behind[number.len()..];
                }
                _ => {
                    linked.push_str(path);
                    rest = behind;
                }
            }
        }
        linked + rest
    }

    /// The file that is meant, if it is one of the course.
    fn file(&self, path: &str) -> Option<PathBuf> {
        let is_plain = |part| matches!(part, Component::Normal(_));
        if !Path::new(path).components().all(is_plain) {
            return None;
        }
        let folder = match path.split('/').next()? {
            "src" => self.package.as_ref()?,
            "exercises" | "course.md" => &self.root,
            _ => return None,
        };
        Some(folder.join(path)).filter(|file| file.is_file())
    }
}

fn is_of_path(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_-./".contains(letter)
}

/// How long the rest of a colour's sequence is, if the text before ends with its beginning.
fn escape_length(before: &str, from: &str) -> Option<usize> {
    if !before.ends_with("\x1b[") && !before.ends_with(';') {
        return None;
    }
    let end = from.find(|letter: char| !letter.is_ascii_digit())?;
    match from[end..].chars().next()? {
        'm' => Some(end + 1),
        ';' => Some(end),
        _ => None,
    }
}

/// The number of a line behind a path, with its colon.
fn number(behind: &str) -> Option<&str> {
    let digits = behind.strip_prefix(':')?;
    let end = digits.find(|letter: char| !letter.is_ascii_digit());
    let end = end.unwrap_or(digits.len());
    (end > 0).then(|| &behind[..=end])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::report::layout::plain;

    #[test]
    fn files_of_the_course_are_links_and_nothing_else_is() {
        let course = tempfile::tempdir().unwrap();
        let root = course.path();
        let package = root.join("exercises/day2_2_echo_server");
        fs::create_dir_all(package.join("src")).unwrap();
        fs::write(package.join("src/main.rs"), "").unwrap();
        fs::write(root.join("course.md"), "").unwrap();
        let links = Links::new(root, Some("day2_2_echo_server"));
        let count = |text: &str| {
            let linked = links.add(text);
            assert_eq!(plain(&linked), plain(text));
            linked.matches("\x1b]8;;file://").count()
        };
        assert_eq!(count("close(5) = 0  \x1b[2msrc/main.rs:17\x1b[0m\n"), 1);
        assert_eq!(
            count("\x1b[1;31m! src/main.rs:17\x1b[0m (src/main.rs:9)"),
            2
        );
        assert_eq!(count("read   course.md:1367, \"The accept queue\""), 1);
        assert_eq!(count("at exercises/day2_2_echo_server/src/main.rs:3:5:"), 1);
        for other in [
            "src/main.rs",
            "src/main.rs: 17",
            "src/net.rs:17",
            "library/src/main.rs:17",
            "/src/main.rs:17",
            "src/../../../course.md:17",
            "src/main.rs:é",
        ] {
            assert_eq!(count(other), 0, "{other}");
        }
        let elsewhere = Links::new(root, None);
        assert_eq!(elsewhere.add("src/main.rs:17"), "src/main.rs:17");
    }
}
