//! Which tests prove which sentence of a contract.

mod table;

use std::{collections::BTreeSet, path::Path};

pub use table::render;

use super::contract;
use crate::exercise::{Exercise, Test, Untested};

/// How the tests of an exercise stand to its contract.
#[derive(Debug)]
pub struct Coverage {
    exercise: &'static Exercise,
    sentences: Vec<Sentence>,
    astray: Vec<Astray>,
}

/// A sentence of the contract, and who speaks for it.
#[derive(Debug)]
struct Sentence {
    text: String,
    /// The tests that quote it.
    tests: Vec<&'static Test>,
    /// What the exercise says about it instead, or in addition.
    untested: Option<Untested>,
}

/// A quotation that is not in the contract.
#[derive(Debug)]
struct Astray {
    quotation: String,
    /// The test that quotes it; `None` for the exercise's list of what is not tested.
    test: Option<&'static Test>,
    /// What the contract says that is most like it.
    nearest: Option<String>,
}

/// Reads the contract of an exercise and compares it with what its tests quote.
pub fn of(root: &Path, exercise: &'static Exercise) -> Coverage {
    Coverage::between(exercise, contract::of(root, exercise))
}

impl Coverage {
    fn between(exercise: &'static Exercise, contract: Vec<String>) -> Coverage {
        let proved = exercise.tests.iter().flat_map(|test| {
            let quotations = test.proves.iter();
            quotations.map(move |quotation| (contract::plain(quotation), Some(test)))
        });
        let untested = exercise
            .untested
            .iter()
            .map(|one| (contract::plain(one.sentence()), None));
        let astray = proved
            .chain(untested)
            .filter(|(quotation, _)| !contract.contains(quotation))
            .map(|(quotation, test)| Astray {
                nearest: nearest(&quotation, &contract),
                quotation,
                test,
            })
            .collect();
        let quotes = |test: &&Test, sentence: &str| {
            let mut quotations = test.proves.iter();
            quotations.any(|quotation| contract::plain(quotation) == sentence)
        };
        let sentences = contract.into_iter().map(|text| Sentence {
            tests: exercise
                .tests
                .iter()
                .filter(|test| quotes(test, &text))
                .collect(),
            untested: exercise
                .untested
                .iter()
                .find(|one| contract::plain(one.sentence()) == text)
                .copied(),
            text,
        });
        Coverage {
            exercise,
            sentences: sentences.collect(),
            astray,
        }
    }

    /// Whether each sentence is proved or listed with its reason, and nothing else is quoted.
    pub fn is_whole(&self) -> bool {
        self.faults().is_empty()
    }

    /// What is missing, and what to do about it.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.sentences.is_empty() {
            let task = format!("exercises/{}/README.md", self.exercise.name);
            faults.push(format!(
                "{task} has no section \"The contract\", or an empty one"
            ));
            return faults;
        }
        faults.extend(self.astray.iter().map(Astray::fault));
        for sentence in &self.sentences {
            let text = &sentence.text;
            match (sentence.tests.as_slice(), sentence.untested) {
                ([], None) => faults.push(format!(
                    "no test proves the sentence \"{text}\": quote it in the `proves` of a test that fails when it is \
                     broken, or list it in `untested` with the reason"
                )),
                ([test, ..], Some(Untested::Never { .. })) => faults.push(format!(
                    "the sentence \"{text}\" is listed as one that no test can prove, and \"{}\" quotes it",
                    test.name
                )),
                _ => (),
            }
        }
        let mut listed = BTreeSet::new();
        for one in self.exercise.untested {
            if !listed.insert(contract::plain(one.sentence())) {
                faults.push(format!(
                    "`untested` lists a sentence twice: \"{}\"",
                    one.sentence()
                ));
            }
        }
        let idle = self
            .exercise
            .tests
            .iter()
            .filter(|test| test.proves.is_empty());
        faults.extend(idle.map(|test| {
            format!(
                "\"{}\" quotes no sentence of the contract in `proves`: what it asks for is not promised anywhere",
                test.name
            )
        }));
        faults
    }
}

impl Astray {
    fn fault(&self) -> String {
        let quotation = &self.quotation;
        let place = match self.test {
            Some(test) => format!("\"{}\" quotes", test.name),
            None => "`untested` lists".to_owned(),
        };
        let advice = match (&self.nearest, self.test) {
            (None, _) => String::new(),
            (Some(nearest), Some(_)) => format!(
                " The nearest sentence is \"{nearest}\". If the test fails when this one is broken, quote it; if not, \
                 change the test."
            ),
            (Some(nearest), None) => format!(" The nearest sentence is \"{nearest}\"."),
        };
        format!("{place} a sentence that is not in the contract: \"{quotation}\".{advice}")
    }
}

fn nearest(quotation: &str, contract: &[String]) -> Option<String> {
    let scored = contract
        .iter()
        .map(|sentence| (strsim::sorensen_dice(quotation, sentence), sentence));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, sentence)| sentence.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn test(name: &'static str, proves: &'static [&'static str]) -> Test {
        Test {
            name,
            points: 1,
            read: "9.9 A program",
            proves,
            story: |_| Ok(()),
            rejects: &[],
        }
    }

    const fn exercise(tests: &'static [Test], untested: &'static [Untested]) -> Exercise {
        Exercise {
            name: "day9_9_coverage",
            title: "a program",
            chapter: "9.9 A program",
            first_step: "Begin with main.",
            tests,
            clues: &[],
            untested,
        }
    }

    fn coverage(exercise: &'static Exercise) -> Coverage {
        Coverage::between(
            exercise,
            vec!["It reads.".to_owned(), "It prints.".to_owned()],
        )
    }

    const NEVER: Untested = Untested::Never {
        sentence: "It prints.",
        because: "Nobody looks.",
    };

    const NOT_YET: Untested = Untested::NotYet {
        sentence: "It prints.",
        missing: "a long line",
    };

    #[test]
    fn a_sentence_is_quoted_or_listed_with_its_reason() {
        const LISTED: Exercise = exercise(&[test("reads", &["It reads."])], &[NEVER]);
        assert_eq!(coverage(&LISTED).faults(), [""; 0]);
        const CONTRADICTED: Exercise =
            exercise(&[test("reads", &["It reads.", "It\nprints."])], &[NEVER]);
        assert_eq!(
            coverage(&CONTRADICTED).faults(),
            [
                "the sentence \"It prints.\" is listed as one that no test can prove, and \"reads\" quotes it"
            ]
        );
    }

    #[test]
    fn a_sentence_that_is_tested_in_part_stands_with_its_test_and_with_what_is_missing() {
        const IN_PART: Exercise =
            exercise(&[test("reads", &["It reads.", "It prints."])], &[NOT_YET]);
        let coverage = coverage(&IN_PART);
        assert_eq!(coverage.faults(), [""; 0]);
        let table = anstream::adapter::strip_str(&render(&[coverage], 80)).to_string();
        let expected = "day9_9_coverage  2 sentences: 1 proved, 1 proved in part\n\n  It reads.\n    - reads\n\n  \
                        It prints.\n    - reads\n\nNot tested yet:\n\n  It prints.\n    \
                        tested in part; not yet: a long line\n\n";
        assert_eq!(table, expected);
    }

    #[test]
    fn a_sentence_that_is_listed_twice_is_a_fault() {
        const TWICE: Exercise = exercise(&[test("reads", &["It reads."])], &[NEVER, NOT_YET]);
        assert_eq!(
            coverage(&TWICE).faults(),
            ["`untested` lists a sentence twice: \"It prints.\""]
        );
    }

    #[test]
    fn a_test_that_quotes_nothing_is_a_fault() {
        const IDLE: Exercise = exercise(
            &[
                test("reads", &["It reads.", "It prints."]),
                test("sings", &[]),
            ],
            &[],
        );
        assert_eq!(
            coverage(&IDLE).faults(),
            [
                "\"sings\" quotes no sentence of the contract in `proves`: what it asks for is not promised anywhere"
            ]
        );
    }
}
