//! Hints in steps: a question, a direction, a place to read. Each is made of what an exercise says already: the names of
//! its tests, its contract, and the hint of the last report.

use std::{collections::BTreeMap, fmt::Write, ops::Range, path::Path};

use anstyle::Style;
use serde::{Deserialize, Serialize};

use crate::{
    book::Places,
    digest::Digest,
    exercise::{Exercise, Test},
    failure::{Attempt, LabError},
    frontend::Frontend,
    last_report::Explained,
    memory::Memory,
    progress::{self, Progress},
    report::{layout::fold, sanitize::clean},
};

/// Which steps were given.
const FILE: &str = "hints.json";

const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The steps that lead through one test of an exercise.
#[derive(Debug)]
pub struct Hint {
    /// The promise that is broken; none where it is not about a test.
    pub test: Option<&'static str>,
    /// What to think of, in this order.
    pub steps: Vec<String>,
    /// The heading which the last step names.
    pub heading: Option<&'static str>,
    /// Where it is read.
    frontend: Frontend,
    /// Stands for the program and the test: with another one, the steps begin anew.
    about: String,
}

/// How far the hint about one test of one program has gone.
#[derive(Debug, Serialize, Deserialize)]
struct Given {
    about: String,
    steps: usize,
}

/// The hint for the test that comes next in an exercise. `explained` is the failure that its last report explained. In a
/// session of `watch` the reader has that report before the eyes: then nothing of it is said again.
pub fn hint(
    root: &Path,
    exercise: &'static Exercise,
    progress: &Progress,
    explained: Option<&Explained>,
    places: &Places,
    frontend: Frontend,
) -> Hint {
    let source = progress::source_of(root, exercise);
    let next = progress.next_test(exercise);
    let test = next.map(|test| exercise.tests[test].name);
    let text = format!("{source:?} {test:?}");
    let about = Digest::NONE.with(text).to_string();
    let only = |test, step: &str| Hint {
        test,
        steps: vec![step.to_owned()],
        heading: None,
        frontend,
        about: about.clone(),
    };
    if !progress.builds(exercise) && !progress.is_changed(exercise) {
        return only(
            None,
            "It does not compile. Begin with the first message of the compiler: it names the line, and often the cure.",
        );
    }
    let Some(index) = next else {
        return only(None, "All its tests passed when it was last checked.");
    };
    // What a report says is about the program that it has seen.
    let explained = explained
        .filter(|explained| explained.source == source && Some(explained.test.as_str()) == test);
    let test = &exercise.tests[index];
    if let (Frontend::Keys, Some(explained)) = (frontend, explained) {
        return Hint {
            steps: beside_a_report(exercise, index, explained),
            ..only(None, "")
        };
    }
    let heading = match index {
        0 => exercise.chapter,
        _ => test.read,
    };
    Hint {
        test: Some(test.name),
        steps: vec![
            in_words(explained, question(test, explained, index == 0)),
            direction(exercise, index, explained),
            format!(
                "Read {}: {} shows it. The contract is in exercises/{}/README.md.",
                places.cite(heading),
                match frontend {
                    Frontend::Keys => "the key c",
                    Frontend::Shell | Frontend::Saves => "`cargo lab read`",
                },
                exercise.name
            ),
        ],
        heading: Some(heading),
        frontend,
        about,
    }
}

/// The steps for a reader who has just read the report, with its symptom, its hint and its place in the textbook.
fn beside_a_report(exercise: &Exercise, index: usize, explained: &Explained) -> Vec<String> {
    let test = &exercise.tests[index];
    let mut steps = vec![question(test, Some(explained), index == 0)];
    steps.extend(contract(test));
    steps.push(match explained.untouched {
        true => format!(
            "The key c opens the chapter. exercises/{}/README.md shows a session with the program, and the head of \
             src/main.rs says where to begin.",
            exercise.name
        ),
        false => format!(
            "The key t shows what your program really does: each system call, with the line of your source. All of the \
             contract is in exercises/{}/README.md.",
            exercise.name
        ),
    });
    steps
}

/// What to ask oneself.
fn question(test: &Test, explained: Option<&Explained>, is_first: bool) -> String {
    let begins = is_first && explained.is_none_or(|explained| explained.untouched);
    match situation(test.name) {
        _ if begins => format!(
            "What is the least that your program must do, so that it {}?",
            test.name
        ),
        Some(situation) => format!("What does your program do {situation}?"),
        None => format!(
            "Which lines of your program make sure that it {}?",
            test.name
        ),
    }
}

/// A question behind what the last report has seen.
fn in_words(explained: Option<&Explained>, question: String) -> String {
    match explained.filter(|explained| !explained.untouched) {
        Some(explained) => format!(
            "In the last check: {}. {question}",
            clean(&explained.symptom).trim_end_matches('.')
        ),
        None => question,
    }
}

/// The part of a promise that says when: `after the client has half-closed`.
fn situation(promise: &str) -> Option<&str> {
    const BEGIN: [&str; 6] = [
        " when ", " after ", " before ", " while ", " until ", " if ",
    ];
    /// With fewer words it is no clause: `one after the other`.
    const LEAST: usize = 4;
    let at = BEGIN.iter().filter_map(|word| promise.find(word)).min()?;
    let clause = promise[at + 1..].split(", ").next()?;
    (clause.split(' ').count() >= LEAST).then_some(clause)
}

/// Where to look for the answer: what the report advises, or what the contract says.
fn direction(exercise: &Exercise, index: usize, explained: Option<&Explained>) -> String {
    match explained {
        Some(explained) if !explained.untouched => explained.hint.clone(),
        _ if index == 0 => exercise.first_step.to_owned(),
        _ => contract(&exercise.tests[index]).unwrap_or_default(),
    }
}

/// What the contract says about a test.
fn contract(test: &Test) -> Option<String> {
    let sentences: Vec<&str> = test.proves.iter().take(2).copied().collect();
    (!sentences.is_empty()).then(|| format!("The contract says: {}", sentences.join(" ")))
}

/// Goes one step further, and remembers that. Returns which steps are new now: none if all were given before.
///
/// # Errors
///
/// When it cannot be remembered.
pub fn go_on(root: &Path, exercise: &Exercise, hint: &Hint) -> Result<Range<usize>, LabError> {
    let memory = Memory::of_course(root);
    let attempt = format!("could not remember the hint, in {}", memory.shown());
    let known = memory.read(FILE).attempt(&attempt)?;
    // What is lost with a broken file is not worth a word.
    let mut all: BTreeMap<String, Given> = known
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    let before = all
        .get(exercise.name)
        .filter(|given| given.about == hint.about)
        .map_or(0, |given| given.steps);
    let steps = (before + 1).min(hint.steps.len());
    let given = Given {
        about: hint.about.clone(),
        steps,
    };
    all.insert(exercise.name.to_owned(), given);
    let text = serde_json::to_string_pretty(&all)
        .map_err(|error| LabError::new(format!("{attempt}: {error}")))?;
    memory.write(FILE, &text, &attempt)?;
    Ok(before.min(steps)..steps)
}

impl Hint {
    /// The steps that are given now: in a session of `watch`, where those before stand above, only the new ones, as long
    /// as there are any.
    pub fn render(&self, exercise: &Exercise, new: Range<usize>, width: usize) -> String {
        let given = new.end.min(self.steps.len());
        let begin = match self.frontend {
            Frontend::Keys if !new.is_empty() => new.start,
            Frontend::Keys | Frontend::Shell | Frontend::Saves => 0,
        };
        let mut text = match self.frontend {
            Frontend::Keys => String::new(),
            Frontend::Shell | Frontend::Saves => format!(
                "{STRONG}{}{STRONG:#}  {DIM}{}{DIM:#}\n",
                exercise.name, exercise.title
            ),
        };
        if let Some(test) = self.test {
            let next = fold(test, width, "  next test  ", "             ");
            let _ = writeln!(text, "{next}");
        }
        for (number, step) in (1..).zip(&self.steps[..given]).skip(begin) {
            let first = match self.steps.len() {
                1 => "  ".to_owned(),
                _ => format!("  {number}. "),
            };
            let rest = " ".repeat(first.len());
            let _ = write!(text, "\n{}\n", fold(step, width, &first, &rest));
        }
        let left = self.steps.len().saturating_sub(given);
        let _ = match (left, self.frontend) {
            (0, Frontend::Keys) => Ok(()),
            (0, _) => write!(text, "\n  cargo lab {}\n", exercise.number()),
            (left, Frontend::Keys) => {
                writeln!(text, "\n  {DIM}the key h goes on, {left} more{DIM:#}")
            }
            (left, _) => writeln!(
                text,
                "\n  {DIM}the same command goes on, {left} more{DIM:#}"
            ),
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::situation;

    #[test]
    fn a_situation_is_a_clause_of_the_promise() {
        for (promise, found) in [
            (
                "ends the connection after its client has half-closed, and serves the next",
                Some("after its client has half-closed"),
            ),
            (
                "goes on when accept finds that its client has gone",
                Some("when accept finds that its client has gone"),
            ),
            ("answers one message after the other", None),
            ("sends a line back at once", None),
        ] {
            assert_eq!(situation(promise), found, "{promise}");
        }
    }
}
