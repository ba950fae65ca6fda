//! The table of what is proved, for a person.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{Coverage, Sentence};
use crate::{
    exercise::{Test, Untested},
    report::layout::fold,
};

const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Each exercise with its sentences: those that tests prove, with the tests and the mistakes that these reject, then
/// the others with their reasons; at the end how many there are.
pub fn render(exercises: &[Coverage], width: usize) -> String {
    let mut text = String::new();
    let mut all = Count::default();
    for coverage in exercises {
        let count = Count::of(coverage);
        write_heading(&mut text, coverage.exercise.name, count, width);
        text.push('\n');
        write_exercise(&mut text, coverage, width);
        all.add(count);
    }
    if exercises.len() > 1 {
        write_heading(&mut text, "all", all, width);
    }
    text
}

fn write_heading(text: &mut String, name: &str, count: Count, width: usize) {
    let heading = fold(&format!("{name}  {count}"), width, "", "  ");
    let _ = writeln!(text, "{STRONG}{heading}{STRONG:#}");
}

fn write_exercise(text: &mut String, coverage: &Coverage, width: usize) {
    let sentences = &coverage.sentences;
    for sentence in sentences.iter().filter(|one| !one.tests.is_empty()) {
        write_lines(text, &sentence.text, width, "  ", "  ");
        for test in &sentence.tests {
            write_lines(text, test.name, width, "    - ", "      ");
            write_mistakes(text, test, width);
        }
        text.push('\n');
    }
    let with_reason = |wanted: fn(&Untested) -> bool| {
        let listed = sentences
            .iter()
            .filter_map(|one| Some((one, one.untested?)));
        listed.filter(move |(_, why)| wanted(why))
    };
    write_untested(
        text,
        "No test can prove:",
        with_reason(|why| matches!(why, Untested::Never { .. })),
        width,
    );
    write_untested(
        text,
        "Not tested yet:",
        with_reason(|why| matches!(why, Untested::NotYet { .. })),
        width,
    );
    let faults = coverage.faults();
    if !faults.is_empty() {
        let _ = writeln!(text, "{BAD}Missing:{BAD:#}\n");
        for fault in faults {
            write_lines(text, &fault, width, "  ", "    ");
        }
        text.push('\n');
    }
}

fn write_mistakes(text: &mut String, test: &Test, width: usize) {
    let names: Vec<&str> = test.mistakes().map(|mistake| mistake.name).collect();
    if !names.is_empty() {
        let names = format!("rejects {}", names.join(", "));
        let folded = fold(&names, width, "      ", "        ");
        let _ = writeln!(text, "{DIM}{folded}{DIM:#}");
    }
}

fn write_untested<'a>(
    text: &mut String,
    heading: &str,
    listed: impl Iterator<Item = (&'a Sentence, Untested)>,
    width: usize,
) {
    let mut listed = listed.peekable();
    if listed.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "{STRONG}{heading}{STRONG:#}\n");
    for (sentence, why) in listed {
        write_lines(text, &sentence.text, width, "  ", "  ");
        let why = match (why, sentence.tests.is_empty()) {
            (Untested::Never { because, .. }, _) => because.to_owned(),
            (Untested::NotYet { missing, .. }, true) => format!("not tested yet: {missing}"),
            (Untested::NotYet { missing, .. }, false) => {
                format!("tested in part; not yet: {missing}")
            }
        };
        write_lines(text, &why, width, "    ", "    ");
        text.push('\n');
    }
}

fn write_lines(text: &mut String, line: &str, width: usize, first: &str, rest: &str) {
    let _ = writeln!(text, "{}", fold(line, width, first, rest));
}

/// How many sentences there are of each kind.
#[derive(Clone, Copy, Default)]
struct Count {
    sentences: usize,
    proved: usize,
    in_part: usize,
    never: usize,
    not_yet: usize,
    missing: usize,
}

impl Count {
    fn of(coverage: &Coverage) -> Count {
        let mut count = Count {
            sentences: coverage.sentences.len(),
            ..Count::default()
        };
        for sentence in &coverage.sentences {
            let kind = match (sentence.tests.is_empty(), sentence.untested) {
                (false, Some(Untested::NotYet { .. })) => &mut count.in_part,
                (false, _) => &mut count.proved,
                (true, Some(Untested::Never { .. })) => &mut count.never,
                (true, Some(Untested::NotYet { .. })) => &mut count.not_yet,
                (true, None) => &mut count.missing,
            };
            *kind += 1;
        }
        count
    }

    fn add(&mut self, other: Count) {
        self.sentences += other.sentences;
        self.proved += other.proved;
        self.in_part += other.in_part;
        self.never += other.never;
        self.not_yet += other.not_yet;
        self.missing += other.missing;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sentences: {} proved", self.sentences, self.proved)?;
        for (count, kind) in [
            (self.in_part, "proved in part"),
            (self.never, "not testable"),
            (self.not_yet, "not tested yet"),
            (self.missing, "missing"),
        ] {
            if count > 0 {
                write!(f, ", {count} {kind}")?;
            }
        }
        Ok(())
    }
}
