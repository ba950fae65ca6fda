//! Which tests prove which sentence of a contract.

mod table;

use std::path::Path;

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
