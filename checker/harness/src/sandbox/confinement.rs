//! A command in a jail, and what comes of it: a build of untrusted code.
//!
//! The command runs below a process of its own, the [supervisor](super::supervisor), which ends all of it: at its
//! deadline, when all its processes together take too much, or when the checker is gone.

use std::{
    ffi::OsStr,
    fmt,
    io::{self, PipeReader, Read},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Command, ExitStatus},
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    Isolation, Jail,
    supervisor::{self, CommandEnd, CommandRequest},
};
use crate::{
    failure::{Attempt, LabError},
    worker::{Cancel, CancellableReader, RunError, Worker},
};

/// How much a command may print, and how much of its complaints is kept, in bytes.
const MOST_OUTPUT: u64 = 16 << 20;
const MOST_COMPLAINTS: u64 = 64 << 10;

/// A jail, and what all processes in it may use together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Confinement {
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
    /// A file that is locked (flock(2), shared) until nothing is at work any more. If another process holds it, nothing
    /// begins.
    pub lock: Option<PathBuf>,
}

/// How a command ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself.
    ByItself {
        /// Its exit status.
        status: ExitStatus,
        /// The beginning of what it complained about.
        complaints: String,
    },
    /// It was ended.
    Stopped(Stopped),
}

/// The limit that a command has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl Confinement {
    /// Runs a command in this confinement: of its settings, only arguments and folder count. `listen` reads what it
    /// prints, and when that returns, the command is ended.
    ///
    /// # Errors
    ///
    /// When it cannot be started, when the supervisor fails, and when the work is cancelled.
    pub fn run<T>(
        &self,
        command: &Command,
        cancel: &Cancel,
        listen: impl FnOnce(Output<'_>) -> T,
    ) -> Result<(T, Ended), RunError> {
        const READ: &str = "could not read what a build says";
        let request = self.request(command)?;
        let (stdout, their_stdout) = io::pipe().attempt(READ)?;
        let (stderr, their_stderr) = io::pipe().attempt(READ)?;
        let mut supervisor = Worker::start(&supervisor::JOB, |process| {
            process
                // No build may read the environment of the checker, which can hold secrets.
                .env_clear()
                .stdout(their_stdout)
                .stderr(their_stderr);
        })?;
        supervisor.request(&request)?;
        let complaints = thread::spawn(|| beginning_of(stderr));
        let mut left = MOST_OUTPUT;
        let heard = listen(Output {
            stdout: CancellableReader::new(&stdout, cancel),
            left: &mut left,
        });
        // If the command still runs, this ends it.
        supervisor.hang_up();
        drop(stdout);
        let outcome = supervisor.reply(cancel);
        supervisor.end()?;
        let complaints = complaints.join().unwrap_or_default();
        let ended = match outcome?.into_answer()? {
            _ if left == 0 => Ended::Stopped(Stopped::TooMuchOutput(MOST_OUTPUT)),
            CommandEnd::Ended(status) => Ended::ByItself {
                status: ExitStatus::from_raw(status),
                complaints,
            },
            CommandEnd::Stopped(stopped) => Ended::Stopped(stopped),
            CommandEnd::Interrupted => {
                return Err(LabError::new("a build was ended from outside").into());
            }
        };
        Ok((heard, ended))
    }

    /// The request to the supervisor.
    fn request(&self, command: &Command) -> Result<CommandRequest, LabError> {
        let text = |text: &OsStr| {
            text.to_str()
                .map(str::to_owned)
                .ok_or_else(|| LabError::new(format!("{} is not UTF-8", text.display())))
        };
        Ok(CommandRequest {
            confinement: self.clone(),
            program: command.get_program().into(),
            arguments: command.get_args().map(text).collect::<Result<_, _>>()?,
            folder: command.get_current_dir().map(PathBuf::from),
        })
    }
}

/// The beginning of a text, which is read to its end.
fn beginning_of(mut text: PipeReader) -> String {
    let mut beginning = Vec::new();
    let _ = (&mut text)
        .take(MOST_COMPLAINTS)
        .read_to_end(&mut beginning);
    let _ = io::copy(&mut text, &mut io::sink());
    String::from_utf8_lossy(&beginning).into_owned()
}

/// What a command prints. It ends early when the work is cancelled, and when it is too much.
pub struct Output<'a> {
    stdout: CancellableReader<'a, &'a PipeReader>,
    left: &'a mut u64,
}

impl Read for Output<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if *self.left == 0 {
            return Ok(0);
        }
        let length = self.stdout.read(buffer)?;
        *self.left = self.left.saturating_sub(length as u64);
        Ok(length)
    }
}
