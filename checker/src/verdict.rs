//! What a test says about a program: from the statement of its worker to the report of the test.
//!
//! Here a failure is recognised as a known mistake, and gets its hint. How a report is written down is the matter of
//! [`report`](crate::report), of which this module knows the values only.

mod advice;
mod cause;
mod clue;
mod errno;
mod relation;
mod words;

use crate::{
    exercise::{Clue, Exercise, Rejection},
    failure::{Diagnosis, Failure, LabError},
    lab::{Ending, Evidence},
    report::{FailureReport, Status, TestReport},
    test_worker::{Outcome, Statement},
};

/// What the failure of a test says about the program.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// Whether the program is the starter as it was handed out. Then all its failures have this one cause.
    pub is_untouched: bool,
    /// The known mistakes that fail like this, if there are any.
    pub known: &'static [&'static str],
    /// The clue that tells them, if one does.
    pub clue: Option<&'static Clue>,
    /// What to do about it.
    pub hint: &'static str,
}

/// Judges the failure of a test, from what was seen of the program.
pub fn judge(exercise: &Exercise, test: usize, failure: &Failure) -> Verdict {
    let seen = &failure.evidence;
    // A starter can fail in the way of a known mistake without having made it.
    let is_untouched = is_untouched(exercise, seen);
    let clue = exercise.clues.iter().find(|one| clue::fits(one, failure));
    let clue = clue.filter(|_| !is_untouched);
    let known = match is_untouched || fault_never_happened(failure) {
        true => None,
        false => recognise(exercise, test, failure.diagnosis),
    };
    let (known, hint): (&[&str], _) = match (clue, known) {
        (Some(clue), _) => (clue.mistakes, clue.hint),
        (None, Some(known)) => (known.mistakes, known.hint),
        (None, None) if is_untouched || has_not_begun(test, failure) => (&[], exercise.first_step),
        (None, None) => (&[], advice::general(failure)),
    };
    Verdict {
        is_untouched,
        known,
        clue,
        hint,
    }
}

/// Whether the program never met the test's fault, and so has not mishandled it. But to end without the call that would
/// fail, or without the process that would make it, may be the mistake itself.
fn fault_never_happened(failure: &Failure) -> bool {
    failure.evidence.fault_not_triggered
        && !matches!(
            failure.diagnosis,
            Diagnosis::WrongStatus | Diagnosis::ProcessMissing
        )
}

/// Whether the program has ended before it did anything that tells why.
fn has_not_begun(test: usize, failure: &Failure) -> bool {
    let seen = &failure.evidence;
    test == 0
        && matches!(
            failure.diagnosis,
            Diagnosis::Exited | Diagnosis::WrongStatus
        )
        && seen.stdout.is_empty()
        && !advice::shows_why(seen)
}

/// The known mistakes which this test rejects with this diagnosis.
fn recognise(exercise: &Exercise, test: usize, diagnosis: Diagnosis) -> Option<&'static Rejection> {
    let mut known = exercise.tests[test].rejects.iter();
    known.find(|rejection| rejection.diagnosis == diagnosis)
}

/// Whether this is the starter as it was handed out. It says so itself, in its contract with the checker: it prints
/// `NAME is not written yet` on standard error, and ends with exit status 1.
fn is_untouched(exercise: &Exercise, seen: &Evidence) -> bool {
    let says_so = seen
        .stderr
        .strip_prefix(exercise.name)
        .is_some_and(|rest| rest.starts_with(" is not written yet"));
    says_so && seen.ending == Some(Ending::Status(1)) && seen.stdout.is_empty()
}

/// The report of a test, from the statement of its worker.
pub fn report(exercise: &Exercise, index: usize, statement: Statement) -> TestReport {
    let test = &exercise.tests[index];
    let mut report = TestReport {
        name: test.name.to_owned(),
        status: Status::Passed,
        points: test.points,
        milliseconds: statement.milliseconds,
        steps: statement.steps,
        failure: None,
        error: None,
        not_checked: None,
    };
    match statement.outcome {
        Outcome::Passed => (),
        Outcome::Broken(trouble) => {
            report.status = Status::Broken;
            report.error = Some(trouble);
        }
        Outcome::NotChecked(reason) => {
            report.status = Status::NotChecked;
            report.not_checked = Some(reason);
        }
        Outcome::Failed(failure) => {
            report.status = Status::Failed;
            report.failure = Some(failure_report(exercise, index, *failure));
        }
    }
    report
}

fn failure_report(exercise: &Exercise, test: usize, failure: Failure) -> FailureReport {
    let Verdict {
        is_untouched,
        known,
        hint,
        ..
    } = judge(exercise, test, &failure);
    let cause = (!is_untouched).then(|| cause::of(&failure)).flatten();
    let seen = failure.evidence;
    FailureReport {
        diagnosis: failure.diagnosis,
        symptom: failure.symptom,
        steps: seen.steps,
        comparison: failure.comparison,
        processes: seen.processes,
        calls: seen.calls,
        panicked_at: seen.panicked_at,
        ending: seen.ending,
        stdout: seen.stdout,
        stderr: seen.stderr,
        untouched: is_untouched,
        mistake: known.first().map(|name| (*name).to_owned()),
        cause,
        hint: hint.to_owned(),
        read: exercise.tests[test].read.to_owned(),
    }
}

/// The report of a test of which nothing is known, because of this trouble of the lab's.
pub fn unknown(exercise: &Exercise, test: usize, trouble: LabError) -> TestReport {
    report(exercise, test, Statement::broken(trouble))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exercise::{Seen, Test},
        failure::Comparison,
    };

    const EXERCISE: Exercise = Exercise {
        name: "day9_9_verdict",
        title: "a program",
        chapter: "9.9 A program",
        first_step: "Begin with main.",
        tests: &[test("first"), test("second")],
        clues: &[LOST],
        untested: &[],
    };

    const LOST: Clue = Clue {
        diagnoses: &[Diagnosis::WrongOutput, Diagnosis::Exited],
        seen: Seen::Expected("sent "),
        mistakes: &["counts"],
        hint: "Count.",
    };

    const fn test(name: &'static str) -> Test {
        Test {
            name,
            points: 1,
            read: "9.9 A program",
            proves: &[],
            story: |_| Ok(()),
            rejects: &[Rejection {
                diagnosis: Diagnosis::Exited,
                mistakes: &["exits"],
                hint: "Stay.",
            }],
        }
    }

    /// The failure of a program which had ended like this, and had printed nothing else.
    fn failure(diagnosis: Diagnosis, stderr: &str, ending: Ending) -> Failure {
        let mut failure = Failure::pipe_locked();
        failure.diagnosis = diagnosis;
        failure.evidence.stderr = stderr.to_owned();
        failure.evidence.ending = Some(ending);
        failure
    }

    #[test]
    fn a_failure_that_a_mistake_declares_gets_its_hint() {
        let exited = failure(Diagnosis::Exited, "", Ending::Status(0));
        let verdict = judge(&EXERCISE, 1, &exited);
        assert_eq!(verdict.hint, "Stay.");
        assert_eq!(verdict.known, ["exits"]);
    }

    #[test]
    fn a_clue_goes_before_the_hint_of_the_test() {
        let compared = |expected: &[u8], diagnosis| {
            let seen = failure(diagnosis, "", Ending::Status(0));
            let lines = Comparison::of_text("the line", expected, b"gone 1");
            judge(&EXERCISE, 1, &seen.comparing(lines)).hint
        };
        assert_eq!(compared(b"sent 2", Diagnosis::Exited), "Count.");
        assert_eq!(compared(b"sent 2", Diagnosis::WrongOutput), "Count.");
        assert_eq!(compared(b"lost 2", Diagnosis::Exited), "Stay.");
        // What begins before the excerpt is not known.
        let long = [&[b'x'; 100][..], b"\nsent 2"].concat();
        let mut cut = Comparison::of_text("the text", &long, &long[..104]).unwrap();
        let judged = |cut: &Comparison| {
            let seen = failure(Diagnosis::Exited, "", Ending::Status(0));
            judge(&EXERCISE, 1, &seen.comparing(Some(cut.clone()))).hint
        };
        assert_eq!(judged(&cut), "Count.");
        cut.expected.drain(..cut.expected.len() - 6);
        cut.difference = cut.offset;
        assert_eq!(judged(&cut), "Stay.");
    }

    #[test]
    fn a_starter_has_made_no_mistake() {
        let says = "day9_9_verdict is not written yet: begin\n";
        let starter = failure(Diagnosis::Exited, says, Ending::Status(1));
        let verdict = judge(&EXERCISE, 1, &starter);
        assert!(verdict.is_untouched && verdict.known.is_empty());
        assert_eq!(verdict.hint, EXERCISE.first_step);
        let mut talkative = starter;
        talkative.evidence.stdout = "x".to_owned();
        let other_name = "day9_9_other is not written yet";
        for other in [
            failure(Diagnosis::Exited, says, Ending::Status(2)),
            failure(Diagnosis::Exited, other_name, Ending::Status(1)),
            talkative,
        ] {
            assert_eq!(judge(&EXERCISE, 1, &other).hint, "Stay.", "{other:?}");
        }
    }

    #[test]
    fn a_program_that_never_met_the_fault_has_not_mishandled_it() {
        let mut spared = failure(Diagnosis::Exited, "", Ending::Status(3));
        spared.evidence.fault_not_triggered = true;
        let hint = judge(&EXERCISE, 1, &spared).hint;
        assert!(hint.starts_with("Your program ends by itself"), "{hint}");
    }

    #[test]
    fn what_fails_the_first_test_at_once_begins_with_the_first_step() {
        let silent = failure(Diagnosis::WrongStatus, "", Ending::Status(3));
        assert_eq!(judge(&EXERCISE, 0, &silent).hint, EXERCISE.first_step);
        // A program that says why it ends, or whose call fails, has begun.
        for says in [
            "Error: Os { code: 98, kind: AddrInUse }",
            "index out of bounds",
        ] {
            let mut told = silent.clone();
            told.evidence.stderr = says.to_owned();
            assert_ne!(judge(&EXERCISE, 0, &told).hint, EXERCISE.first_step);
        }
        let mut failed = silent.clone();
        failed.evidence.calls = cause::tests::refused();
        assert_ne!(judge(&EXERCISE, 0, &failed).hint, EXERCISE.first_step);
        let later = judge(&EXERCISE, 1, &silent).hint;
        assert!(later.contains("exit status"), "{later}");
    }
}
