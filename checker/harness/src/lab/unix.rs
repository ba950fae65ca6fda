//! UNIX sockets: a path in the test's folder on which a program listens, and its clients.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read, Write},
    net::Shutdown,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    rc::Rc,
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket},
};

use super::{
    context::TestContext,
    obstacle::{refused, shown},
    quote::brief,
};
use crate::{
    beneath::{AccessError, FileKind},
    failure::{Attempt, Checked, Comparison, Diagnosis, LabError, Stop},
};

/// A path in the test's folder for a UNIX socket of the program (unix(7)).
#[derive(Debug)]
pub struct UnixPath {
    context: Rc<TestContext>,
    name: OsString,
}

impl UnixPath {
    /// # Errors
    ///
    /// [`Stop::NotChecked`] in a jail without a root directory of its own: a path may lead to any server of the machine.
    pub(super) fn new(context: &Rc<TestContext>, name: &OsStr) -> Checked<UnixPath> {
        if !context.sandbox.allows_unix_sockets() {
            let why =
                "the test needs UNIX sockets, which programs in a jail get in namespaces only";
            return Err(Stop::NotChecked(why.to_owned()));
        }
        Ok(UnixPath {
            context: context.clone(),
            name: name.to_owned(),
        })
    }

    /// Its name, which is its path for a program that starts in the test's folder.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Connects a client to the socket there.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::Refused`] when nobody listens there, or no socket has this path.
    pub fn connect(&self) -> Checked<UnixClient> {
        const CONNECT: &str = "could not connect to a UNIX socket";
        let name = format!("the client of {}", self.shown());
        self.context.note(format!("{name}: connect"));
        let found = match self.context.directory().handle(&self.name) {
            Err(AccessError::Missing) => return self.refuse("there is no such path"),
            found => found.map_err(|error| refused(&self.context, &self.name, CONNECT, error))?,
        };
        if found.found().kind != FileKind::Socket {
            return self.refuse("it is no socket");
        }
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let own = socket(AddressFamily::Unix, SockType::Stream, flags, None).attempt(CONNECT)?;
        // Through the descriptor, so that it is this socket, whatever has its name by now.
        let path = format!("/proc/self/fd/{}", found.as_fd().as_raw_fd());
        let address = UnixAddr::new(path.as_str()).attempt(CONNECT)?;
        match connect(own.as_raw_fd(), &address) {
            Ok(()) => Ok(UnixClient::over(&self.context, name, own)),
            Err(Errno::ECONNREFUSED) => self.refuse("nobody listens there"),
            Err(errno) => Err(LabError::call(CONNECT, errno).into()),
        }
    }

    fn refuse<T>(&self, why: &str) -> Checked<T> {
        let symptom = format!("no client can connect to {}: {why}", self.shown());
        self.context.fail(Diagnosis::Refused, symptom)
    }

    fn shown(&self) -> String {
        shown(&self.name)
    }
}

/// A client of a UNIX socket. It lasts until the test ends, not until its variable goes out of scope.
#[derive(Debug)]
pub struct UnixClient {
    context: Rc<TestContext>,
    name: String,
    stream: UnixStream,
}

/// What has come so far.
struct Inbox {
    bytes: Vec<u8>,
    has_ended: bool,
}

impl UnixClient {
    fn over(context: &Rc<TestContext>, name: String, socket: OwnedFd) -> UnixClient {
        UnixClient {
            context: context.clone(),
            name,
            stream: UnixStream::from(socket),
        }
    }

    /// Sends these bytes, few enough for the buffer of the socket, and waits until they come back.
    ///
    /// # Errors
    ///
    /// When others come, or not all of them.
    pub fn expect_echo_of(&self, bytes: impl AsRef<[u8]>) -> Checked {
        let bytes = bytes.as_ref();
        let what = brief(bytes);
        self.note(format_args!("send {what} and expect it back"));
        // If the program has closed the connection, the wait below sees it.
        let sent = (&self.stream).write(bytes).unwrap_or(bytes.len());
        if sent < bytes.len() {
            return Err(LabError::new("a UNIX socket has no room for a short message").into());
        }
        let inbox = self.receive(bytes.len(), "the echo", Diagnosis::Stuck)?;
        let comparison = Comparison::of("the reply", bytes, &inbox.bytes);
        let (diagnosis, symptom) = match comparison {
            None => return Ok(()),
            Some(_) if bytes.starts_with(&inbox.bytes) => (
                Diagnosis::ClosedEarly,
                format!("your program closed the connection with {}", self.name),
            ),
            Some(_) => (
                Diagnosis::WrongBytes,
                format!("{} gets other bytes than it has sent", self.name),
            ),
        };
        let goal = format!("the echo on the connection with {}", self.name);
        let failure = self.context.attribute_to_exit(&goal, diagnosis, symptom)?;
        Err(failure.comparing(comparison).into())
    }

    /// Half-closes, and waits for the end of the stream.
    ///
    /// # Errors
    ///
    /// When something else comes, or nothing.
    pub fn expect_end_after_half_close(&self) -> Checked {
        self.note(format_args!("half-close and expect the end of the stream"));
        // It fails only if the program has closed the connection, which is what comes next.
        let _ = self.stream.shutdown(Shutdown::Write);
        let inbox = self.receive(1, "the end of the stream", Diagnosis::LeftOpen)?;
        if inbox.has_ended && inbox.bytes.is_empty() {
            return Ok(());
        }
        let symptom = format!("{} gets bytes that it has not sent", self.name);
        self.context.fail(Diagnosis::ExtraBytes, symptom)
    }

    /// Waits for so many bytes, or for the end of the stream.
    fn receive(&self, count: usize, goal: &str, diagnosis: Diagnosis) -> Checked<Inbox> {
        let mut inbox = Inbox {
            bytes: Vec::new(),
            has_ended: false,
        };
        let look = || {
            self.read_into(&mut inbox, count)?;
            let is_there = inbox.has_ended || inbox.bytes.len() == count;
            Ok(is_there.then_some(()))
        };
        let files = [(self.stream.as_fd(), PollFlags::POLLIN)];
        let goal = format!("{goal} on the connection with {}", self.name);
        self.context.until_on(&files, &goal, diagnosis, look)?;
        Ok(inbox)
    }

    fn read_into(&self, inbox: &mut Inbox, count: usize) -> Checked {
        let mut buffer = [0; 4096];
        while !inbox.has_ended && inbox.bytes.len() < count {
            let room = buffer.len().min(count - inbox.bytes.len());
            match (&self.stream).read(&mut buffer[..room]) {
                Ok(0) => inbox.has_ended = true,
                Ok(n) => {
                    inbox.bytes.extend_from_slice(&buffer[..n]);
                    self.context.has_moved(n);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(()),
                    io::ErrorKind::Interrupted => (),
                    // The program has closed it with unread bytes in it (unix(7)).
                    _ => inbox.has_ended = true,
                },
            }
        }
        Ok(())
    }

    fn note(&self, step: std::fmt::Arguments<'_>) {
        self.context.note(format!("{}: {step}", self.name));
    }
}

/// The program must not see an end of the stream which the story did not ask for.
impl Drop for UnixClient {
    fn drop(&mut self) {
        if let Ok(copy) = self.stream.try_clone() {
            self.context.keep(copy.into());
        }
    }
}
