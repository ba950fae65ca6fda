//! What a symptom is called: the one place where what was seen becomes a [`Failure`].

use std::iter::zip;

use super::{
    context::TestContext,
    evidence::{Evidence, ProcessState},
    programs::{Ending, Running},
    quote::{alternatives, quoted, signal_name},
};
use crate::{
    failure::{Checked, Comparison, Diagnosis, Failure},
    observe::processes::Signals,
};

/// Why a wait ended without its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitError {
    /// Every thread of every process sleeps in a call which only the test can end, or all have ended.
    Deadlocked,
    /// A process uses the CPU all the time.
    Busy,
    /// None of this, until the deadline.
    TimedOut,
}

/// A symptom and its name.
type Symptom = (Diagnosis, String);

impl TestContext {
    /// A broken promise, with the evidence of this moment.
    pub(super) fn failure(&self, diagnosis: Diagnosis, symptom: impl Into<String>) -> Failure {
        let last = self.programs.last();
        if last.is_some_and(|program| program.has_closed_stdout()) {
            // Most programs do so because they end, and how they end belongs into the report. If the wait goes wrong,
            // the failure that is there already is worth more.
            let _ = self.exit_reason();
        }
        Failure::new(diagnosis, symptom, self.capture(None))
    }

    /// Ends the test because of a broken promise.
    pub(super) fn fail<T>(&self, diagnosis: Diagnosis, symptom: impl Into<String>) -> Checked<T> {
        Err(self.failure(diagnosis, symptom).into())
    }

    /// The same for a failure which is about one call, given by its sequence number.
    pub(super) fn fail_at_call<T>(
        &self,
        call: u64,
        diagnosis: Diagnosis,
        symptom: String,
    ) -> Checked<T> {
        Err(Failure::new(diagnosis, symptom, self.capture(Some(call))).into())
    }

    /// The failure of a program that has printed other text than one of these. The comparison shows the one that is most
    /// like it.
    pub(super) fn wrong_output(
        &self,
        what: &str,
        expected: &[impl AsRef<[u8]>],
        got: &[u8],
    ) -> Failure {
        let symptom = format!(
            "your program prints {}; the test expects {}",
            quoted(got),
            alternatives(expected)
        );
        let alike = |text: &&[u8]| zip(*text, got).take_while(|(a, b)| a == b).count();
        let closest = expected.iter().map(AsRef::as_ref).rev().max_by_key(alike);
        let comparison = closest.and_then(|text| Comparison::of_text(what, text, got));
        self.failure(Diagnosis::WrongOutput, symptom)
            .comparing(comparison)
    }

    /// The failure of a program which has ended in place of something else.
    pub(super) fn ended_instead_of(&self, ending: Ending, due: &str) -> Failure {
        let symptom = format!("your program {ending} instead of {due}");
        self.failure(ending.diagnosis(), symptom)
    }

    /// The failure of a program which ended before it did what the test waited for.
    pub(super) fn ended_before(&self, ending: Ending, goal: &str) -> Failure {
        let (diagnosis, symptom) = ended_before(ending, goal);
        Failure::new(diagnosis, symptom, self.capture(None))
    }

    /// A failure that names the end of the program if it has ended, and else what was seen.
    pub(super) fn attribute_to_exit(
        &self,
        goal: &str,
        diagnosis: Diagnosis,
        symptom: impl Into<String>,
    ) -> Checked<Failure> {
        let (diagnosis, symptom) = match self.exit_reason()? {
            Some(ending) => ended_before(ending, goal),
            None => (diagnosis, symptom.into()),
        };
        Ok(Failure::new(diagnosis, symptom, self.capture(None)))
    }

    /// Ends the test with such a failure.
    pub(super) fn fail_or_exit<T>(
        &self,
        goal: &str,
        diagnosis: Diagnosis,
        symptom: impl Into<String>,
    ) -> Checked<T> {
        Err(self.attribute_to_exit(goal, diagnosis, symptom)?.into())
    }

    /// How the program which was started last has ended, if the test itself has not ended it. A peer that sees the end
    /// of a stream is a moment ahead of the kernel's notice that the process has ended, so this waits until it has
    /// ended, or sleeps, or is clearly alive.
    fn exit_reason(&self) -> Checked<Option<Ending>> {
        let Some(program) = self.programs.last() else {
            return Ok(None);
        };
        let _ = self.wait_until_asleep(|| Ok(program.ending().is_some()))?;
        Ok(program.exit_reason())
    }

    /// The failure of a program which does something else than what the test waits for. `diagnosis` is what it means
    /// when the program sleeps.
    pub(super) fn to_failure(&self, error: WaitError, goal: &str, diagnosis: Diagnosis) -> Failure {
        let evidence = self.capture(None);
        let ended = self
            .programs
            .last()
            .and_then(|program| program.exit_reason());
        let (diagnosis, symptom) = unmet(error, goal, diagnosis, ended, &evidence);
        Failure::new(diagnosis, symptom, evidence)
    }

    /// The same for a wait for something that only the program itself can do, and none of its children: when it has
    /// ended, this is the reason, even if children live on.
    pub(super) fn to_failure_of(
        &self,
        program: &Running,
        error: WaitError,
        goal: &str,
        diagnosis: Diagnosis,
    ) -> Failure {
        let failure = self.to_failure(error, goal, diagnosis);
        let Some(ending) = program.exit_reason() else {
            return failure;
        };
        let (diagnosis, symptom) = ended_before(ending, goal);
        Failure {
            diagnosis,
            symptom,
            ..failure
        }
    }

    /// The same for a wait in which a child that has ended should be reaped.
    pub(super) fn unreaped(&self, error: WaitError, goal: &str, child: &str) -> Failure {
        let failure = self.to_failure(error, goal, Diagnosis::ZombieLeft);
        if error != WaitError::Deadlocked {
            return failure;
        }
        let mut main = failure.evidence.processes.clone();
        main.retain(|state| state.is_main);
        Failure {
            symptom: format!(
                "{child} has ended and stays a zombie; {}, and nothing will wake it",
                activity(&main)
            ),
            ..failure
        }
    }

    /// The same for a program which does not come to take a signal. If it sleeps, and signals are pending and blocked,
    /// then this is the reason.
    pub(super) fn untaken(
        &self,
        error: WaitError,
        goal: &str,
        signals: Option<Signals>,
    ) -> Failure {
        let failure = self.to_failure(error, goal, Diagnosis::Stuck);
        let held: Vec<String> = signals
            .map(|signals| signals.due() & signals.blocked)
            .into_iter()
            .flat_map(|held| (1..=64).filter(move |&signal| Signals::contains(held, signal)))
            .map(signal_name)
            .collect();
        if error != WaitError::Deadlocked || held.is_empty() {
            return failure;
        }
        Failure {
            diagnosis: Diagnosis::WrongDisposition,
            symptom: format!(
                "{}, and nothing will wake it: {} pending, but blocked",
                activity(&failure.evidence.processes),
                match held.as_slice() {
                    [one] => format!("{one} is"),
                    several => format!("{} are", several.join(" and ")),
                }
            ),
            ..failure
        }
    }
}

impl Ending {
    fn diagnosis(self) -> Diagnosis {
        match self {
            Ending::Status(Ending::PANIC) => Diagnosis::Panicked,
            Ending::Status(_) => Diagnosis::Exited,
            Ending::Signal(_) => Diagnosis::Killed,
        }
    }
}

fn ended_before(ending: Ending, goal: &str) -> Symptom {
    let symptom = format!("your program {ending}; the test waits for {goal}");
    (ending.diagnosis(), symptom)
}

fn unmet(
    error: WaitError,
    goal: &str,
    diagnosis: Diagnosis,
    ended: Option<Ending>,
    evidence: &Evidence,
) -> Symptom {
    let processes = &evidence.processes;
    match (error, ended) {
        // If children are still there, the end of the parent does not explain why nothing happens.
        (WaitError::Deadlocked, Some(ending)) if processes.is_empty() => ended_before(ending, goal),
        (WaitError::Deadlocked, None) if processes.is_empty() => {
            let symptom = format!("no process of your program is left; the test waits for {goal}");
            (diagnosis, symptom)
        }
        (WaitError::Deadlocked, _) => {
            let does = activity(processes);
            let forever = match processes.as_slice() {
                [_] => "nothing will wake it",
                _ => "nothing will change that",
            };
            let symptom = format!("{does}, and {forever}; the test waits for {goal}");
            let is_uncollected = processes
                .iter()
                .any(|state| !state.is_main && state.does == ProcessState::ZOMBIE);
            match diagnosis {
                Diagnosis::Stuck if is_uncollected => (Diagnosis::ZombieLeft, symptom),
                diagnosis => (diagnosis, symptom),
            }
        }
        (WaitError::Busy, _) => {
            let symptom =
                format!("your program uses the processor all the time; the test waits for {goal}");
            (Diagnosis::Busy, symptom)
        }
        (WaitError::TimedOut, _) => {
            let does = activity(processes);
            let symptom = format!("{does}; the test has waited too long for {goal}");
            (Diagnosis::TimedOut, symptom)
        }
    }
}

/// What the program does instead of what the test waits for.
fn activity(processes: &[ProcessState]) -> String {
    let tell = |state: &ProcessState| match &state.on {
        Some(on) => format!("{} ({on})", state.does),
        None => state.does.clone(),
    };
    let main = processes.iter().find(|state| state.is_main);
    let others: Vec<&ProcessState> = processes.iter().filter(|state| !state.is_main).collect();
    let others = match others.as_slice() {
        [] => String::new(),
        [child] => format!("a child {}", tell(child)),
        [first, ..] => format!(
            "{} children are there: one of them {}",
            others.len(),
            tell(first)
        ),
    };
    match (main, others.is_empty()) {
        (Some(main), true) => format!("your program {}", tell(main)),
        (Some(main), false) => format!("your program {}, and {others}", tell(main)),
        (None, false) => format!("your program has ended, and {others}"),
        (None, true) => "your program has ended".to_owned(),
    }
}
