//! The reference: it runs a command with a time limit, and leaves no process of it behind.
//!
//! All that can happen are signals: the end of the command (SIGCHLD), and what the program itself is sent. They are
//! blocked all the time, so that none can come between a look and the sleep, and sigtimedwait takes one after the other,
//! or says that the time is over. There is no handler.

use std::{
    env,
    error::Error,
    ffi::{CString, OsStr, OsString},
    mem,
    os::unix::ffi::OsStringExt,
    process::ExitCode,
    ptr,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::signal::{self, SigHandler, SigSet, SigmaskHow, Signal},
    unistd::{self, ForkResult, Pid, fork},
};

/// What the program passes on.
const PASSED_ON: [Signal; 3] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM];

/// The exit statuses of timeout(1), and of shells.
const TIMED_OUT: u8 = 124;
const CANNOT_EXECUTE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// What is to be run, and for how long.
struct Task {
    limit: Duration,
    grace: Duration,
    words: Vec<CString>,
}

/// How far the program is in ending the command.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// The command has until then.
    Running(Instant),
    /// It was asked to end, and has until then.
    Asked(Instant),
    /// It was killed, which nothing survives.
    Killed,
}

fn main() -> ExitCode {
    let arguments = env::args_os().skip(1).collect();
    let Some(task) = Task::parse(arguments) else {
        eprintln!("usage: day4_3_timeout LIMIT GRACE COMMAND [ARGUMENT]...");
        return ExitCode::from(2);
    };
    match run(&task) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("day4_3_timeout: {error}");
            ExitCode::from(1)
        }
    }
}

impl Task {
    fn parse(arguments: Vec<OsString>) -> Option<Task> {
        let mut arguments = arguments.into_iter();
        let limit = milliseconds(&arguments.next()?)?;
        let grace = milliseconds(&arguments.next()?)?;
        // An argument has no zero byte in it: the kernel ends it there.
        let words = arguments.map(|word| CString::new(word.into_vec()));
        let words: Vec<CString> = words.collect::<Result<_, _>>().ok()?;
        (!words.is_empty()).then_some(Task {
            limit,
            grace,
            words,
        })
    }
}

fn milliseconds(argument: &OsStr) -> Option<Duration> {
    let text = argument.to_str()?;
    // Digits only: `parse` alone takes a sign, too.
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_decimal)?;
    (1..=1_000_000_000)
        .contains(&number)
        .then(|| Duration::from_millis(number))
}

/// Runs the command to its end, and returns the exit status that says how it was.
fn run(task: &Task) -> Result<u8, Box<dyn Error>> {
    // Before fork: the command may end at once.
    let awaited = await_signals()?;
    let child = start(&task.words)?;
    let mut stage = Stage::Running(Instant::now() + task.limit);
    while !has_ended(child)? {
        match next_signal(&awaited, stage)? {
            // A child has ended, or was stopped: look which it was.
            Some(libc::SIGCHLD) => (),
            Some(signal) => tell_group(child, signal),
            None => stage = end(child, stage, task.grace),
        }
    }
    // It has ended, and is not collected yet, so that its number still means its group and nobody else.
    tell_group(child, libc::SIGKILL);
    let status = collect(child)?;
    Ok(match stage {
        Stage::Running(_) if libc::WIFEXITED(status) => libc::WEXITSTATUS(status) as u8,
        Stage::Running(_) => 128 + libc::WTERMSIG(status) as u8,
        Stage::Asked(_) | Stage::Killed => TIMED_OUT,
    })
}

/// Blocks the signals that say what has happened, so that they wait until they are taken.
fn await_signals() -> nix::Result<SigSet> {
    let mut awaited = SigSet::from_iter(PASSED_ON);
    awaited.add(Signal::SIGCHLD);
    for signal in &awaited {
        // The program may have been started with one of them ignored. Then it does not come; and where SIGCHLD is
        // ignored, the kernel throws away how children end.
        // SAFETY: there is no handler that this would take away.
        unsafe { signal::signal(signal, SigHandler::SigDfl)? };
    }
    awaited.thread_block()?;
    Ok(awaited)
}

/// Starts the command in a child that leads a process group.
fn start(words: &[CString]) -> nix::Result<Pid> {
    // SAFETY: this process has one thread, so the child finds no lock that another thread would have to open.
    match unsafe { fork()? } {
        ForkResult::Child => {
            let errno = become_command(words);
            eprintln!("day4_3_timeout: {}: {errno}", words[0].to_string_lossy());
            let status = match errno {
                Errno::ENOENT => NOT_FOUND,
                _ => CANNOT_EXECUTE,
            };
            // Not return: there would be two programs that wait for the command.
            // SAFETY: _exit only ends this process.
            unsafe { libc::_exit(status.into()) }
        }
        ForkResult::Parent { child } => {
            // The child does the same. Whoever is first: the group is there before one of the two goes on. If the
            // child is already the command, this fails with EACCES, and has been done.
            let _ = unistd::setpgid(child, child);
            Ok(child)
        }
    }
}

/// Makes the command of this process. It returns only if that fails, with the reason.
fn become_command(words: &[CString]) -> Errno {
    let itself = Pid::from_raw(0);
    let prepared = unistd::setpgid(itself, itself).and_then(|()| forget_signals());
    match prepared.and_then(|()| unistd::execvp(&words[0], words)) {
        Ok(never) => match never {},
        Err(errno) => errno,
    }
}

/// exec keeps what is ignored, and the mask. Rust ignores SIGPIPE; the rest comes from this program, or from the one that
/// has started it.
fn forget_signals() -> nix::Result<()> {
    for signal in 1..=libc::SIGRTMAX() {
        // SIGKILL and SIGSTOP, and the signals that the C library keeps for itself, refuse, and are as they should be.
        // SAFETY: there is no handler that this would take away.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// Whether the child has ended. It stays as it is, and keeps its number.
fn has_ended(child: Pid) -> nix::Result<bool> {
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: zeros are a valid siginfo_t.
    let mut news: libc::siginfo_t = unsafe { mem::zeroed() };
    let number = child.as_raw().cast_unsigned();
    // nix's waitid has no name for a real-time signal which has killed a child: it returns EINVAL for it.
    // SAFETY: waitid writes to `news` and to nothing else.
    Errno::result(unsafe { libc::waitid(libc::P_PID, number, &mut news, flags) })?;
    // SAFETY: waitid fills this in, with 0 if there is no news.
    Ok(unsafe { news.si_pid() } != 0)
}

/// Sleeps until a signal comes, which it takes, or until the time of this stage is over.
fn next_signal(awaited: &SigSet, stage: Stage) -> nix::Result<Option<libc::c_int>> {
    loop {
        let rest = match stage {
            Stage::Running(until) | Stage::Asked(until) => {
                // What is left of it: an interruption does not make it longer.
                let rest = until.saturating_duration_since(Instant::now());
                Some(libc::timespec {
                    tv_sec: rest.as_secs() as libc::time_t,
                    tv_nsec: rest.subsec_nanos().into(),
                })
            }
            Stage::Killed => None,
        };
        let limit = rest.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the set and the time outlive the call, which writes to neither.
        let taken = unsafe { libc::sigtimedwait(awaited.as_ref(), ptr::null_mut(), limit) };
        match Errno::result(taken) {
            Ok(signal) => return Ok(Some(signal)),
            Err(Errno::EAGAIN) => return Ok(None),
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// The time is over: asks the command to end, or kills it.
fn end(child: Pid, stage: Stage, grace: Duration) -> Stage {
    match stage {
        Stage::Running(_) => {
            tell_group(child, libc::SIGTERM);
            Stage::Asked(Instant::now() + grace)
        }
        Stage::Asked(_) | Stage::Killed => {
            tell_group(child, libc::SIGKILL);
            Stage::Killed
        }
    }
}

/// Sends a signal to all processes of the command's group.
fn tell_group(child: Pid, signal: libc::c_int) {
    let send = |signal| {
        // It fails where all processes of the group belong to another user by now: sudo makes that of a command. Then
        // there is nothing that this program could do.
        // SAFETY: kill touches no memory.
        unsafe { libc::kill(-child.as_raw(), signal) };
    };
    send(signal);
    if signal != libc::SIGKILL {
        // A stopped process takes it only when it goes on.
        send(libc::SIGCONT);
    }
}

/// How the child has ended, as waitpid says it.
fn collect(child: Pid) -> nix::Result<libc::c_int> {
    let mut status = 0;
    // SAFETY: waitpid writes to `status` and to nothing else.
    Errno::result(unsafe { libc::waitpid(child.as_raw(), &mut status, 0) })?;
    Ok(status)
}
