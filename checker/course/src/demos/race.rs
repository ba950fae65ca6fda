//! The lost wake-up, made certain, and its cures.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::atomic::{AtomicI32, Ordering::Relaxed},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    poll::{PollFd, PollFlags, PollTimeout, poll, ppoll},
    sys::{
        prctl::{set_no_new_privs, set_pdeathsig},
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
    },
    unistd::{self, pause},
};

use super::{Demo, Needs};
use crate::demo_context::{AfterHandler, DemoContext, DemoResult, handler_runs, ring, ring_at};
use harness::{
    failure::{Attempt, LabError},
    observe::{
        calls::Call,
        processes::Process,
        tracer::{self, By, Fault, Filter, Held, Injection, On, Tracer, Which},
    },
    sys,
};

pub const DEMO: Demo = Demo {
    name: "race",
    day: 4,
    question: "A signal comes after the look at a flag and before the sleep: does the sleep end?",
    read: "The signal that comes too early",
    needs: Needs::Tracing,
    run,
};

/// How often each program is tried.
const TIMES: i32 = 20;

fn run(demo: &mut DemoContext) -> DemoResult {
    let places = Places {
        listener: demo.listen(5)?.socket,
        pipe: unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).attempt(MAKE)?,
    };
    demo.does(format!(
        "programs wait until a handler has set a flag; the signal comes while they sleep, {TIMES} times"
    ));
    for waiter in WAITERS {
        let [lost] =
            demo.numbers_of(|| Ok([times_lost(|| is_lost_in_sleep(demo, waiter, &places))?]))?;
        demo.expect(format!("{}: lost", waiter.name), 0, lost);
    }
    if let Err(error) = tracer::probe() {
        demo.cannot(format!(
            "a signal at the worst moment, because it needs ptrace: {error}"
        ));
        return Ok(());
    }
    demo.does(format!(
        "the same; the lab's tracer lets the signal come just before the call that sleeps, {TIMES} times"
    ));
    for waiter in WAITERS {
        // In a process of its own, because the tracer is a thread.
        let [lost] =
            demo.numbers_of(|| Ok([times_lost(|| is_lost_in_the_gap(demo, waiter, &places))?]))?;
        let expected = if waiter.has_a_gap { TIMES } else { 0 };
        demo.expect(format!("{}: lost", waiter.name), expected, lost);
    }
    Ok(())
}

const MAKE: &str = "could not make a process that waits for a signal";

/// At what the programs wait: nobody connects, and the handler writes into the pipe.
struct Places {
    listener: OwnedFd,
    pipe: (OwnedFd, OwnedFd),
}

/// A program that sleeps until a handler has run.
struct Waiter {
    name: &'static str,
    /// The call in which it sleeps.
    sleeps_in: Call,
    has_a_gap: bool,
    /// What it does before. It makes async-signal-safe calls only, as `wait` does.
    prepare: fn(&Places) -> nix::Result<()>,
    wait: fn(&Places) -> nix::Result<()>,
}

const WAITERS: &[Waiter] = &[
    Waiter {
        name: "a flag, pause",
        // The C library of other machines makes ppoll of pause.
        sleeps_in: if cfg!(target_arch = "x86_64") {
            Call::Signal
        } else {
            Call::Poll
        },
        has_a_gap: true,
        prepare: |_| ring_at(SIGNAL, SaFlags::empty()),
        wait: |_| {
            until_a_handler_has_run(|| {
                pause();
                Ok(())
            })
        },
    },
    Waiter {
        name: "a flag, accept",
        sleeps_in: Call::Accept,
        has_a_gap: true,
        prepare: |_| ring_at(SIGNAL, SaFlags::empty()),
        wait: |places| until_a_handler_has_run(|| sys::socket::accept(&places.listener).map(drop)),
    },
    Waiter {
        name: "a flag, poll",
        sleeps_in: Call::Poll,
        has_a_gap: true,
        prepare: |_| ring_at(SIGNAL, SaFlags::empty()),
        wait: |places| until_a_handler_has_run(|| wait_for_client(places)),
    },
    Waiter {
        name: "a flag, unblock, poll, block",
        sleeps_in: Call::Poll,
        has_a_gap: true,
        prepare: |_| prepare_blocked(),
        wait: |places| {
            until_a_handler_has_run(|| {
                SigSet::empty().thread_set_mask()?;
                let done = wait_for_client(places);
                SigSet::from(SIGNAL).thread_block()?;
                done
            })
        },
    },
    Waiter {
        name: "blocked, a flag, sigsuspend",
        sleeps_in: Call::Signal,
        has_a_gap: false,
        prepare: |_| prepare_blocked(),
        wait: |_| until_a_handler_has_run(|| SigSet::empty().suspend()),
    },
    Waiter {
        name: "blocked, a flag, ppoll",
        sleeps_in: Call::Poll,
        has_a_gap: false,
        prepare: |_| prepare_blocked(),
        wait: |places| {
            until_a_handler_has_run(|| {
                let mut watched = [PollFd::new(places.listener.as_fd(), PollFlags::POLLIN)];
                ppoll(&mut watched, None, Some(SigSet::empty())).map(drop)
            })
        },
    },
    Waiter {
        name: "a self-pipe, poll",
        sleeps_in: Call::Poll,
        has_a_gap: false,
        prepare: prepare_self_pipe,
        wait: |places| {
            let listener = PollFd::new(places.listener.as_fd(), PollFlags::POLLIN);
            let pipe = PollFd::new(places.pipe.0.as_fd(), PollFlags::POLLIN);
            let mut watched = [listener, pipe];
            while watched[1].any() != Some(true) {
                going_on(poll(&mut watched, PollTimeout::NONE).map(drop))?;
            }
            Ok(())
        },
    },
];

const SIGNAL: Signal = Signal::SIGUSR1;

fn until_a_handler_has_run(sleep: impl Fn() -> nix::Result<()>) -> nix::Result<()> {
    while handler_runs() == 0 {
        going_on(sleep())?;
    }
    Ok(())
}

/// EINTR is no failure.
fn going_on(slept: nix::Result<()>) -> nix::Result<()> {
    match slept {
        Err(Errno::EINTR) => Ok(()),
        slept => slept,
    }
}

fn wait_for_client(places: &Places) -> nix::Result<()> {
    let mut watched = [PollFd::new(places.listener.as_fd(), PollFlags::POLLIN)];
    poll(&mut watched, PollTimeout::NONE).map(drop)
}

fn prepare_blocked() -> nix::Result<()> {
    SigSet::from(SIGNAL).thread_block()?;
    ring_at(SIGNAL, SaFlags::empty())
}

static SELF_PIPE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn write_to_itself(signal: libc::c_int) {
    // SAFETY: write is async-signal-safe, and the byte is a constant. The pipe never gets full, so errno stays as it is.
    unsafe { libc::write(SELF_PIPE.load(Relaxed), b"!".as_ptr().cast(), 1) };
    ring(signal);
}

fn prepare_self_pipe(places: &Places) -> nix::Result<()> {
    let mut byte = [0];
    while unistd::read(&places.pipe.0, &mut byte) == Ok(1) {}
    SELF_PIPE.store(places.pipe.1.as_raw_fd(), Relaxed);
    let handler = SigHandler::Handler(write_to_itself);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler makes async-signal-safe calls only.
    unsafe { sigaction(SIGNAL, &action) }.map(drop)
}

/// What the process of a waiter does, to its end: the exit status.
fn wait_for_signal(waiter: &Waiter, places: &Places) -> i32 {
    let done = (waiter.prepare)(places).and_then(|()| (waiter.wait)(places));
    done.map_or_else(|errno| errno as i32, |()| 0)
}

fn times_lost(mut is_lost: impl FnMut() -> DemoResult<bool>) -> DemoResult<i32> {
    let mut lost = 0;
    for _ in 0..TIMES {
        lost += i32::from(is_lost()?);
    }
    Ok(lost)
}

fn is_lost_in_sleep(demo: &DemoContext, waiter: &Waiter, places: &Places) -> DemoResult<bool> {
    let bell = demo.handler_bell()?;
    let process = demo.start(|| wait_for_signal(waiter, places))?;
    demo.wait_until_asleep(&process)?;
    process.signal(SIGNAL)?;
    demo.wait_for_handlers(&bell, 1)?;
    Ok(demo.after_handler(&process)? == AfterHandler::Sleeps)
}

fn is_lost_in_the_gap(
    demo: &DemoContext,
    waiter: &'static Waiter,
    places: &Places,
) -> DemoResult<bool> {
    let bell = demo.handler_bell()?;
    // It waits for a byte before it begins, until the tracer knows what to do.
    let (begin, go) = unistd::pipe2(OFlag::O_CLOEXEC).attempt(MAKE)?;
    let tracer = start_traced(waiter, places, begin).attempt(MAKE)?;
    tracer.inject(Injection {
        call: waiter.sleeps_in,
        by: By::Anyone,
        on: On::Anything,
        which: Which::First(1),
        fault: Fault::Signal(SIGNAL as i32),
    });
    unistd::write(&go, b"!").attempt(MAKE)?;
    demo.wait_for_handlers(&bell, 1)?;
    let look = || {
        let sleeps = Process::read(tracer.pid()).is_some_and(|process| process.state == 'S');
        Ok(match tracer.ending() {
            Some(_) => Some(false),
            None => sleeps.then_some(true),
        })
    };
    let lost = demo.wait_for(&[], look)?;
    tracer.end()?;
    lost.ok_or_else(|| LabError::new("a process of the demo neither sleeps nor ends"))
}

/// The process of a waiter, traced.
fn start_traced(waiter: &'static Waiter, places: &Places, begin: OwnedFd) -> io::Result<Tracer> {
    let places = Places {
        listener: places.listener.try_clone()?,
        pipe: (places.pipe.0.try_clone()?, places.pipe.1.try_clone()?),
    };
    let filter = Filter::of_the_table();
    Tracer::start_without_exec(move || {
        let (wait, gate) = unistd::pipe2(OFlag::O_CLOEXEC)?;
        let work = || {
            let _ = set_pdeathsig(Signal::SIGKILL);
            let is_held = sys::exec::pass_gate(&wait, &gate).is_ok();
            let _ = set_no_new_privs();
            let mut byte = [0];
            if is_held && filter.install().is_ok() && unistd::read(&begin, &mut byte) == Ok(1) {
                sys::exit(wait_for_signal(waiter, &places));
            }
        };
        // SAFETY: the child makes async-signal-safe calls only.
        let pid = unsafe { sys::exec::fork(work) }?;
        Ok(Held { pid, gate })
    })
}
