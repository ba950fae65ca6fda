//! SIGCHLD: what it says, and what it does not.

use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use nix::{
    errno::Errno,
    sys::signal::{
        SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask,
    },
    unistd::{self, ForkResult},
};

use super::{Demo, Needs};
use crate::demo_context::{DemoContext, DemoResult, sleep_for_ever};
use harness::{
    failure::{Attempt, LabError},
    observe::processes::Process,
    sys,
};

pub const DEMO: Demo = Demo {
    name: "sigchld",
    day: 3,
    question: "How many signals come for five children, and what do handlers leave?",
    read: "SIGCHLD: one signal for many children",
    needs: Needs::Nothing,
    run,
};

const CHILDREN: i32 = 5;
const DO: &str = "could not make children";

fn run(demo: &mut DemoContext) -> DemoResult {
    handlers(demo)?;
    default(demo)?;
    ignored(demo)?;
    no_child_wait(demo)?;
    late(demo)
}

/// How often the handler has run, and how many children it has collected.
static RUNS: AtomicI32 = AtomicI32::new(0);
static COLLECTED: AtomicI32 = AtomicI32::new(0);

extern "C" fn wait_once(_: libc::c_int) {
    RUNS.fetch_add(1, Relaxed);
    if let Ok(Some(_)) = sys::wait(-1, libc::WNOHANG) {
        COLLECTED.fetch_add(1, Relaxed);
    }
}

extern "C" fn wait_in_a_loop(_: libc::c_int) {
    RUNS.fetch_add(1, Relaxed);
    while let Ok(Some(_)) = sys::wait(-1, libc::WNOHANG) {
        COLLECTED.fetch_add(1, Relaxed);
    }
}

extern "C" fn count(_: libc::c_int) {
    RUNS.fetch_add(1, Relaxed);
}

fn handle(handler: SigHandler, flags: SaFlags) -> DemoResult {
    let action = SigAction::new(handler, flags, SigSet::empty());
    // SAFETY: the handlers make async-signal-safe calls only, and use nothing else but atomic numbers.
    unsafe { sigaction(Signal::SIGCHLD, &action) }
        .map(drop)
        .attempt("could not set a handler")
}

fn block(how: SigmaskHow) -> DemoResult {
    let set = SigSet::from(Signal::SIGCHLD);
    sigprocmask(how, Some(&set), None).attempt("could not block a signal")
}

/// Starts children that end at once.
fn start(many: i32) -> DemoResult<Vec<i32>> {
    (0..many)
        .map(|number| {
            // SAFETY: this process has one thread; the child only ends.
            match unsafe { unistd::fork() }.attempt(DO)? {
                ForkResult::Child => sys::exit(number),
                ForkResult::Parent { child } => Ok(child.as_raw()),
            }
        })
        .collect()
}

fn zombies(of: &[i32]) -> i32 {
    of.iter()
        .filter(|pid| Process::read(**pid).is_some_and(|process| process.is_zombie()))
        .count() as i32
}

/// Five children end while SIGCHLD is blocked, as if the parent were busy; then it is not blocked any more. How often the handler
/// has run, how many children it has collected, and how many zombies are left.
fn five_children(demo: &DemoContext, handler: extern "C" fn(libc::c_int)) -> DemoResult<[i32; 3]> {
    demo.numbers_of(|| {
        handle(SigHandler::Handler(handler), SaFlags::SA_RESTART)?;
        block(SigmaskHow::SIG_BLOCK)?;
        let children = start(CHILDREN)?;
        for pid in &children {
            demo.wait_until_zombie(*pid)?;
        }
        block(SigmaskHow::SIG_UNBLOCK)?;
        Ok([
            RUNS.load(Relaxed),
            COLLECTED.load(Relaxed),
            zombies(&children),
        ])
    })
}

fn handlers(demo: &mut DemoContext) -> DemoResult {
    demo.does("five children end before the parent can look; its handler calls waitpid once");
    let [runs, collected, left] = five_children(demo, wait_once)?;
    demo.expect("signals do not queue: the handler runs", 1, runs);
    demo.expect(
        "children collected, zombies left",
        (1, 4),
        (collected, left),
    );
    demo.does("the same; the handler calls waitpid with WNOHANG until it finds none");
    let [runs, collected, left] = five_children(demo, wait_in_a_loop)?;
    demo.expect("the handler runs", 1, runs);
    demo.expect(
        "children collected, zombies left",
        (5, 0),
        (collected, left),
    );
    Ok(())
}

fn default(demo: &mut DemoContext) -> DemoResult {
    demo.does("a child ends, and SIGCHLD has its default action");
    let [left] = demo.numbers_of(|| {
        handle(SigHandler::SigDfl, SaFlags::empty())?;
        let children = start(1)?;
        demo.wait_until_zombie(children[0])?;
        Ok([zombies(&children)])
    })?;
    demo.expect("the action is to ignore, and yet: zombies", 1, left);
    Ok(())
}

/// Waits until nothing is left of a process.
fn wait_until_gone(demo: &DemoContext, pid: i32) -> DemoResult {
    demo.wait_for(&[], || Ok(Process::read(pid).is_none().then_some(())))?
        .ok_or_else(|| LabError::new("a process of the demo does not go"))
}

fn ignored(demo: &mut DemoContext) -> DemoResult {
    demo.does("set SIGCHLD to SIG_IGN; a child ends");
    let [zombie, errno] = demo.numbers_of(|| {
        handle(SigHandler::SigIgn, SaFlags::empty())?;
        let children = start(1)?;
        wait_until_gone(demo, children[0])?;
        let told = sys::wait(children[0], 0);
        Ok([
            zombies(&children),
            told.map_or_else(|errno| errno as i32, |_| 0),
        ])
    })?;
    demo.expect("zombies", 0, zombie);
    demo.expect(
        "and the status is lost: waitpid",
        Errno::ECHILD,
        Errno::from_raw(errno),
    );

    demo.does("a process that ignores SIGCHLD sleeps in waitpid(-1); its children end");
    let [errno, left] = demo.numbers_of(|| {
        handle(SigHandler::SigIgn, SaFlags::empty())?;
        let own = unistd::getpid();
        let mut first = demo.start(sleep_for_ever)?;
        let mut second = demo.start(|| {
            let asleep = || {
                let parent = Process::read(own.as_raw());
                Ok(parent
                    .is_some_and(|parent| parent.state == 'S')
                    .then_some(()))
            };
            let _ = demo.wait_for(&[], asleep);
            i32::from(first.signal(Signal::SIGKILL).is_err())
        })?;
        let told = sys::wait(-1, 0);
        let left = [&first, &second].map(|child| Process::read(child.id()).is_some());
        if told == Err(Errno::ECHILD) {
            first.was_reaped();
            second.was_reaped();
        }
        Ok([
            told.map_or_else(|errno| errno as i32, |_| 0),
            left.into_iter().map(i32::from).sum(),
        ])
    })?;
    demo.expect("it sleeps until all have ended: children left", 0, left);
    demo.expect("… and fails with", Errno::ECHILD, Errno::from_raw(errno));
    Ok(())
}

fn no_child_wait(demo: &mut DemoContext) -> DemoResult {
    demo.does("a handler with SA_NOCLDWAIT; a child ends");
    let [runs, zombie] = demo.numbers_of(|| {
        handle(SigHandler::Handler(count), SaFlags::SA_NOCLDWAIT)?;
        let children = start(1)?;
        wait_until_gone(demo, children[0])?;
        Ok([RUNS.load(Relaxed), zombies(&children)])
    })?;
    demo.expect("the handler runs, zombies", (1, 0), (runs, zombie));
    Ok(())
}

fn late(demo: &mut DemoContext) -> DemoResult {
    demo.does("a child ends; after that, the parent sets a handler, then SIG_IGN");
    let [runs, left, status] = demo.numbers_of(|| {
        let children = start(1)?;
        demo.wait_until_zombie(children[0])?;
        handle(SigHandler::Handler(count), SaFlags::empty())?;
        handle(SigHandler::SigIgn, SaFlags::empty())?;
        let left = zombies(&children);
        let found = sys::wait(children[0], libc::WNOHANG).attempt(DO)?;
        Ok([RUNS.load(Relaxed), left, i32::from(found.is_some())])
    })?;
    demo.expect("the handler runs, zombies", (0, 1), (runs, left));
    demo.expect("waitpid still finds it", true, status == 1);
    Ok(())
}
