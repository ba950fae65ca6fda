//! A command in a jail, and what comes of it: a build of untrusted code.
//!
//! The command runs below a process of its own, the [supervisor](super::supervisor), which ends all of it: at its
//! deadline, when all its processes together take too much, or when the checker is gone.

use std::{
    ffi::OsStr,
    fmt,
    io::{self, PipeReader, Read},
    os::fd::AsFd,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    Isolation, Jail,
    supervisor::{self, CommandEnd, CommandRequest},
};
use crate::{
    failure::{Attempt, LabError},
    worker::{Cancel, RunError, Worker, wait_for_any},
};

/// How much a command may print, and how much of its complaints is kept, in bytes.
const MOST_OUTPUT: u64 = 16 << 20;
const MOST_COMPLAINTS: usize = 64 << 10;

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
    /// By itself, with the beginning of what it complained about.
    ByItself(String),
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
        listen: impl FnOnce(&mut Output<'_>) -> T,
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
        let mut output = Output {
            deadline: Some(Instant::now() + self.time + supervisor::JOB.deadline),
            left: MOST_OUTPUT,
            ..Output::new(stdout, stderr, cancel)
        };
        let heard = listen(&mut output);
        // If the command still runs, this ends it.
        supervisor.hang_up();
        let outcome = supervisor.reply(cancel);
        supervisor.end()?;
        let ended = match outcome?.into_answer()? {
            _ if output.left == 0 => Ended::Stopped(Stopped::TooMuchOutput(MOST_OUTPUT)),
            CommandEnd::Ended => Ended::ByItself(output.complaints()),
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

/// What a command prints, read together with what it complains about. It ends early at its deadline, when the work is
/// cancelled, and when it is too much.
#[derive(Debug)]
pub struct Output<'a> {
    stdout: PipeReader,
    /// `None` once that has ended.
    stderr: Option<PipeReader>,
    complaints: Vec<u8>,
    cancel: &'a Cancel,
    deadline: Option<Instant>,
    left: u64,
}

impl Output<'_> {
    /// What comes through these pipes, without a deadline and a limit.
    pub fn new(stdout: PipeReader, stderr: PipeReader, cancel: &Cancel) -> Output<'_> {
        Output {
            stdout,
            stderr: Some(stderr),
            complaints: Vec::new(),
            cancel,
            deadline: None,
            left: u64::MAX,
        }
    }

    /// The beginning of what it complains about, which is read to its end.
    pub fn complaints(mut self) -> String {
        while let Some(stderr) = &self.stderr {
            let files = [stderr.as_fd(), self.cancel.as_fd()];
            match wait_for_any(files, self.deadline) {
                Ok([true, false]) => self.take_complaint(),
                _ => break,
            }
        }
        String::from_utf8_lossy(&self.complaints).into_owned()
    }

    /// Reads a part of what it complains about, which is there.
    fn take_complaint(&mut self) {
        let mut part = [0; 4096];
        match self.stderr.as_mut().map(|stderr| stderr.read(&mut part)) {
            Some(Ok(length @ 1..)) => {
                let room = MOST_COMPLAINTS.saturating_sub(self.complaints.len());
                self.complaints.extend(&part[..length.min(room)]);
            }
            _ => self.stderr = None,
        }
    }
}

impl Read for Output<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let stdout = self.stdout.as_fd();
            let stderr = self.stderr.as_ref().map_or(stdout, AsFd::as_fd);
            let files = [stdout, stderr, self.cancel.as_fd()];
            let [prints, complains, is_cancelled] = wait_for_any(files, self.deadline)?;
            if is_cancelled || self.left == 0 || !(prints || complains) {
                return Ok(0);
            }
            if complains {
                self.take_complaint();
            }
            if prints {
                let length = self.stdout.read(buffer)?;
                self.left = self.left.saturating_sub(length as u64);
                return Ok(length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn an_output_ends_at_its_deadline_and_complaints_are_read_meanwhile() {
        let cancel = Cancel::new().unwrap();
        let (stdout, mut prints) = io::pipe().unwrap();
        let (stderr, mut complains) = io::pipe().unwrap();
        let mut output = Output::new(stdout, stderr, &cancel);
        complains.write_all(b"not that").unwrap();
        prints.write_all(b"this").unwrap();
        output.deadline = Some(Instant::now());
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        assert_eq!(
            (said, output.complaints()),
            ("this".into(), "not that".into())
        );
    }

    #[test]
    fn an_output_ends_when_the_work_is_cancelled() {
        let cancel = Cancel::new().unwrap();
        let (stdout, _prints) = io::pipe().unwrap();
        let (stderr, _complains) = io::pipe().unwrap();
        let mut output = Output::new(stdout, stderr, &cancel);
        cancel.cancel();
        assert_eq!(output.read(&mut [0]).unwrap(), 0);
        assert_eq!(output.complaints(), "");
    }
}
