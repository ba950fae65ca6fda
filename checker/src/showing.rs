//! A demo, played: in a process of its own, in an arena as a test is, and what it has shown.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};

use crate::{
    arena::{Arena, Isolation},
    demos::{self, Demo},
    errand::{self, Errand, NoAnswer},
    failure::LabError,
    stage::{Stage, Step},
};

/// The checker's hidden first argument for this process.
pub const COMMAND: &str = "__run-demo";

/// A demo takes some seconds, and its longest wait is not much longer.
const DEMO: Errand = Errand {
    command: COMMAND,
    process: "the process of a demo",
    deadline: Duration::from_secs(30),
};

/// What one such process is asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    demo: String,
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
pub fn show(demo: &Demo, isolation: Isolation) -> Showing {
    let order = Order {
        demo: demo.name.to_owned(),
    };
    let start = Instant::now();
    DEMO.open(isolation.name(), None)
        .and_then(|fork_server| {
            // The fork server reaps its process, and has to be there until that has answered.
            let process = fork_server.start()?;
            process.carry_out(&order).map_err(NoAnswer::into_trouble)
        })
        .unwrap_or_else(|error| Showing::new(demo, Vec::new(), Err(error), start.elapsed()))
}

/// Makes a process for each demo that is to be played.
///
/// # Errors
///
/// When nobody is there to ask, or to read a showing.
pub fn serve(isolation: &str) -> io::Result<()> {
    let isolation = Isolation::named(isolation).ok_or(io::ErrorKind::InvalidInput)?;
    errand::serve(|| run_order(isolation))
}

/// Carries out the order that comes, and writes the showing to standard output.
fn run_order(isolation: Isolation) -> io::Result<()> {
    let Some(order) = errand::order::<Order>()? else {
        return Ok(());
    };
    let demo = demos::find(&order.demo).ok_or(io::ErrorKind::NotFound)?;
    let text = serde_json::to_vec(&play(demo, isolation))?;
    io::stdout().write_all(&text)
}

fn play(demo: &Demo, isolation: Isolation) -> Showing {
    let start = Instant::now();
    // Some demos let a process die by SIGABRT; nobody wants its memory on the disk.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let arena = match Arena::enter(isolation) {
        Ok(arena) => arena,
        Err(error) => return Showing::new(demo, Vec::new(), Err(error), start.elapsed()),
    };
    let lifeline = match errand::lifeline() {
        Ok(lifeline) => lifeline,
        Err(error) => return Showing::new(demo, Vec::new(), Err(error), start.elapsed()),
    };
    let mut stage = Stage::new(arena.isolation(), arena.address(), Some(lifeline));
    let played = arena.work_there().and_then(|()| (demo.run)(&mut stage));
    let ended = arena.end();
    Showing::new(demo, stage.into_steps(), played.and(ended), start.elapsed())
}
