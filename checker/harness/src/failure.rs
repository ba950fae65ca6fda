//! The ways in which a test does not pass: the program breaks a promise, the lab breaks, or the machine does not let the
//! lab look.

use std::{fmt, io, process};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::lab::Evidence;

/// What every word of the lab returns.
pub type Checked<T = ()> = Result<T, Stop>;

/// Why a test stopped before its end.
#[derive(Debug)]
pub enum Stop {
    /// The student's program broke a promise. This is a result.
    Failed(Box<Failure>),
    /// The lab could not do its work. This is never the student's fault.
    Broken(LabError),
    /// The test needs a lens which this machine does not allow; this says which. Nothing is known about the program.
    NotChecked(String),
}

/// What went wrong with the program, told apart as finely as the advice differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Diagnosis {
    /// It ended while it was still needed.
    Exited,
    /// It ended by a panic (exit status 101).
    Panicked,
    /// A signal ended it.
    Killed,
    /// It runs, but never said `listening IP:PORT`.
    NeverListened,
    /// Its `listening` line cannot be read.
    BadAnnouncement,
    /// It said one address and listens on another, or on none.
    ListensElsewhere,
    /// A connection was refused.
    Refused,
    /// A byte differs from the promised one.
    WrongBytes,
    /// More bytes came than promised.
    ExtraBytes,
    /// A file lacks bytes that were promised, or is not there at all.
    MissingBytes,
    /// The permissions of a file are other than promised.
    WrongMode,
    /// A file is still there which should have been removed.
    FileLeft,
    /// In the place of a file lies something else: a symbolic link, a directory, a named pipe, a socket, a device.
    NotAFile,
    /// A file is another one than the program's own, or has names of which the test does not know (link(2)).
    LinkedFile,
    /// Something else takes a file's name again and again while the test looks, or the file is kept from being opened.
    FileExchanged,
    /// The end of the stream came before all promised bytes.
    ClosedEarly,
    /// A reset (RST) came where data or the end of the stream was due.
    Reset,
    /// The end of the stream never comes: a process still holds the descriptor.
    LeftOpen,
    /// It sleeps for ever in a call, while the test waits for it.
    Stuck,
    /// It uses the CPU all the time, and makes no progress.
    Busy,
    /// It waits with a time limit of its own: its patience ends where the promise does not.
    TimeLimited,
    /// It neither sleeps for ever nor does what is due within the deadline.
    TimedOut,
    /// A line or byte of its standard output differs from the promised one.
    WrongOutput,
    /// It printed more than promised.
    ExtraOutput,
    /// It prints without end.
    OutputFlood,
    /// It closed its standard output while a line was still due.
    OutputClosed,
    /// It ended with another exit status than promised.
    WrongStatus,
    /// It should have ended, and has not.
    StillRunning,
    /// A child ended and was never waited for.
    ZombieLeft,
    /// A descriptor is still open which should have been closed.
    DescriptorLeaked,
    /// A process is still there which should have ended.
    ProcessLeft,
    /// A process that should be there has not been made.
    ProcessMissing,
    /// A signal has another disposition, or is blocked, against the promise.
    WrongDisposition,
    /// Started again on the same port, it could not listen.
    CannotRestart,
    /// A datagram that was due never came.
    NoAnswer,
    /// A datagram came from another address than the one that was asked.
    WrongSender,
    /// It keeps a pipe locked, so that the lab cannot read it.
    PipeLocked,
    /// It takes more memory than its task can need.
    OutOfMemory,
    /// It writes more to files than its task can need.
    DiskFilled,
    /// It makes a system call which it should not.
    CallForbidden,
}

/// A broken promise: data for a report, nothing about its layout.
///
/// It cannot be made without the evidence of the same moment, and only the lab makes evidence: that is why this room knows
/// that type of a room above it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// What went wrong.
    pub diagnosis: Diagnosis,
    /// The symptom in one line, present tense, addressed to the student.
    pub symptom: String,
    /// The promised bytes against those that came, where bytes are the matter.
    pub comparison: Option<Comparison>,
    /// What was seen when it failed.
    pub evidence: Evidence,
}

/// Expected against got, cut down to the neighbourhood of the first difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// What is compared: `the reply`, `standard output`.
    pub what: String,
    /// How many bytes were promised.
    pub expected_length: usize,
    /// How many bytes came.
    pub got_length: usize,
    /// The offset of the first difference, in bytes.
    pub difference: usize,
    /// The offset of the first byte of both excerpts.
    pub offset: usize,
    /// Promised bytes from `offset` on.
    pub expected: Vec<u8>,
    /// Received bytes from `offset` on.
    pub got: Vec<u8>,
    /// Whether both are meant as text, so that a report may show lines instead of a dump.
    pub text: bool,
}

/// How many bytes of each side a comparison keeps: two rows of a dump before and two behind the difference.
const EXCERPT: usize = 64;
const ROW: usize = 16;

impl Comparison {
    /// Compares two byte strings; `None` if they are the same.
    pub fn of(what: &str, expected: &[u8], got: &[u8]) -> Option<Comparison> {
        if expected == got {
            return None;
        }
        let longest = expected.len().max(got.len());
        let difference = (0..longest).find(|&at| expected.get(at) != got.get(at))?;
        let offset = (difference / ROW * ROW).saturating_sub(ROW);
        let excerpt = |bytes: &[u8]| {
            let end = bytes.len().min(offset + EXCERPT);
            bytes.get(offset..end).unwrap_or_default().to_vec()
        };
        Some(Comparison {
            what: what.to_owned(),
            expected_length: expected.len(),
            got_length: got.len(),
            difference,
            offset,
            expected: excerpt(expected),
            got: excerpt(got),
            text: false,
        })
    }

    /// The same, for what is meant as text.
    pub fn of_text(what: &str, expected: &[u8], got: &[u8]) -> Option<Comparison> {
        Comparison::of(what, expected, got).map(|comparison| Comparison {
            text: true,
            ..comparison
        })
    }
}

impl Failure {
    /// A failure without bytes to compare.
    pub fn new(diagnosis: Diagnosis, symptom: impl Into<String>, evidence: Evidence) -> Failure {
        Failure {
            diagnosis,
            symptom: symptom.into(),
            comparison: None,
            evidence,
        }
    }

    /// Adds what was promised and what came.
    #[must_use]
    pub fn comparing(self, comparison: Option<Comparison>) -> Failure {
        Failure { comparison, ..self }
    }
}

/// Serde's own spelling (`closed-early`), so that all outputs agree on it.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The lab's own trouble: what was attempted, on what, and the kernel's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabError {
    /// `could not make a network namespace`
    pub attempt: String,
    /// The errno, where a system call failed.
    pub errno: Option<i32>,
    /// What else is known: the file, the address, the message of a library.
    pub detail: Option<String>,
}

impl LabError {
    /// Trouble without an errno.
    pub fn new(attempt: impl Into<String>) -> LabError {
        LabError {
            attempt: attempt.into(),
            errno: None,
            detail: None,
        }
    }

    /// Trouble of which more is known than an errno. White space around the detail is left out, and so is an empty one.
    pub fn with_detail(attempt: impl Into<String>, detail: impl AsRef<str>) -> LabError {
        let detail = detail.as_ref().trim();
        LabError {
            detail: (!detail.is_empty()).then(|| detail.to_owned()),
            ..LabError::new(attempt)
        }
    }

    /// Trouble with a system call.
    pub fn call(attempt: impl Into<String>, errno: Errno) -> LabError {
        LabError {
            errno: Some(errno as i32),
            ..LabError::new(attempt)
        }
    }

    /// Trouble which the standard library reports.
    pub fn io(attempt: impl Into<String>, error: &io::Error) -> LabError {
        LabError {
            errno: error.raw_os_error(),
            detail: error.raw_os_error().is_none().then(|| error.to_string()),
            ..LabError::new(attempt)
        }
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempt)?;
        if let Some(errno) = self.errno {
            let errno = Errno::from_raw(errno);
            write!(f, ": {errno:?} ({})", errno.desc())?;
        }
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for LabError {}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(Box::new(failure))
    }
}

impl From<LabError> for Stop {
    fn from(error: LabError) -> Stop {
        Stop::Broken(error)
    }
}

/// Gives the lab's own calls their context: `socket(…).attempt("could not make a socket")?`.
pub trait Attempt<T> {
    /// Turns an errno or an I/O error into the lab's own trouble.
    fn attempt(self, attempt: &str) -> Result<T, LabError>;
}

impl<T> Attempt<T> for nix::Result<T> {
    fn attempt(self, attempt: &str) -> Result<T, LabError> {
        self.map_err(|errno| LabError::call(attempt, errno))
    }
}

/// What a command has printed, if it has succeeded; otherwise its own words are the detail.
impl Attempt<Vec<u8>> for process::Output {
    fn attempt(self, attempt: &str) -> Result<Vec<u8>, LabError> {
        match self.status.success() {
            true => Ok(self.stdout),
            false => Err(LabError::with_detail(
                attempt,
                String::from_utf8_lossy(&self.stderr),
            )),
        }
    }
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, attempt: &str) -> Result<T, LabError> {
        self.map_err(|error| LabError::io(attempt, &error))
    }
}
