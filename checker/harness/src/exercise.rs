//! What an author of exercises writes: an exercise, its hidden tests, and the mistakes that prove them.

use nix::errno::Errno;

use crate::{
    failure::{Checked, Diagnosis},
    lab::{Ending, FdKind, Lab},
    observe::calls::Call,
};

/// One exercise of the course.
///
/// Its name is its address: the folder, package and binary in `exercises/`, and the folder in `solutions/`.
#[derive(Debug)]
pub struct Exercise {
    /// `day2_2_echo_server`
    pub name: &'static str,
    /// What the program is, in a few words: `a TCP echo server`.
    pub title: &'static str,
    /// The heading of its chapter in course.md.
    pub chapter: &'static str,
    /// What to write first; shown when the first test fails and no known mistake explains it.
    pub first_step: &'static str,
    /// The hidden tests in the order in which one would teach them.
    pub tests: &'static [Test],
    /// What is evidence of a mistake in whichever test it is seen. The first that fits decides.
    pub clues: &'static [Clue],
    /// The sentences of its contract that no test proves, or that the tests prove only in part.
    pub untested: &'static [Untested],
}

/// One promise of the program, and the story that finds out whether it is kept.
pub struct Test {
    /// A sentence whose subject is the program: `sends back what a client sent`.
    pub name: &'static str,
    /// What the promise is worth.
    pub points: u32,
    /// The heading of course.md to read when it is broken.
    pub read: &'static str,
    /// The promises that it proves: sentences of the section "The contract" in the exercise's README.md, word by word.
    /// The test fails when one of them is broken.
    pub proves: &'static [&'static str],
    /// What the test does with the program. It returns at the first broken promise.
    pub story: fn(&Lab) -> Checked,
    /// How this test rejects the mistakes that no earlier test rejects: one entry for each diagnosis, and at least one.
    pub rejects: &'static [Rejection],
}

/// The mistakes which a test sees with one diagnosis, and the hint that all of them get.
#[derive(Debug)]
pub struct Rejection {
    /// What the test sees.
    pub diagnosis: Diagnosis,
    /// Known-wrong versions of the reference, which prove that the test can fail. Each is named after its mistake:
    /// `never_closes` is `solutions/NAME/mistakes/never_closes.patch`.
    pub mistakes: &'static [&'static str],
    /// One or two sentences for a student who made one of these mistakes.
    pub hint: &'static str,
}

/// Evidence that tells a mistake whichever test sees it. Its hint takes the place of the test's own.
#[derive(Debug)]
pub struct Clue {
    /// With which diagnoses it counts.
    pub diagnoses: &'static [Diagnosis],
    /// The evidence.
    pub seen: Seen,
    /// Mistakes which prove it, and at least one. Each is declared by its test, too.
    pub mistakes: &'static [&'static str],
    /// One or two sentences for a student who made one of these mistakes.
    pub hint: &'static str,
}

/// What the evidence of a failure can decide.
#[derive(Clone, Copy, Debug)]
pub enum Seen {
    /// The last call that failed before the program ended, and its errno; the test did not make it fail.
    Failed(Call, Errno),
    /// The call in which the program itself sleeps, and on what, or on anything.
    Waits(Call, Option<FdKind>),
    /// How the program has ended.
    Ended(Ending),
    /// The line that the test expected begins so, and another one has come.
    Expected(&'static str),
    /// The same, and what has come begins like the first of the two texts.
    GotInsteadOf(&'static str, &'static str),
    /// The last words of the program on standard error contain this: what a library says of a panic.
    Said(&'static str),
}

impl Seen {
    /// Whether only who follows the program's calls can see it.
    pub fn needs_calls(self) -> bool {
        matches!(self, Seen::Failed(..))
    }
}

/// A sentence of the contract for which no test speaks, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untested {
    /// No test can prove it: it defines a word, gives advice, or leaves something to the student.
    Never {
        /// The sentence, word by word.
        sentence: &'static str,
        /// Why there is no test.
        because: &'static str,
    },
    /// A test could prove it, or more of it than the tests do that quote it.
    NotYet {
        /// The sentence, word by word.
        sentence: &'static str,
        /// What no test looks at.
        missing: &'static str,
    },
}

/// One known-wrong version of the reference, as its test declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Its name, which is also the name of its patch.
    pub name: &'static str,
    /// The diagnosis with which the test rejects it.
    pub diagnosis: Diagnosis,
    /// The hint that it gets.
    pub hint: &'static str,
}

impl Untested {
    /// The sentence, as it is quoted.
    pub fn sentence(&self) -> &'static str {
        match self {
            Untested::Never { sentence, .. } | Untested::NotYet { sentence, .. } => sentence,
        }
    }
}

impl Test {
    /// The mistakes which it is the first to reject.
    pub fn mistakes(&self) -> impl Iterator<Item = Mistake> + use<> {
        self.rejects.iter().flat_map(|rejection| {
            rejection.mistakes.iter().map(|name| Mistake {
                name,
                diagnosis: rejection.diagnosis,
                hint: rejection.hint,
            })
        })
    }
}

impl Exercise {
    /// The day of the course, counted from 1.
    pub fn day(&self) -> u32 {
        let digits = self.name.trim_start_matches("day");
        let end = digits.find('_').unwrap_or(digits.len());
        digits[..end].parse().unwrap_or(0)
    }

    /// The exercise's number, `day2_2`.
    pub fn number(&self) -> &'static str {
        match self.name.match_indices('_').nth(1) {
            Some((end, _)) => &self.name[..end],
            None => self.name,
        }
    }

    /// The name without its number, `echo_server`.
    pub fn topic(&self) -> &'static str {
        self.name[self.number().len()..].trim_start_matches('_')
    }

    /// The package of the reference solution, which is its binary, too.
    pub fn solution(&self) -> String {
        format!("{}_solution", self.name)
    }

    /// The clue which a mistake proves, if it proves one.
    pub fn clue_of(&self, mistake: &str) -> Option<&'static Clue> {
        let mut clues = self.clues.iter();
        clues.find(|clue| clue.mistakes.contains(&mistake))
    }

    /// The points of all tests.
    pub fn points(&self) -> u32 {
        self.tests.iter().map(|test| test.points).sum()
    }
}

impl std::fmt::Debug for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Test")
            .field("name", &self.name)
            .field("points", &self.points)
            .finish_non_exhaustive()
    }
}
