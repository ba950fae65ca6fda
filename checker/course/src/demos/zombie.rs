//! A process that has ended and has not been collected.

use std::fs;

use nix::{
    errno::Errno,
    sys::{
        prctl::set_child_subreaper,
        resource::{Resource, getrlimit, setrlimit},
        signal::Signal,
    },
    unistd::{self, ForkResult, getpid, getppid},
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoProcess, DemoResult, Link, ProcessEnd, Received, sleep_for_ever,
};
use harness::{
    failure::{Attempt, LabError},
    observe::processes::Process,
    sys,
};

pub const DEMO: Demo = Demo {
    name: "zombie",
    day: 3,
    question: "What is left of a process that nobody has collected, and who may collect it?",
    read: "Zombies, and how to collect them",
    needs: Needs::OwnNetwork,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    what_is_left(demo)?;
    orphans(demo)?;
    // Elsewhere other processes of this user come and go meanwhile; in the demo's own user namespace nobody else counts.
    demo.in_own_network("zombies count as processes of their user", limit)
}

/// The state of a process as ps(1) shows it; `-` if there is none.
fn state(pid: i32) -> String {
    Process::read(pid).map_or("-".to_owned(), |process| process.state.to_string())
}

fn what_is_left(demo: &mut DemoContext) -> DemoResult {
    demo.does("a child has the server's end of a connection, and ends with 7");
    let Link { client, server, .. } = demo.link()?;
    let mut child = demo.start(|| 7)?;
    drop(server);
    let pid = child.id();
    demo.wait_until_zombie(pid)?;
    demo.expect("its state", "Z".to_owned(), state(pid));
    let seen = demo.receive(&client, 1)?;
    demo.expect(
        "its descriptors are closed: the client reads the end",
        Ok(Received::end()),
        seen,
    );
    let memory = fs::read_to_string(format!("/proc/{pid}/statm"))
        .attempt("could not read the size of a zombie")?;
    demo.expect(
        "its memory is free: /proc/PID/statm",
        "0 0 0 0 0 0 0".to_owned(),
        memory.trim().to_owned(),
    );
    demo.does("kill -9");
    demo.expect("kill succeeds", Ok(()), sys::kill(pid, libc::SIGKILL));
    demo.expect("the zombie's state", "Z".to_owned(), state(pid));
    demo.does("waitpid");
    let seen = demo.ending(&mut child)?;
    demo.expect("the status was kept for it", ProcessEnd::Exited(7), seen);
    demo.expect("now it is gone", Err(Errno::ESRCH), sys::kill(pid, 0));
    Ok(())
}

fn orphans(demo: &mut DemoContext) -> DemoResult {
    const DO: &str = "could not make an orphan";
    demo.does("A starts B, and B starts C; A is a subreaper (prctl(2)); B ends");
    let [before, zombie_of_a, after, reaped] = demo.numbers_of(|| {
        set_child_subreaper(true).attempt(DO)?;
        let own = getpid();
        let (told, tell) = unistd::pipe().attempt(DO)?;
        let mut middle = demo.start(|| {
            let parent = getpid();
            // Without the demo's own words: this process must outlive its parent.
            // SAFETY: this process has one thread, and the child ends by itself.
            match unsafe { unistd::fork() } {
                Ok(ForkResult::Child) => {
                    let has_parent = getppid() == parent;
                    let orphaned = || Ok((getppid() != parent).then_some(()));
                    // A byte says that it is there: only then does its parent end.
                    let _ = unistd::write(&tell, &[u8::from(has_parent)]);
                    let _ = demo.wait_for(&[], orphaned);
                    sys::exit(if getppid() == own { 4 } else { 5 })
                }
                Ok(ForkResult::Parent { .. }) => sleep_for_ever(),
                Err(_) => 1,
            }
        })?;
        let mut byte = [9];
        unistd::read(&told, &mut byte).attempt(DO)?;
        middle.signal(Signal::SIGKILL)?;
        demo.ending(&mut middle)?;
        let orphan = demo.wait_for(&[], || {
            let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
            Ok(children.ok().and_then(|line| line.trim().parse().ok()))
        })?;
        let orphan: i32 = orphan.ok_or_else(|| LabError::new(DO))?;
        demo.wait_until_zombie(orphan)?;
        let is_mine = Process::read(orphan).is_some_and(|orphan| orphan.parent == own.as_raw());
        let (_, status) = sys::wait(orphan, 0)
            .attempt(DO)?
            .ok_or_else(|| LabError::new(DO))?;
        Ok([
            i32::from(byte[0]),
            i32::from(is_mine),
            libc::WEXITSTATUS(status),
            i32::from(Process::read(orphan).is_none()),
        ])
    })?;
    demo.expect("before, the parent of C is B", true, before == 1);
    demo.expect("then it is A, and no other", true, after == 4);
    demo.expect("C ends: it is a zombie of A", true, zombie_of_a == 1);
    demo.expect("A must collect it, and can", true, reaped == 1);
    Ok(())
}

/// How many zombies the demo makes.
const ZOMBIES: i32 = 50;

fn limit(demo: &mut DemoContext) -> DemoResult {
    demo.does(format!(
        "look for the lowest RLIMIT_NPROC with which fork works; again with {ZOMBIES} zombies"
    ));
    let [before, with_zombies, after] = demo.numbers_of(|| {
        let before = lowest_limit()?;
        let mut zombies: Vec<DemoProcess> = Vec::new();
        for _ in 0..ZOMBIES {
            zombies.push(demo.start(|| 0)?);
        }
        for zombie in &zombies {
            demo.wait_until_zombie(zombie.id())?;
        }
        let with_zombies = lowest_limit()?;
        drop(zombies);
        Ok([before, with_zombies, lowest_limit()?])
    })?;
    demo.expect(
        "zombies count as processes: the limit must be higher by",
        ZOMBIES,
        with_zombies - before,
    );
    demo.expect(
        "when they are collected, they do not: higher by",
        0,
        after - before,
    );
    Ok(())
}

/// The lowest limit of processes with which this process can fork.
fn lowest_limit() -> DemoResult<i32> {
    const LIMIT: &str = "could not set a limit";
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC).attempt(LIMIT)?;
    let (mut too_low, mut enough) = (0, hard.min(1 << 22));
    while too_low + 1 < enough {
        let middle = too_low.midpoint(enough);
        setrlimit(Resource::RLIMIT_NPROC, middle, hard).attempt(LIMIT)?;
        match fork_once() {
            Ok(()) => enough = middle,
            Err(_) => too_low = middle,
        }
    }
    setrlimit(Resource::RLIMIT_NPROC, hard.min(1 << 22), hard).attempt(LIMIT)?;
    Ok(enough as i32)
}

/// Makes a child that ends at once.
fn fork_once() -> nix::Result<()> {
    // SAFETY: this process has one thread; the child only ends.
    match unsafe { unistd::fork()? } {
        ForkResult::Child => sys::exit(0),
        ForkResult::Parent { child } => sys::wait(child.as_raw(), 0).map(drop),
    }
}
