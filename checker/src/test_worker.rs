//! The worker that runs one test.
//!
//! A [fork server](crate::worker) forks one worker for each test. The worker enters a [`Sandbox`], and waits for its
//! request. Then it runs the story of the test, ends every process that was started, and answers with a [`Statement`].
//! [`JOBS`](crate::JOBS) lists this kind of worker beside the others: a new kind is a request, an answer, a `static JOB`,
//! and an entry there.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    failure::{Checked, Failure, LabError, Stop},
    lab::{self, Lab, Reputation, TestContext},
    sandbox::{self, Jail, Sandbox, Tracing},
    syllabus,
    worker::{Forked, Job, Requester, fork_workers},
};

/// A test ends by itself long before this deadline. If it does not, the lab has a bug.
pub static JOB: Job = Job {
    name: "test",
    process: "the process of a test",
    deadline: Duration::from_secs(180),
    run: serve,
};

/// Which test to run, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TestRequest {
    /// The exercise's full name.
    pub exercise: String,
    /// The test's place in the exercise, from 0.
    pub test: usize,
    /// The program to test.
    pub program: PathBuf,
    /// The seed of the whole run, which the report prints.
    pub seed: u64,
    /// Whether to follow its system calls.
    pub tracing: Tracing,
    /// What earlier tests have shown of the program.
    pub reputation: Reputation,
    /// What the program is locked into, if it is not trusted.
    pub jail: Option<Jail>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Statement {
    /// Whether the promise is kept.
    pub outcome: Outcome,
    /// Whether the story had the program's calls followed.
    pub is_followed: bool,
    /// Whether the program has shown a sign of life: it has moved a byte, or printed one.
    pub has_begun: bool,
    /// Whether the program has slept with time limits for so long that later tests need not wait as long again.
    pub has_slept_away: bool,
    /// How long the test took, from the request to the end of all that was started.
    pub milliseconds: f64,
    /// What the test did. The evidence of a failure has its own.
    pub steps: Vec<String>,
}

/// Whether a promise is kept; or that the lab could not find out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The program keeps the promise.
    Passed,
    /// The program breaks the promise.
    Failed(Box<Failure>),
    /// The lab itself failed. Nothing is known about the program.
    Broken(LabError),
    /// This machine does not allow the lab to find out; this says why.
    NotChecked(String),
}

impl Statement {
    /// The statement about a test which could not be run.
    pub fn broken(error: LabError) -> Statement {
        Statement {
            outcome: Outcome::Broken(error),
            is_followed: false,
            has_begun: false,
            has_slept_away: false,
            milliseconds: 0.0,
            steps: Vec::new(),
        }
    }

    /// The statement about a program of which nothing was seen but this failure.
    pub fn failed(failure: Failure) -> Statement {
        Statement {
            outcome: Outcome::Failed(Box::new(failure)),
            // A second run with calls followed would not show more.
            is_followed: true,
            has_begun: true,
            has_slept_away: false,
            milliseconds: 0.0,
            steps: Vec::new(),
        }
    }

    /// Whether more would be known had the calls been followed.
    pub fn wants_calls(&self) -> bool {
        !self.is_followed && matches!(self.outcome, Outcome::Failed(_) | Outcome::NotChecked(_))
    }

    /// What is known when the same test has run once more with calls followed. A promise that was broken once is broken,
    /// whatever the second run says; and the first run says how, because to follow calls changes what comes first.
    #[must_use]
    pub fn merge_rerun(mut self, again: Statement) -> Statement {
        let milliseconds = self.milliseconds + again.milliseconds;
        let known = match (&mut self.outcome, &again.outcome) {
            (Outcome::Failed(failure), Outcome::Passed) => {
                failure.symptom +=
                    "; when the test is run again, it passes: what happens depends on timing";
                self
            }
            (Outcome::Failed(_), Outcome::Broken(_) | Outcome::NotChecked(_)) => self,
            (Outcome::Failed(first), Outcome::Failed(second))
                if first.diagnosis != second.diagnosis =>
            {
                first.evidence.calls.clone_from(&second.evidence.calls);
                let panicked_at = &second.evidence.panicked_at;
                first.evidence.panicked_at.clone_from(panicked_at);
                self
            }
            // It has less patience, and may have given up sooner.
            (Outcome::Failed(first), Outcome::Failed(second))
                if second.evidence.steps.len() < first.evidence.steps.len() =>
            {
                self
            }
            _ => again,
        };
        Statement {
            milliseconds,
            ..known
        }
    }
}

/// Prepares this process for one kind of isolation, and forks a worker whenever the requester asks for one. Each enters
/// a sandbox, waits for its request, and answers with a statement.
fn serve(requester: &mut Requester) -> Result<(), LabError> {
    let Some(isolation) = requester.request()? else {
        return Ok(());
    };
    let prepared = sandbox::prepare(isolation);
    if fork_workers(requester)? == Forked::Server {
        return Ok(());
    }
    // Before there is a request: so this is done while the program is still being compiled.
    let sandbox = prepared
        .and_then(|()| Sandbox::enter(isolation))
        .and_then(ready);
    let Some(request) = requester.request()? else {
        return sandbox.map_or(Ok(()), |sandbox| sandbox.end());
    };
    requester.answer(&match sandbox {
        Ok(sandbox) => run_test(&request, sandbox, requester),
        Err(error) => Statement::broken(error),
    })?;
    // Its network is there until then.
    requester.wait_until_gone()
}

impl TestRequest {
    /// A request without a story, to measure what all else of a test costs.
    pub fn without_story() -> TestRequest {
        TestRequest {
            exercise: String::new(),
            test: 0,
            program: PathBuf::new(),
            seed: 0,
            tracing: Tracing::Off,
            reputation: Reputation::default(),
            jail: None,
        }
    }
}

fn run_test(request: &TestRequest, sandbox: Sandbox, requester: &Requester) -> Statement {
    let start = Instant::now();
    let story = match story_of(request) {
        Ok(story) => story,
        Err(error) => return Statement::broken(error),
    };
    let sandbox = sandbox.locked(request.jail.clone());
    // Each test draws from a stream of its own, so that one test alone draws the same as among others.
    let seed = request
        .seed
        .wrapping_add((request.test as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let lifeline = match requester.hangup() {
        Ok(lifeline) => lifeline,
        Err(error) => return Statement::broken(error),
    };
    let program = request.program.clone();
    let context = TestContext::new(sandbox, program, request.tracing, seed, Some(lifeline));
    context.expect(request.reputation);
    let result = lab::tell_story(&context, story);
    let (is_followed, has_begun) = (context.follows_calls(), context.has_begun());
    let has_slept_away = context.has_slept_away();
    let steps = match &result {
        Ok(()) => context.steps(),
        Err(_) => Vec::new(),
    };
    let ended = context.end();
    let outcome = match (result, ended) {
        (Err(Stop::Failed(failure)), _) => Outcome::Failed(failure),
        (Err(Stop::Broken(error)), _) | (_, Err(error)) => Outcome::Broken(error),
        (Err(Stop::NotChecked(reason)), Ok(())) => Outcome::NotChecked(reason),
        (Ok(()), Ok(())) => Outcome::Passed,
    };
    Statement {
        outcome,
        is_followed,
        has_begun,
        has_slept_away,
        milliseconds: start.elapsed().as_secs_f64() * 1000.0,
        steps,
    }
}

fn story_of(request: &TestRequest) -> Result<fn(&Lab) -> Checked, LabError> {
    if request.exercise.is_empty() {
        return Ok(|_| Ok(()));
    }
    syllabus::find(&request.exercise)
        .and_then(|exercise| exercise.tests.get(request.test))
        .map(|test| test.story)
        .ok_or_else(|| LabError::new(format!("{} has no test {}", request.exercise, request.test)))
}

/// This process works in the folder of the sandbox, too: so it keeps no other file system busy.
fn ready(sandbox: Sandbox) -> Result<Sandbox, LabError> {
    sandbox.work_there()?;
    sandbox.shrink_send_buffers();
    Ok(sandbox)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Diagnosis;

    fn statement(outcome: Outcome) -> Statement {
        Statement {
            outcome,
            is_followed: false,
            has_begun: false,
            has_slept_away: false,
            milliseconds: 1.0,
            steps: Vec::new(),
        }
    }

    fn failed(diagnosis: Diagnosis) -> Statement {
        let mut failure = Failure::pipe_locked();
        failure.diagnosis = diagnosis;
        statement(Outcome::Failed(Box::new(failure)))
    }

    fn diagnosis_of(statement: &Statement) -> Option<Diagnosis> {
        match &statement.outcome {
            Outcome::Failed(failure) => Some(failure.diagnosis),
            _ => None,
        }
    }

    #[test]
    fn the_first_run_of_a_test_says_what_is_wrong() {
        for second in [failed(Diagnosis::Busy), statement(Outcome::Passed)] {
            let known = failed(Diagnosis::LeftOpen).merge_rerun(second);
            assert_eq!(diagnosis_of(&known), Some(Diagnosis::LeftOpen));
        }
    }

    #[test]
    fn the_second_run_shows_the_same_failure_with_its_calls() {
        let second = Statement {
            is_followed: true,
            ..failed(Diagnosis::LeftOpen)
        };
        let known = failed(Diagnosis::LeftOpen).merge_rerun(second);
        assert!(known.is_followed);
        assert_eq!(known.milliseconds, 2.0);
    }
}
