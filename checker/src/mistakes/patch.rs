//! One mistake as a file: why it is wrong, then a unified diff against the reference.
//!
//! The diff is what patch(1) and `git apply` read, with two lines of context. A program's head comment (`//!`) is not
//! part of it: the reference describes itself there, and a mistake's program says why it is wrong.

use std::fmt;

use diffy::{DiffOptions, Hunk, Line};

/// Lines of context around a change: enough to find its place again, and few that other changes could touch.
const CONTEXT: usize = 2;
const PATH: &str = "src/main.rs";
/// The first line of the head comment of a mistake's program.
const TITLE: &str = "//! Wrong on purpose.";

/// A mistake, read from its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Why it is wrong, for people: plain text, folded into lines.
    pub why: String,
    /// The unified diff.
    diff: String,
}

/// Why there is no program of a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The file holds no unified diff. This is what the parser says.
    Unreadable(String),
    /// The diff changes nothing.
    Empty,
    /// The reference does not have the lines which the hunk at this line of the reference changes.
    Gone(usize),
    /// The reference has the lines of the hunk at several places, and not at the line which the hunk names.
    Ambiguous(usize),
}

impl Mismatch {
    /// Whether it is the reference that has changed.
    pub fn is_stale(&self) -> bool {
        matches!(self, Mismatch::Gone(_) | Mismatch::Ambiguous(_))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Unreadable(reason) => write!(f, "is not a unified diff: {reason}"),
            Mismatch::Empty => write!(f, "changes nothing"),
            Mismatch::Gone(line) => write!(
                f,
                "no longer applies: the reference does not have the lines of the hunk at {PATH}:{line}"
            ),
            Mismatch::Ambiguous(line) => write!(
                f,
                "no longer applies: the reference has the lines of the hunk at {PATH}:{line} in several places"
            ),
        }
    }
}

impl Patch {
    /// Reads the file of a mistake: what stands before the diff says why.
    pub fn parse(text: &str) -> Patch {
        let start = match text.starts_with("--- ") {
            true => 0,
            false => text.find("\n--- ").map_or(text.len(), |end| end + 1),
        };
        let (why, diff) = text.split_at(start);
        Patch {
            why: why.trim().to_owned(),
            diff: diff.to_owned(),
        }
    }

    /// The program with which a new mistake begins: the reference, with room to say why.
    pub fn begin(reference: &str) -> String {
        format!("{TITLE}\n//!\n//!\n{}", split_head(reference).1)
    }

    /// The change that makes this program of the reference. Both may have a head comment; the program's says why.
    pub fn between(reference: &str, program: &str) -> Patch {
        let (head, body) = split_head(program);
        let modified = format!("{}{body}", split_head(reference).0);
        let diff = DiffOptions::new()
            .set_context_len(CONTEXT)
            .set_original_filename(format!("a/{PATH}"))
            .set_modified_filename(format!("b/{PATH}"))
            .create_patch(reference, &modified)
            .to_string();
        Patch {
            why: reason(head),
            diff,
        }
    }

    /// The program: the reference with this change, and with a head comment that says why it is wrong.
    ///
    /// # Errors
    ///
    /// When the change does not fit this reference.
    pub fn apply(&self, reference: &str) -> Result<String, Mismatch> {
        let patch = diffy::Patch::from_str(&self.diff)
            .map_err(|error| Mismatch::Unreadable(error.to_string()))?;
        if patch.hunks().is_empty() {
            return Err(Mismatch::Empty);
        }
        let lines: Vec<&str> = reference.split_inclusive('\n').collect();
        for hunk in patch.hunks() {
            find(hunk, &lines)?;
        }
        // Each hunk fits; together they may not, if two of them have moved to one place.
        let first = patch.hunks()[0].old_range().start();
        let applied = diffy::apply(reference, &patch).map_err(|_| Mismatch::Gone(first))?;
        Ok(format!("{}{}", self.head(), split_head(&applied).1))
    }

    /// Whether the reference has the lines of each hunk where the hunk says.
    pub fn is_exact(&self, reference: &str) -> bool {
        let lines: Vec<&str> = reference.split_inclusive('\n').collect();
        diffy::Patch::from_str(&self.diff).is_ok_and(|patch| {
            let mut hunks = patch.hunks().iter();
            hunks.all(|hunk| is_at(&old_lines(hunk), &lines, hunk.old_range().start()))
        }) && self.apply(reference).is_ok()
    }

    /// The program that this mistake makes of another reference than `base`, to which it applies. `Err` is the program
    /// with both versions, between markers, where the reference has changed in the same lines.
    pub fn merge(&self, base: &str, reference: &str) -> Result<String, String> {
        let program = self.apply(base).unwrap_or_default();
        let body = |program| split_head(program).1;
        let with_head = |body: String| format!("{}{body}", self.head());
        diffy::merge(body(base), body(reference), body(&program))
            .map(with_head)
            .map_err(with_head)
    }

    /// The head comment of the program.
    fn head(&self) -> String {
        let mut head = format!("{TITLE}\n//!\n");
        for line in self.why.lines() {
            head.push_str(format!("//! {line}").trim_end());
            head.push('\n');
        }
        head
    }
}

/// The file.
impl fmt::Display for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n{}", self.why, self.diff)
    }
}

/// Sees that the lines of a hunk are where it says, or else at one place only.
fn find(hunk: &Hunk<'_, str>, reference: &[&str]) -> Result<(), Mismatch> {
    let old = old_lines(hunk);
    let line = hunk.old_range().start();
    if is_at(&old, reference, line) {
        return Ok(());
    }
    let places = 1..=reference.len();
    match places
        .filter(|&place| is_at(&old, reference, place))
        .count()
    {
        0 => Err(Mismatch::Gone(line)),
        1 => Ok(()),
        _ => Err(Mismatch::Ambiguous(line)),
    }
}

/// The lines of the reference that a hunk is about.
fn old_lines<'a>(hunk: &Hunk<'a, str>) -> Vec<&'a str> {
    let lines = hunk.lines().iter().filter_map(|line| match line {
        Line::Context(text) | Line::Delete(text) => Some(*text),
        Line::Insert(_) => None,
    });
    lines.collect()
}

/// Whether these lines stand in the reference from this line on, counted from 1.
fn is_at(lines: &[&str], reference: &[&str], line: usize) -> bool {
    let from = line.checked_sub(1).and_then(|place| reference.get(place..));
    from.is_some_and(|from| from.starts_with(lines))
}

/// A program's head comment, and all behind it.
fn split_head(program: &str) -> (&str, &str) {
    let head = program
        .split_inclusive('\n')
        .take_while(|line| line.starts_with("//!"))
        .map(str::len)
        .sum();
    program.split_at(head)
}

/// What a head comment says, without its title.
fn reason(head: &str) -> String {
    let lines: Vec<&str> = head
        .lines()
        .filter(|line| *line != TITLE)
        .map(|line| line.trim_start_matches("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str =
        "//! Counts.\n\nfn main() {\n    one();\n    two();\n    three();\n    four();\n}\n";
    const WRONG: &str = "//! Wrong on purpose.\n//!\n//! Forgets the\n//! second.\n\nfn main() {\n    one();\n    three();\n    four();\n}\n";

    fn patch() -> Patch {
        Patch::between(REFERENCE, WRONG)
    }

    #[test]
    fn a_file_says_why_and_holds_the_difference_only() {
        let text = "Forgets the\nsecond.\n\n--- a/src/main.rs\n+++ b/src/main.rs\n@@ -3,5 +3,4 @@\n fn main() {\n     one();\n\
                    -    two();\n     three();\n     four();\n";
        assert_eq!(patch().to_string(), text);
        assert_eq!(Patch::parse(text), patch());
        assert_eq!(patch().apply(REFERENCE).as_deref(), Ok(WRONG));
    }

    #[test]
    fn a_change_is_found_where_its_lines_have_moved_to() {
        let reference = REFERENCE.replace("fn main", "fn zero() {}\n\nfn main");
        let program = WRONG.replace("fn main", "fn zero() {}\n\nfn main");
        assert_eq!(patch().apply(&reference), Ok(program));
    }

    #[test]
    fn a_change_whose_lines_are_not_there_does_not_apply() {
        let reference = REFERENCE.replace("two", "second");
        assert_eq!(patch().apply(&reference), Err(Mismatch::Gone(3)));
    }

    #[test]
    fn a_change_does_not_choose_between_two_places() {
        let body = REFERENCE.split_once("\n\n").unwrap().1;
        let reference = format!("//! Counts.\n\n\n{body}\n{body}");
        assert_eq!(patch().apply(&reference), Err(Mismatch::Ambiguous(3)));
        // One of them is where the file says.
        let reference = format!("{REFERENCE}\n{body}");
        assert_eq!(patch().apply(&reference), Ok(format!("{WRONG}\n{body}")));
    }

    #[test]
    fn what_changes_nothing_is_no_mistake() {
        assert_eq!(
            Patch::between(REFERENCE, REFERENCE).apply(REFERENCE),
            Err(Mismatch::Empty)
        );
        let text = "Why.\n\n--- a/src/main.rs\n+++ b/src/main.rs\n@@ nonsense\n";
        let unreadable = Patch::parse(text).apply(REFERENCE);
        assert!(matches!(unreadable, Err(Mismatch::Unreadable(_))));
    }
}
