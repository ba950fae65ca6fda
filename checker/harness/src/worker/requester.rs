//! The worker's side: who wants its work.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex, PoisonError},
};

use nix::{errno::Errno, unistd::dup2_stdin};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    channel::{Channel, Message, Received},
    wait_for_any,
};
use crate::failure::{Attempt, LabError};

/// The process that has started this one as a worker, and waits for its answer.
#[derive(Debug)]
pub struct Requester {
    pub(super) channel: Channel,
}

impl Requester {
    /// That of this process, which was started with its end of the channel as standard input. From now on that is
    /// /dev/null.
    pub(super) fn of_this_process() -> Result<Requester, LabError> {
        const TAKE: &str = "could not take over the socket of a worker";
        let stdin = io::stdin();
        if !Channel::is_one(stdin.as_fd()) {
            return Err(LabError::call(TAKE, Errno::ENOTSOCK));
        }
        let socket = stdin.as_fd().try_clone_to_owned().attempt(TAKE)?;
        let null = File::open("/dev/null").attempt(TAKE)?;
        dup2_stdin(&null).attempt(TAKE)?;
        Ok(Requester {
            channel: Channel::new(socket),
        })
    }

    /// Waits for the request. `None` if the requester hangs up without one.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn request<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LabError> {
        const READ: &str = "could not read the request";
        loop {
            match self.channel.receive().attempt(READ)? {
                Received::Message(Message::Request(request)) => return Ok(Some(request)),
                Received::Message(_) => return Err(LabError::new(READ)),
                Received::Part => (),
                Received::End => return Ok(None),
            }
        }
    }

    /// Answers.
    ///
    /// # Errors
    ///
    /// When the requester does not exist any more.
    pub fn answer(&self, answer: &impl Serialize) -> Result<(), LabError> {
        let answer = self.channel.send(&Message::Answer(answer));
        answer.attempt("could not send the answer")
    }

    /// A copy of the descriptor that is readable (poll(2)) once the requester has hung up after its request: it has
    /// ended, or does not want the answer any more.
    ///
    /// # Errors
    ///
    /// When this process has too many descriptors.
    pub fn hangup(&self) -> Result<OwnedFd, LabError> {
        let copy = self.channel.as_fd().try_clone_to_owned();
        copy.attempt("could not copy the socket of a worker")
    }

    /// Waits until the requester has hung up after its request.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to wait.
    pub fn wait_until_gone(&self) -> Result<(), LabError> {
        let gone = wait_for_any([self.as_fd()], None);
        gone.map(drop).attempt("could not wait for the requester")
    }

    /// Does work, and sends its error or panic to the requester.
    pub(super) fn serve(
        &mut self,
        work: impl FnOnce(&mut Requester) -> Result<(), LabError>,
    ) -> Result<(), LabError> {
        let panics = Arc::new(Mutex::new(String::new()));
        let said = Arc::clone(&panics);
        panic::set_hook(Box::new(move |info| {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            *said += &format!("{info}\n");
        }));
        let result = panic::catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|_| {
            let said = panics.lock().unwrap_or_else(PoisonError::into_inner);
            Err(LabError::with_detail(
                "a process of the lab panicked",
                said.as_str(),
            ))
        });
        if let Err(error) = &result {
            let _ = self.channel.send(&Message::<()>::Failed(error.clone()));
        }
        result
    }
}

/// Readable (poll(2)) once the requester has hung up after its request.
impl AsFd for Requester {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
