//! What the calls of the wait family return.

use nix::{
    errno::Errno,
    sys::{
        signal::Signal,
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::{Pid, setpgid},
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoProcess, DemoResult, Describe, ProcessEnd, sleep_for_ever,
};
use harness::{observe::processes::Process, sys};

pub const DEMO: Demo = Demo {
    name: "wait",
    day: 3,
    question: "What do wait, waitpid and waitid return, and when?",
    read: "wait collects a child",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    not_yet(demo)?;
    ended(demo)?;
    left_as_it_is(demo)?;
    stopped(demo)?;
    chosen(demo)?;
    interrupted(demo)
}

/// What waitpid has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// 0: none of these children has anything to tell.
    Nothing,
    /// The process that was meant, and this status word.
    Status(i32),
    /// Another process.
    Another,
}

impl Describe for Told {
    fn describe(&self) -> String {
        match self {
            Told::Nothing => "0".to_owned(),
            Told::Status(word) => format!("its PID, status word {word:#06x}"),
            Told::Another => "another PID".to_owned(),
        }
    }
}

/// waitpid(2) for `of`, which is a PID, or 0, -1, or a group; `meant` is the process that it should find.
fn ask(of: i32, options: i32, meant: i32) -> nix::Result<Told> {
    Ok(match sys::wait(of, options)? {
        None => Told::Nothing,
        Some((pid, word)) if pid == meant => Told::Status(word),
        Some(_) => Told::Another,
    })
}

/// The same for one child.
fn ask_for(child: &mut DemoProcess, options: i32) -> nix::Result<Told> {
    let told = ask(child.id(), options, child.id());
    if let Ok(Told::Status(word)) = told
        && (libc::WIFEXITED(word) || libc::WIFSIGNALED(word))
    {
        child.was_reaped();
    }
    told
}

/// The errno of a call, 0 for success.
fn errno_of<T>(result: nix::Result<T>) -> i32 {
    result.map_or_else(|errno| errno as i32, |_| 0)
}

fn not_yet(demo: &mut DemoContext) -> DemoResult {
    demo.does("a process without children calls waitpid(-1)");
    let [errno] = demo.numbers_of(|| Ok([errno_of(sys::wait(-1, libc::WNOHANG))]))?;
    demo.expect("it fails with", Errno::ECHILD, Errno::from_raw(errno));

    demo.does("a child sleeps; waitpid with WNOHANG, waitid with WNOHANG and without");
    let mut child = demo.start(sleep_for_ever)?;
    let pid = Pid::from_raw(child.id());
    let seen = ask_for(&mut child, libc::WNOHANG);
    demo.expect("waitpid returns", Ok(Told::Nothing), seen);
    let no_hang = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
    let seen = waitid(Id::Pid(pid), no_hang).map(|status| status == WaitStatus::StillAlive);
    demo.expect("waitid says that it is alive", Ok(true), seen);
    let seen = waitid(Id::Pid(pid), WaitPidFlag::empty()).map(drop);
    demo.expect(
        "waitid without WEXITED, WSTOPPED or WCONTINUED",
        Err(Errno::EINVAL),
        seen,
    );
    Ok(())
}

fn ended(demo: &mut DemoContext) -> DemoResult {
    demo.does("a child calls _exit(3), another is killed by SIGTERM; waitpid");
    let mut child = demo.start(|| 3)?;
    let seen = ask_for(&mut child, 0);
    demo.expect("exited", Ok(Told::Status(0x300)), seen);
    demo.expect(
        "the same word by the macros: WIFEXITED, WEXITSTATUS",
        (true, 3),
        (libc::WIFEXITED(0x300), libc::WEXITSTATUS(0x300)),
    );
    let mut child = demo.start(sleep_for_ever)?;
    child.signal(Signal::SIGTERM)?;
    let seen = ask_for(&mut child, 0);
    let killed = libc::SIGTERM;
    demo.expect("killed", Ok(Told::Status(killed)), seen);
    demo.expect(
        "WIFEXITED, WIFSIGNALED",
        (false, true),
        (libc::WIFEXITED(killed), libc::WIFSIGNALED(killed)),
    );
    demo.expect(
        "WEXITSTATUS of it looks like success",
        0,
        libc::WEXITSTATUS(killed),
    );
    let seen = ask_for(&mut child, 0);
    demo.expect("waitpid again", Err(Errno::ECHILD), seen);
    Ok(())
}

fn left_as_it_is(demo: &mut DemoContext) -> DemoResult {
    demo.does("a child ends with 5; waitid with WNOWAIT");
    let mut child = demo.start(|| 5)?;
    let pid = Pid::from_raw(child.id());
    let seen = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
    demo.expect(
        "it tells the status",
        Ok(true),
        seen.map(|status| status == WaitStatus::Exited(pid, 5)),
    );
    let is_zombie = Process::read(child.id()).is_some_and(|child| child.is_zombie());
    demo.expect("the child is still a zombie", true, is_zombie);
    let seen = ask_for(&mut child, 0);
    demo.expect("waitpid still finds it", Ok(Told::Status(0x500)), seen);
    Ok(())
}

fn stopped(demo: &mut DemoContext) -> DemoResult {
    demo.does("a child is stopped by SIGSTOP, and continued");
    let mut child = demo.start(sleep_for_ever)?;
    child.signal(Signal::SIGSTOP)?;
    let is_stopped = || {
        let process = Process::read(child.id());
        Ok(process
            .is_some_and(|process| process.state == 'T')
            .then_some(()))
    };
    demo.wait_for(&[], is_stopped)?;
    let seen = ask_for(&mut child, libc::WNOHANG);
    demo.expect("waitpid has nothing to tell", Ok(Told::Nothing), seen);
    let seen = ask_for(&mut child, libc::WUNTRACED | libc::WNOHANG);
    let word = (libc::SIGSTOP << 8) | 0x7f;
    demo.expect("with WUNTRACED it has", Ok(Told::Status(word)), seen);
    demo.expect(
        "WIFSTOPPED, WSTOPSIG",
        (true, libc::SIGSTOP),
        (libc::WIFSTOPPED(word), libc::WSTOPSIG(word)),
    );
    child.signal(Signal::SIGCONT)?;
    let seen = ask_for(&mut child, libc::WCONTINUED);
    demo.expect(
        "with WCONTINUED it tells that as well",
        Ok(Told::Status(0xffff)),
        seen,
    );
    Ok(())
}

fn chosen(demo: &mut DemoContext) -> DemoResult {
    demo.does("two children have ended, one of them in a process group of its own");
    // In a process of its own: its group, and its children, are known.
    let [of_group, again, of_other_group] = demo.numbers_of(|| {
        let mut one = demo.start(|| 1)?;
        let mut other = demo.start(|| i32::from(setpgid(SELF, SELF).is_err()))?;
        demo.wait_until_zombie(one.id())?;
        demo.wait_until_zombie(other.id())?;
        let of_group = finds(0, &mut one);
        let again = errno_of(sys::wait(0, libc::WNOHANG));
        Ok([of_group, again, finds(-other.id(), &mut other)])
    })?;
    demo.expect(
        "waitpid(0) finds the one of the caller's group",
        true,
        of_group == 1,
    );
    demo.expect("… and then no other", Errno::ECHILD, Errno::from_raw(again));
    demo.expect("waitpid(-PGID) finds the other", true, of_other_group == 1);
    demo.does("two children have ended; waitpid with the PID of the second one, then -1");
    let [second, first] = demo.numbers_of(|| {
        let mut one = demo.start(|| 1)?;
        let mut other = demo.start(|| 2)?;
        demo.wait_until_zombie(one.id())?;
        demo.wait_until_zombie(other.id())?;
        Ok([finds(other.id(), &mut other), finds(-1, &mut one)])
    })?;
    demo.expect("the PID finds that child", true, second == 1);
    demo.expect("-1 finds any child, now the first one", true, first == 1);
    demo.does("a child calls waitpid for another child of its parent");
    let sibling = demo.start(sleep_for_ever)?;
    let [errno] = demo.numbers_of(|| Ok([errno_of(sys::wait(sibling.id(), libc::WNOHANG))]))?;
    demo.expect(
        "only own children count: it fails with",
        Errno::ECHILD,
        Errno::from_raw(errno),
    );
    Ok(())
}

const SELF: Pid = Pid::from_raw(0);

/// Whether waitpid for `of` finds this child, which has ended: 1 for yes.
fn finds(of: i32, meant: &mut DemoProcess) -> i32 {
    let found = sys::wait(of, libc::WNOHANG);
    let is_found = matches!(found, Ok(Some((pid, _))) if pid == meant.id());
    if is_found {
        meant.was_reaped();
    }
    i32::from(is_found)
}

fn interrupted(demo: &mut DemoContext) -> DemoResult {
    demo.does("processes sleep in waitpid, and a handler runs");
    let sleeper = |demo: &DemoContext, restarts| {
        demo.start(|| {
            let is_set = sys::set_empty_handler(Signal::SIGUSR1, restarts).is_ok();
            match demo.start(sleep_for_ever) {
                Ok(child) if is_set => errno_of(sys::wait(child.id(), 0)),
                _ => 0,
            }
        })
    };
    let mut process = sleeper(demo, false)?;
    demo.wait_until_asleep(&process)?;
    process.signal(Signal::SIGUSR1)?;
    let seen = match demo.ending(&mut process)? {
        ProcessEnd::Exited(errno) => Errno::from_raw(errno),
        _ => Errno::UnknownErrno,
    };
    demo.expect("without SA_RESTART it fails with", Errno::EINTR, seen);
    let mut process = sleeper(demo, true)?;
    demo.wait_until_asleep(&process)?;
    process.signal(Signal::SIGUSR1)?;
    demo.wait_until_asleep(&process)?;
    let seen = demo.ending_now(&mut process)?;
    demo.expect("with SA_RESTART it sleeps on", ProcessEnd::Runs, seen);
    process.signal(Signal::SIGKILL)?;
    demo.ending(&mut process)?;
    Ok(())
}
