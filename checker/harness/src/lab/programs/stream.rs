//! One of the program's outputs, as the lab reads it.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
};

use nix::fcntl::{FcntlArg, fcntl};

use super::pipe::{bytes_in_pipe, make_nonblocking};
use crate::{
    failure::{Attempt, LabError},
    observe::descriptors::{self, Object},
    sandbox::PIPE_PAGE,
    sys,
};

/// Bytes which the test has not asked for yet: more than this is a program that prints without end.
pub(in crate::lab) const FLOOD: usize = 32 << 20;

/// How much of an output a report keeps.
const HEAD: usize = 2 << 10;
const TAIL: usize = 4 << 10;

/// One of a program's outputs.
#[derive(Debug)]
pub(in crate::lab) struct Stream {
    pub(in crate::lab) file: File,
    is_kept: bool,
    /// False when the last process that could write has closed it.
    pub(in crate::lab) open: Cell<bool>,
    /// How many bytes of the lab's own fill the pipe. The lab does not read from it then.
    pub(in crate::lab) filler: Cell<usize>,
    /// What came, and the test has not asked for yet.
    pub(in crate::lab) unread: RefCell<VecDeque<u8>>,
    /// How many of these bytes were searched for a line end, and have none.
    pub(in crate::lab) searched: Cell<usize>,
    /// The beginning of all that came, for reports: the message of a panic comes before its backtrace.
    pub(in crate::lab) head: RefCell<Vec<u8>>,
    /// The end of all that came, for reports.
    pub(in crate::lab) tail: RefCell<VecDeque<u8>>,
    pub(in crate::lab) total: Cell<usize>,
    /// How many bytes had come when the test asked last.
    pub(in crate::lab) asked: Cell<usize>,
    /// How many bytes the last look has read.
    latest: Cell<usize>,
}

impl Stream {
    pub(in crate::lab) fn fill(&self) -> Result<(), LabError> {
        const FILL: &str = "could not fill a pipe";
        fcntl(self.file.as_fd(), FcntlArg::F_SETPIPE_SZ(PIPE_PAGE as i32)).attempt(FILL)?;
        // Opening the pipe through /proc makes a new open file description. So O_NONBLOCK holds for the lab only, and not
        // for the program.
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let mut end = File::options()
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .attempt(FILL)?;
        loop {
            match end.write(&[0; PIPE_PAGE]) {
                Ok(_) => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(LabError::io(FILL, &error)),
            }
        }
        self.has_been_filled(bytes_in_pipe(self.file.as_fd()));
        Ok(())
    }

    /// The pipe, as /proc shows it for both ends.
    pub(in crate::lab) fn pipe(&self) -> Option<Object> {
        descriptors::object(std::process::id() as i32, self.file.as_raw_fd())
    }

    /// Says that the first bytes in the pipe are the lab's own, so many of them.
    pub(in crate::lab) fn has_been_filled(&self, filler: usize) {
        self.filler.set(filler);
    }

    pub(in crate::lab) fn is_full(&self) -> bool {
        self.filler.get() > 0
    }

    pub(in crate::lab) fn drain(&self) -> Result<(), LabError> {
        (&self.file)
            .read_exact(&mut vec![0; self.filler.take()])
            .attempt("could not empty a pipe")?;
        Ok(())
    }

    /// Closes the reading end: a write of the program fails with EPIPE from now on, also one that sleeps.
    pub(in crate::lab) fn close(&self) -> Result<(), LabError> {
        const CLOSE: &str = "could not close a pipe";
        let nothing = File::open("/dev/null").attempt(CLOSE)?;
        sys::replace(&self.file, &nothing).attempt(CLOSE)?;
        self.filler.set(0);
        self.open.set(false);
        Ok(())
    }

    /// `is_kept` says whether the test will ask for what comes, or only its end is of interest.
    pub(in crate::lab) fn new(pipe: Option<OwnedFd>, is_kept: bool) -> Result<Stream, LabError> {
        let pipe = pipe.ok_or_else(|| LabError::new("a program was started without its pipes"))?;
        make_nonblocking(&pipe)?;
        Ok(Stream {
            file: File::from(pipe),
            is_kept,
            open: Cell::new(true),
            filler: Cell::new(0),
            unread: RefCell::default(),
            searched: Cell::new(0),
            head: RefCell::default(),
            tail: RefCell::default(),
            total: Cell::new(0),
            asked: Cell::new(0),
            latest: Cell::new(0),
        })
    }

    /// Takes what is there.
    pub(in crate::lab) fn pump(&self) {
        let before = self.total.get();
        self.read();
        self.latest.set(self.total.get() - before);
    }

    fn read(&self) {
        let mut buffer = [0; 16 * 1024];
        // Bounded, so that the lab gets out of here even if the program prints without end.
        for _ in 0..64 {
            if !self.open.get() || self.is_full() || self.surplus() > FLOOD {
                return;
            }
            match (&self.file).read(&mut buffer) {
                Ok(0) => self.open.set(false),
                Ok(n) => self.take(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.open.set(false),
            }
        }
    }

    fn take(&self, bytes: &[u8]) {
        self.total.set(self.total.get() + bytes.len());
        let mut head = self.head.borrow_mut();
        let room = HEAD - head.len().min(HEAD);
        head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let mut tail = self.tail.borrow_mut();
        tail.extend(bytes);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
        if self.is_kept {
            self.unread.borrow_mut().extend(bytes);
        }
    }

    /// Whether it brings much, in small pieces: to wake up for each of them would take as much CPU time as the program.
    pub(in crate::lab) fn dribbles(&self) -> bool {
        const MUCH: usize = 1 << 18;
        const LITTLE: usize = 1 << 12;
        self.total.get() > MUCH && (1..LITTLE).contains(&self.latest.get())
    }

    /// How many bytes have come which the test has not asked for.
    pub(in crate::lab) fn surplus(&self) -> usize {
        match self.is_kept {
            true => self.unread.borrow().len(),
            false => self.total.get(),
        }
    }

    pub(in crate::lab) fn unread(&self) -> Vec<u8> {
        self.unread.borrow().iter().copied().collect()
    }

    /// A whole line without its `\n`; `Some(None)` when the stream has ended without one.
    #[allow(
        clippy::option_option,
        reason = "not yet, never, and a line are three things"
    )]
    pub(in crate::lab) fn take_line(&self) -> Option<Option<Vec<u8>>> {
        let mut unread = self.unread.borrow_mut();
        // Only what is new is searched: a program may print megabytes without a line end.
        let known = self.searched.get().min(unread.len());
        let end = unread.range(known..).position(|&byte| byte == b'\n');
        self.searched.set(unread.len());
        match end {
            Some(end) => {
                let mut line: Vec<u8> = unread.drain(..=known + end).collect();
                line.pop();
                self.searched.set(0);
                Some(Some(line))
            }
            None if !self.open.get() => Some(None),
            None => None,
        }
    }

    /// What came, or its beginning and its end if it was much.
    pub(in crate::lab) fn excerpt(&self) -> String {
        let tail: Vec<u8> = self.tail.borrow().iter().copied().collect();
        let tail = String::from_utf8_lossy(&tail);
        if self.total.get() <= TAIL {
            return tail.into_owned();
        }
        format!(
            "{}\n…\n{tail}",
            String::from_utf8_lossy(&self.head.borrow())
        )
    }
}
