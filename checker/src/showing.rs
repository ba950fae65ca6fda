//! A demo, played: in a process of its own, in an arena as a test is, and what it has shown.

use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};

use crate::{
    arena::{Arena, Isolation},
    demos::{self, Demo},
    failure::LabError,
    stage::{Stage, Step},
    worker::{Cancel, Cancelled, Job, Requester, RunError, Worker},
};

/// The job of a demo's process. A demo takes some seconds, and its longest wait is not much longer.
pub static JOB: Job = Job {
    name: "demo",
    process: "the process of a demo",
    deadline: Duration::from_secs(30),
    run: serve,
};

/// What one such process is asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    demo: String,
    isolation: Isolation,
}

/// What one demo has shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Showing {
    /// The name of the demo.
    pub name: String,
    /// What it answers.
    pub question: String,
    /// The heading of course.md which it belongs to.
    pub read: String,
    /// The worst of all its steps.
    pub status: Status,
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
pub enum Status {
    /// The kernel did all that the textbook says.
    Agrees,
    /// It did what could be shown, and something could not be shown on this machine.
    NotShown,
    /// The lab failed.
    Broken,
    /// It did something else.
    Disagrees,
}

impl Showing {
    /// Sums up what a demo has told, and whether it came to its end.
    pub fn new(
        demo: &Demo,
        steps: Vec<Step>,
        ended: Result<(), LabError>,
        took: Duration,
    ) -> Showing {
        let worst_step = steps.iter().map(Status::of).max();
        let error = ended.err();
        let end = error.as_ref().map_or(Status::Agrees, |_| Status::Broken);
        Showing {
            name: demo.name.to_owned(),
            question: demo.question.to_owned(),
            read: demo.read.to_owned(),
            status: worst_step.unwrap_or(Status::Agrees).max(end),
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

impl Status {
    fn of(step: &Step) -> Status {
        match step {
            Step::Finding(finding) if !finding.agrees => Status::Disagrees,
            Step::NotShown { .. } => Status::NotShown,
            _ => Status::Agrees,
        }
    }
}

/// Plays a demo in a process of its own.
///
/// # Errors
///
/// When it is cancelled.
pub fn show(demo: &Demo, isolation: Isolation, cancel: &Cancel) -> Result<Showing, Cancelled> {
    let order = Order {
        demo: demo.name.to_owned(),
        isolation,
    };
    let start = Instant::now();
    let showing = Worker::start(&JOB, |_| ())
        .map_err(RunError::from)
        .and_then(|worker| worker.run(&order, cancel))
        .and_then(|reply| Ok(reply.into_answer()?));
    match showing {
        Ok(showing) => Ok(showing),
        Err(RunError::Cancelled) => Err(Cancelled),
        Err(RunError::Lab(error)) => {
            let took = start.elapsed();
            Ok(Showing::new(demo, Vec::new(), Err(error), took))
        }
    }
}

/// Carries out the order that comes, and answers with the showing.
fn serve(requester: &mut Requester) -> Result<(), LabError> {
    let Some(order) = requester.request::<Order>()? else {
        return Ok(());
    };
    let demo = demos::find(&order.demo)
        .ok_or_else(|| LabError::new(format!("there is no demo {}", order.demo)))?;
    requester.answer(&play(demo, order.isolation, requester))
}

fn play(demo: &Demo, isolation: Isolation, requester: &Requester) -> Showing {
    let start = Instant::now();
    // Some demos let a process die by SIGABRT; nobody wants its memory on the disk.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let arena = match Arena::enter(isolation) {
        Ok(arena) => arena,
        Err(error) => return Showing::new(demo, Vec::new(), Err(error), start.elapsed()),
    };
    let lifeline = match requester.hangup() {
        Ok(lifeline) => lifeline,
        Err(error) => return Showing::new(demo, Vec::new(), Err(error), start.elapsed()),
    };
    let mut stage = Stage::new(arena.isolation(), arena.address(), Some(lifeline));
    let played = arena.work_there().and_then(|()| (demo.run)(&mut stage));
    let ended = arena.end();
    Showing::new(demo, stage.into_steps(), played.and(ended), start.elapsed())
}
