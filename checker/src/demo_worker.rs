//! The worker that runs one demo, in a sandbox as a test is, and what the demo has shown.

use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};

use crate::{
    demo_context::{DemoContext, Step},
    demos::{self, Demo},
    failure::LabError,
    sandbox::{Isolation, Sandbox},
    worker::{Cancel, Cancelled, Job, Requester, RunError, Worker},
};

/// A demo takes some seconds, and its longest wait is not much longer.
pub static JOB: Job = Job {
    name: "demo",
    process: "the process of a demo",
    deadline: Duration::from_secs(30),
    run: serve,
};

/// Which demo to run, and where.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct DemoRequest {
    demo: String,
    isolation: Isolation,
}

/// What one demo has shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DemoRun {
    /// The name of the demo.
    pub name: String,
    /// What it answers.
    pub question: String,
    /// The heading of course.md which it belongs to.
    pub read: String,
    /// The worst of all its steps.
    pub status: DemoStatus,
    /// What was done and seen, in order.
    pub steps: Vec<Step>,
    /// If the lab failed: why. The steps before are shown as they were.
    pub error: Option<LabError>,
    /// How long it took.
    pub milliseconds: f64,
}

/// What came of a demo, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DemoStatus {
    /// The kernel did all that the textbook says.
    Agrees,
    /// It did what could be shown, and something could not be shown on this machine.
    NotShown,
    /// The lab failed.
    Broken,
    /// It did something else.
    Disagrees,
}

impl DemoRun {
    /// Sums up what a demo has told, and whether it came to its end.
    pub fn new(
        demo: &Demo,
        steps: Vec<Step>,
        ended: Result<(), LabError>,
        took: Duration,
    ) -> DemoRun {
        let worst_step = steps.iter().map(DemoStatus::of).max();
        let error = ended.err();
        let end = error
            .as_ref()
            .map_or(DemoStatus::Agrees, |_| DemoStatus::Broken);
        DemoRun {
            name: demo.name.to_owned(),
            question: demo.question.to_owned(),
            read: demo.read.to_owned(),
            status: worst_step.unwrap_or(DemoStatus::Agrees).max(end),
            steps,
            error,
            milliseconds: took.as_secs_f64() * 1000.0,
        }
    }

    /// How many of the textbook's statements agree with what was seen, and how many there were.
    pub fn agreement(&self) -> (usize, usize) {
        let findings = self.steps.iter().filter_map(|step| match step {
            Step::Finding(finding) => Some(finding.agrees),
            _ => None,
        });
        let agree = findings.clone().filter(|&agrees| agrees).count();
        (agree, findings.count())
    }
}

impl DemoStatus {
    fn of(step: &Step) -> DemoStatus {
        match step {
            Step::Finding(finding) if !finding.agrees => DemoStatus::Disagrees,
            Step::NotShown { .. } => DemoStatus::NotShown,
            _ => DemoStatus::Agrees,
        }
    }
}

/// Runs a demo in a worker.
///
/// # Errors
///
/// When it is cancelled.
pub fn run(demo: &Demo, isolation: Isolation, cancel: &Cancel) -> Result<DemoRun, Cancelled> {
    let request = DemoRequest {
        demo: demo.name.to_owned(),
        isolation,
    };
    let start = Instant::now();
    let run = Worker::start(&JOB, |_| ())
        .map_err(RunError::from)
        .and_then(|worker| worker.run(&request, cancel))
        .and_then(|reply| Ok(reply.into_answer()?));
    match run {
        Ok(run) => Ok(run),
        Err(RunError::Cancelled) => Err(Cancelled),
        Err(RunError::Lab(error)) => {
            let took = start.elapsed();
            Ok(DemoRun::new(demo, Vec::new(), Err(error), took))
        }
    }
}

/// The worker: runs the demo of its request, and answers with what it has shown.
fn serve(requester: &mut Requester) -> Result<(), LabError> {
    let Some(request) = requester.request::<DemoRequest>()? else {
        return Ok(());
    };
    let demo = demos::find(&request.demo)
        .ok_or_else(|| LabError::new(format!("there is no demo {}", request.demo)))?;
    requester.answer(&play(demo, request.isolation, requester))
}

fn play(demo: &Demo, isolation: Isolation, requester: &Requester) -> DemoRun {
    let start = Instant::now();
    // Some demos let a process die by SIGABRT; its memory is not to be written to the disk.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let sandbox = match Sandbox::enter(isolation) {
        Ok(sandbox) => sandbox,
        Err(error) => return DemoRun::new(demo, Vec::new(), Err(error), start.elapsed()),
    };
    let lifeline = match requester.hangup() {
        Ok(lifeline) => lifeline,
        Err(error) => return DemoRun::new(demo, Vec::new(), Err(error), start.elapsed()),
    };
    let mut context = DemoContext::new(sandbox.isolation(), sandbox.address(), Some(lifeline));
    let played = sandbox.work_there().and_then(|()| (demo.run)(&mut context));
    let ended = sandbox.end();
    DemoRun::new(
        demo,
        context.into_steps(),
        played.and(ended),
        start.elapsed(),
    )
}
