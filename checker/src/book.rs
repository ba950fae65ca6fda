//! The textbook, course.md, as a book: its headings and links, its table of contents and its index, and the source of a
//! site.

#[cfg(feature = "instructor")]
mod index;
#[cfg(feature = "instructor")]
mod site;

use std::{
    cell::OnceCell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

#[cfg(feature = "instructor")]
pub use index::with_indexes;
#[cfg(feature = "instructor")]
pub use site::write_site;

/// A heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// 1 is a day or an annex, 2 a chapter, 3 a section.
    pub level: usize,
    /// Its text.
    pub title: String,
    /// Its line, counted from 1.
    pub line: usize,
}

impl Heading {
    /// The name under which links find it, on GitHub and in a site by mdBook: small letters, digits, `-` and `_`.
    pub fn anchor(&self) -> String {
        let kept = self.title.chars().filter_map(|c| match c {
            ' ' | '-' => Some('-'),
            '_' => Some('_'),
            c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
            _ => None,
        });
        kept.collect()
    }
}

/// A link in the text, `[text](target)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What is in the parentheses.
    pub target: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// The lines that are text and no code, with their numbers. What stands between fences is code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            return None;
        }
        (!is_code).then_some((at + 1, line))
    })
}

/// The headings, in order.
pub fn headings(text: &str) -> Vec<Heading> {
    let found = prose(text).filter_map(|(line, text)| {
        let level = text.bytes().take_while(|&byte| byte == b'#').count();
        let title = text[level..].strip_prefix(' ')?;
        (1..=6).contains(&level).then(|| Heading {
            level,
            title: title.trim().to_owned(),
            line,
        })
    });
    found.collect()
}

/// Where the headings of a course.md are: what says where to read names the line.
///
/// The file is read when the first heading is looked up: a run that only says "passed" does not wait for it.
#[derive(Clone, Debug, Default)]
pub struct Places {
    path: PathBuf,
    lines: OnceCell<BTreeMap<String, usize>>,
}

impl Places {
    /// Those of the course at this root. Where course.md cannot be read, no place is known.
    pub fn of_course(root: &Path) -> Places {
        Places {
            path: root.join("course.md"),
            lines: OnceCell::new(),
        }
    }

    fn lines(&self) -> &BTreeMap<String, usize> {
        self.lines.get_or_init(|| {
            let text = fs::read_to_string(&self.path).unwrap_or_default();
            let headings = headings(&text).into_iter();
            headings.map(|one| (one.title, one.line)).collect()
        })
    }

    /// The heading, as one types it into an editor: `course.md:2517, "End of file and half-close"`.
    pub fn cite(&self, title: &str) -> String {
        match self.lines().get(title) {
            Some(line) => format!("course.md:{line}, \"{title}\""),
            None => format!("course.md, \"{title}\""),
        }
    }
}

/// The headings of the first two levels, each with the text from its own line to the next of them.
#[cfg(feature = "instructor")]
fn chapters(text: &str) -> Vec<(Heading, &str)> {
    let mut starts = vec![0];
    starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
    let mut headings = headings(text);
    headings.retain(|heading| heading.level <= 2);
    let begins: Vec<usize> = headings.iter().map(|one| starts[one.line - 1]).collect();
    let ends: Vec<usize> = begins.iter().skip(1).copied().chain([text.len()]).collect();
    let texts = begins
        .into_iter()
        .zip(ends)
        .map(|(begin, end)| &text[begin..end]);
    headings.into_iter().zip(texts).collect()
}

/// The links, in order; those in code are none.
pub fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    // What stands between backticks is code, also where it goes on in the next line; a blank line ends a paragraph.
    let mut is_code = false;
    for (line, text) in prose(text) {
        if text.is_empty() {
            is_code = false;
        }
        let parts: Vec<&str> = text.split('`').collect();
        let shown = parts.iter().skip(usize::from(is_code)).step_by(2);
        is_code ^= parts.len().is_multiple_of(2);
        let shown: String = shown.copied().collect();
        let mut rest = shown.as_str();
        while let Some((_, behind)) = rest.split_once("](") {
            let (target, behind) = behind.split_once(')').unwrap_or((behind, ""));
            found.push(Link {
                target: target.to_owned(),
                line,
            });
            rest = behind;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# One\n\n```sh\n# no heading\n```\n\n## 2.2 A `read`, again\n[a](#one) and `[b](#two)`\n";

    #[test]
    fn code_has_neither_headings_nor_links() {
        let found = headings(TEXT);
        let lines: Vec<_> = found.iter().map(|one| (one.level, one.line)).collect();
        assert_eq!(lines, [(1, 1), (2, 7)]);
        let found = links(TEXT);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].target.as_str(), found[0].line), ("#one", 8));
        let broken = "A `call(a,\n[b](#c))` and [d](#d)\nand `one\n\n[e](#e)\n";
        let targets: Vec<String> = links(broken).into_iter().map(|link| link.target).collect();
        assert_eq!(targets, ["#d", "#e"]);
    }

    #[test]
    fn a_place_is_a_file_and_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = Places::of_course(folder.path());
        assert_eq!(nowhere.cite("Two"), "course.md, \"Two\"");
        fs::write(folder.path().join("course.md"), "# One\n\n## Two\n").unwrap();
        let places = Places::of_course(folder.path());
        assert_eq!(places.cite("Two"), "course.md:3, \"Two\"");
    }

    #[test]
    fn an_anchor_has_small_letters_and_no_signs() {
        let found = headings(TEXT);
        assert_eq!(found[1].anchor(), "22-a-read-again");
    }
}
