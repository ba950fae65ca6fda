//! A command in a jail, and what comes of it: a build of somebody else's code.
//!
//! The command runs below a process of its own, the [warden](super::warden), which ends all of it: at its deadline, when
//! all its processes together take too much, or when the checker is gone.

use std::{
    ffi::OsStr,
    fmt,
    io::{self, Read},
    os::{fd::AsFd, unix::process::CommandExt},
    path::PathBuf,
    process::{ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    Isolation, Jail,
    warden::{self, Sentence, exit},
};
use crate::{
    failure::{Attempt, LabError},
    worker::{Cancel, RunError, wait_for_any},
};

/// How much a command may print, and how much of its complaints is kept, in bytes.
const MOST_OUTPUT: u64 = 16 << 20;
const MOST_COMPLAINTS: u64 = 64 << 10;

/// A jail, where it stands, and what all that is in it may use up together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// What holds the command.
    pub jail: Jail,
    /// Whether the jail has its walls. Where the machine has no Landlock, only its limits hold.
    pub has_walls: bool,
    /// Whether it gets namespaces of its own.
    pub isolation: Isolation,
    /// All of its environment.
    pub environment: Vec<(String, String)>,
    /// The memory that all processes together may have in use, in bytes.
    pub memory: u64,
    /// How long all of it may take.
    pub time: Duration,
    /// A file that is locked (flock(2), shared) until nothing is at work any more. If somebody else holds it, nothing
    /// begins.
    pub lock: Option<PathBuf>,
}

/// How a command ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself. This is the beginning of what it complained about.
    ByItself(String),
    /// It was ended.
    Stopped(Stopped),
}

/// Of what a command took more than its cell allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Time.
    TooLong(Duration),
    /// Memory of all its processes together, in bytes.
    TooMuchMemory(u64),
    /// Processes and threads.
    TooManyProcesses(u64),
    /// What it prints, in bytes.
    TooMuchOutput(u64),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: &u64| match bytes >> 20 {
            mib if mib % 1024 == 0 => format!("{} GiB", mib / 1024),
            mib => format!("{mib} MiB"),
        };
        f.write_str("error: the build was ended: ")?;
        match self {
            Stopped::TooLong(time) => write!(f, "it took longer than {} s", time.as_secs()),
            Stopped::TooMuchMemory(most) => write!(f, "it took more than {} of memory", mib(most)),
            Stopped::TooManyProcesses(most) => {
                write!(f, "it had more than {most} processes and threads")
            }
            Stopped::TooMuchOutput(most) => {
                write!(f, "the compiler had more than {} to say", mib(most))
            }
        }
    }
}

impl Cell {
    /// Runs a command in this cell: of its own settings, arguments and folder count. `listen` reads what it prints, and
    /// when that returns, the command is ended.
    ///
    /// # Errors
    ///
    /// When it cannot be started, when the warden fails, and when the work is cancelled.
    pub fn run<T>(
        &self,
        command: &Command,
        cancel: &Cancel,
        listen: impl FnOnce(Output<'_>) -> T,
    ) -> Result<(T, Ended), RunError> {
        const START: &str = "could not start the process that watches over a build";
        let mut warden = Command::new("/proc/self/exe")
            .arg(warden::COMMAND)
            .arg(self.sentence(command)?)
            // What the checker knows from its own environment is nobody's business in there.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the checker; it lets its wardens clean up.
            .process_group(0)
            .spawn()
            .attempt(START)?;
        let (stdout, stderr) = (warden.stdout.take(), warden.stderr.take());
        let (Some(stdout), Some(mut stderr)) = (stdout, stderr) else {
            return Err(LabError::new(START).into());
        };
        let complaints = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = (&mut stderr).take(MOST_COMPLAINTS).read_to_end(&mut text);
            let _ = io::copy(&mut stderr, &mut io::sink());
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut left = MOST_OUTPUT;
        let heard = listen(Output {
            stdout: &stdout,
            cancel,
            left: &mut left,
        });
        // If it still runs, this ends it.
        drop(warden.stdin.take());
        drop(stdout);
        let status = warden.wait().attempt("could not wait for a build")?;
        let complaints = complaints.join().unwrap_or_default();
        cancel.check()?;
        let ended = match status.code().map(u8::try_from) {
            _ if left == 0 => Ended::Stopped(Stopped::TooMuchOutput(MOST_OUTPUT)),
            Some(Ok(exit::TOO_LONG)) => Ended::Stopped(Stopped::TooLong(self.time)),
            Some(Ok(exit::TOO_MUCH)) => Ended::Stopped(Stopped::TooMuchMemory(self.memory)),
            Some(Ok(exit::TOO_MANY)) => {
                Ended::Stopped(Stopped::TooManyProcesses(self.jail.limits.processes))
            }
            None | Some(Ok(exit::BROKEN | exit::INTERRUPTED)) => {
                return Err(LabError {
                    detail: Some(complaints.trim().to_owned()).filter(|text| !text.is_empty()),
                    ..LabError::new(format!("could not watch over a build ({status})"))
                }
                .into());
            }
            Some(_) => Ended::ByItself(complaints),
        };
        Ok((heard, ended))
    }

    /// A command in this cell, as the warden reads it.
    fn sentence(&self, command: &Command) -> Result<String, LabError> {
        let text = |text: &OsStr| {
            text.to_str()
                .map(str::to_owned)
                .ok_or_else(|| LabError::new(format!("{} is not UTF-8", text.display())))
        };
        let sentence = Sentence {
            cell: self.clone(),
            program: command.get_program().into(),
            arguments: command.get_args().map(text).collect::<Result<_, _>>()?,
            folder: command.get_current_dir().map(PathBuf::from),
        };
        serde_json::to_string(&sentence)
            .map_err(|error| LabError::new(format!("could not write down a command: {error}")))
    }
}

/// What a command prints. It ends early when the work is cancelled, and when it is too much.
pub struct Output<'a> {
    stdout: &'a ChildStdout,
    cancel: &'a Cancel,
    left: &'a mut u64,
}

impl Read for Output<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let files = [self.stdout.as_fd(), self.cancel.as_fd()];
        let [_, is_cancelled] = wait_for_any(files, None)?;
        if is_cancelled || *self.left == 0 {
            return Ok(0);
        }
        let length = nix::unistd::read(self.stdout, buffer)?;
        *self.left = self.left.saturating_sub(length as u64);
        Ok(length)
    }
}
