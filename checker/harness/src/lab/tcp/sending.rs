//! What the test's end of a connection sends.

use std::{
    io::{self, Write},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::poll::PollFlags;

use super::{Connection, End};
use crate::{
    failure::{Checked, Diagnosis, LabError},
    lab::{
        quiescence::{Activity, Watch},
        quote::brief,
        verdict::WaitError,
    },
    observe::sockets,
};

impl Connection {
    /// Sends all of these bytes, reading meanwhile what comes back.
    ///
    /// # Errors
    ///
    /// When the program closes or resets the connection, or never reads them.
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Checked {
        let bytes = bytes.as_ref();
        self.note(format_args!("send {}", brief(bytes)));
        match self.transmit(bytes, true)? {
            Sent::All => Ok(()),
            Sent::Broken => {
                let diagnosis = match self.end.get() {
                    Some(End::Reset) | None => Diagnosis::Reset,
                    Some(End::Finished) => Diagnosis::ClosedEarly,
                };
                self.fail_because_it_broke(diagnosis)
            }
            Sent::Part(_, error) => {
                let goal = format!("it to read what {} sends", self.name);
                let diagnosis = Diagnosis::Stuck;
                Err(self.context.to_failure(error, &goal, diagnosis).into())
            }
        }
    }

    /// The failure of a program which did not wait for all that was to be sent.
    fn fail_because_it_broke<T>(&self, diagnosis: Diagnosis) -> Checked<T> {
        let goal = format!("it to read what {} sends", self.name);
        let symptom = format!(
            "your program closed the connection with {}, which still had bytes to send",
            self.name
        );
        self.context.fail_or_exit(&goal, diagnosis, symptom)
    }

    /// Sends these bytes in pieces of `size`, and waits after each until the program has read it, so that each is a
    /// read of its own.
    ///
    /// # Errors
    ///
    /// As [`Connection::send`], and when the program does not read a piece.
    pub fn send_in_pieces(&self, bytes: impl AsRef<[u8]>, size: usize) -> Checked {
        let bytes = bytes.as_ref();
        let of = match size {
            1 => "one byte".to_owned(),
            size => format!("{size} bytes"),
        };
        self.note(format_args!("send {} in pieces of {of}", brief(bytes)));
        self.context.transcript.quietly(|| {
            for piece in bytes.chunks(size) {
                self.send(piece)?;
                self.wait_until_read()?;
            }
            Ok(())
        })
    }

    /// Sends these bytes in pieces of `size`, each when the program has read the one before, as long as it reads them.
    /// Returns how many it has read: fewer than all if it has closed or reset the connection.
    ///
    /// # Errors
    ///
    /// When the program neither reads a piece nor closes the connection.
    pub fn send_while_read(&self, bytes: impl AsRef<[u8]>, size: usize) -> Checked<usize> {
        let bytes = bytes.as_ref();
        self.note(format_args!(
            "send up to {} in pieces of {size}, as long as they are read",
            brief(bytes)
        ));
        self.context.transcript.quietly(|| {
            let mut read = 0;
            for piece in bytes.chunks(size) {
                if !self.is_piece_read(piece)? {
                    break;
                }
                read += piece.len();
            }
            Ok(read)
        })
    }

    /// Sends a piece, and waits until the program has read it (true), or the connection is over (false).
    fn is_piece_read(&self, piece: &[u8]) -> Checked<bool> {
        match self.transmit(piece, true)? {
            Sent::All => (),
            Sent::Broken => return Ok(false),
            Sent::Part(_, error) => {
                let (goal, diagnosis) = (self.goal_of_reading(), Diagnosis::Stuck);
                return Err(self.context.to_failure(error, &goal, diagnosis).into());
            }
        }
        let look = || {
            self.read_available();
            // A reset, which answers what comes after the program's close, ends the test's own socket.
            if sockets::between(self.local, self.peer)?.is_none() {
                return Ok(Some(false));
            }
            Ok((self.unread()? == Unread::Nothing).then_some(true))
        };
        self.context.try_until(look)?.map_err(|error| {
            let (goal, diagnosis) = (self.goal_of_reading(), Diagnosis::Stuck);
            self.context.to_failure(error, &goal, diagnosis).into()
        })
    }

    /// Sends as much as the kernel takes without reading anything, until all is sent or everything stands still.
    /// Returns how many bytes were sent.
    ///
    /// # Errors
    ///
    /// When the program closes or resets the connection.
    pub fn send_without_reading(&self, bytes: impl AsRef<[u8]>) -> Checked<usize> {
        let bytes = bytes.as_ref();
        self.note(format_args!("send {} without reading", brief(bytes)));
        match self.transmit(bytes, false)? {
            Sent::All => Ok(bytes.len()),
            Sent::Part(count, _) => Ok(count),
            Sent::Broken => self.fail_because_it_broke(Diagnosis::ClosedEarly),
        }
    }

    fn transmit(&self, bytes: &[u8], read: bool) -> Checked<Sent> {
        let stream = self.stream.borrow();
        let Some(stream) = stream.as_deref() else {
            return Err(LabError::new("the test has closed this connection already").into());
        };
        let mut rest = bytes;
        let mut broken = false;
        let look = || {
            if read {
                self.read_from(stream);
            }
            loop {
                if rest.is_empty() {
                    return Ok(Some(()));
                }
                match (&mut &*stream).write(rest) {
                    Ok(n) => {
                        rest = &rest[n..];
                        self.sent.set(self.sent.get() + n as u64);
                        self.context.has_moved(n);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                    Err(_) => {
                        broken = true;
                        return Ok(Some(()));
                    }
                }
            }
        };
        let events = match read {
            true => PollFlags::POLLOUT | PollFlags::POLLIN,
            false => PollFlags::POLLOUT,
        };
        let waited = self
            .context
            .try_until_on(&[(stream.as_fd(), events)], look)?;
        let count = bytes.len() - rest.len();
        self.unechoed
            .borrow_mut()
            .extend_from_slice(&bytes[..count]);
        Ok(match waited {
            Ok(()) if broken => Sent::Broken,
            Ok(()) => Sent::All,
            Err(error) => Sent::Part(count, error),
        })
    }

    /// Sends random pieces of 16 KiB without reading anything, until the program leaves one unread and sleeps:
    /// the test does not take what it writes, and it waits for room. A program which never waits gets `most` bytes.
    ///
    /// # Errors
    ///
    /// When the program closes or resets the connection, or runs without end.
    pub fn send_until_unread(&self, most: usize) -> Checked {
        self.note("send and send without reading, until the program stops reading, too");
        self.context.transcript.quietly(|| {
            let mut sent = 0;
            let mut is_read = true;
            while is_read && sent < most {
                let piece = self.context.chance.bytes(16 * 1024);
                sent += self.send_without_reading(&piece)?;
                is_read = self.is_read_in_the_end()?;
            }
            Ok(())
        })
    }

    /// Waits until the program has read all that was sent (true), or sleeps and has not (false).
    ///
    /// The kernel may hold back the rest as well: while the test reads nothing, it has no room for what the program
    /// sends, and drops the acknowledgements with it. Then nothing moves until the test reads, either.
    fn is_read_in_the_end(&self) -> Checked<bool> {
        const HELD_BACK: Duration = Duration::from_secs(1);
        let mut watch = Watch::for_the_next_step();
        let mut queued = Instant::now();
        let look = || {
            match self.unread()? {
                Unread::Nothing => return Ok(Some(true)),
                Unread::Queued => queued = Instant::now(),
                Unread::UnderWay if queued.elapsed() > HELD_BACK => return Ok(Some(false)),
                Unread::UnderWay => (),
            }
            match watch.sample(&self.context)? {
                Activity::Active => Ok(None),
                Activity::TimedWait | Activity::Deadlocked => Ok(Some(false)),
            }
        };
        match self.context.try_until(look)? {
            Ok(is_read) => Ok(is_read),
            Err(WaitError::Deadlocked) => Ok(false),
            Err(error) => {
                let (goal, diagnosis) = (self.goal_of_reading(), Diagnosis::Stuck);
                Err(self.context.to_failure(error, &goal, diagnosis).into())
            }
        }
    }

    fn goal_of_reading(&self) -> String {
        format!("it to read what {} has sent", self.name)
    }

    /// Where the rest is of what was sent. What the program has read since the last look has moved: a program that reads
    /// byte by byte gets on, however long it takes.
    fn unread(&self) -> Checked<Unread> {
        let own = sockets::between(self.local, self.peer)?;
        let program = sockets::between(self.peer, self.local)?;
        if let Some(one) = &program
            && let Some(received) = one.received
        {
            let taken = received.saturating_sub(one.receive_queue.into());
            let more = taken.saturating_sub(self.taken.replace(taken));
            self.context.has_moved(more as usize);
        }
        if program.as_ref().is_some_and(|one| one.receive_queue > 0) {
            return Ok(Unread::Queued);
        }
        // All may have come and be read before that is acknowledged.
        let is_here = program.is_some_and(|one| one.received == Some(self.sent.get()));
        match own {
            Some(own) if own.send_queue > 0 && !is_here => Ok(Unread::UnderWay),
            _ => Ok(Unread::Nothing),
        }
    }

    /// Waits until the program has read all that was sent: nothing is on the way, and its receive queue is empty.
    pub fn wait_until_read(&self) -> Checked {
        self.note("wait until all of it has been read");
        let look = || {
            self.read_available();
            // A program which has ended its sending side still reads.
            let is_reset = self.end.get() == Some(End::Reset);
            Ok((is_reset || self.unread()? == Unread::Nothing).then_some(()))
        };
        self.until(&self.goal_of_reading(), Diagnosis::Stuck, look)
    }
}

/// What the program has not read of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    Nothing,
    /// Some waits in its receive queue.
    Queued,
    /// Some has not come to it yet.
    UnderWay,
}

enum Sent {
    All,
    Part(usize, WaitError),
    Broken,
}
