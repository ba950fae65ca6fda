//! What a demo is written with: it says what is done now, what the textbook says about it, what this kernel did.
//!
//! A demo makes its calls itself, with nix or libc, because their results are its point. What a demo waits for, it waits
//! for here, around one function ([`DemoContext::wait_for`]), and each wait has a limit: a kernel that does something else than
//! the textbook says shows that, and holds nothing up.

mod describe;
mod handler;
mod network;
mod packet;
mod process;
mod raw;
mod socket;
mod wire;

use std::{
    net::{Ipv4Addr, SocketAddr},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
};
use serde::{Deserialize, Serialize};

pub use describe::{Describe, Hex, Received};
pub use handler::{AfterHandler, HandlerBell, handler_runs, ring, ring_at};
pub use network::Route;
pub use process::{DemoProcess, ProcessEnd, Stdio, sleep_for_ever};
pub use raw::{
    accept_raw, accept_without_length, bind_raw, connect_raw, peer_name_raw, sockaddr_in,
    sockaddr_in6,
};
pub use socket::{
    Ends, Link, ListeningSocket, accept_at_once, bind, connect, connect_at_once, fill, listen,
    name, peer_name, pending_error, readable, receive_at_once, receive_with, send, set_linger,
    shutdown,
};
pub use wire::{Flags, Segment, Wire};

use harness::{
    failure::LabError,
    observe::sockets::{self, State},
    sandbox::Isolation,
};

/// What every function of a demo returns. What the kernel does is never an error here, also if it is not what the textbook
/// says; an error is the lab's own trouble.
pub type DemoResult<T = ()> = Result<T, LabError>;

/// How long a demo waits for what the textbook says will happen.
const PATIENCE: Duration = Duration::from_secs(4);
/// Between two looks for an event of which no descriptor tells: short at first, and twice as long each time.
const FIRST_LOOK: Duration = Duration::from_micros(250);
const LONGEST_LOOK: Duration = Duration::from_millis(8);

/// One step of a demo, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Step {
    /// This is done now.
    Does {
        /// `listen(1); ten clients connect, and nobody accepts`
        text: String,
    },
    /// This is what can be seen, without a verdict.
    Shows {
        /// Lines of at most 72 columns.
        text: String,
    },
    /// The textbook says so; did the kernel do it?
    Finding(Finding),
    /// This machine does not allow to show it.
    NotShown {
        /// What is left out, and why.
        text: String,
    },
}

/// What the textbook says, and what the kernel did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The statement: `backlog + 1 clients get in`.
    pub claim: String,
    /// Its value according to the textbook.
    pub expected: String,
    /// The value that was seen.
    pub seen: String,
    /// Whether the two are the same.
    pub agrees: bool,
}

/// Where a demo runs, and what it has shown so far.
#[derive(Debug)]
pub struct DemoContext {
    isolation: Isolation,
    address: Ipv4Addr,
    /// Hangs up when the demo's result is not wanted any more.
    lifeline: Option<OwnedFd>,
    steps: Vec<Step>,
}

impl DemoContext {
    /// The context of a demo on this loopback address. [`Isolation::Namespaces`] promises a network namespace that belongs to the demo
    /// alone, and capabilities in it. With a lifeline (see [`harness::worker::Requester::hangup`]), every wait
    /// ends with an error as soon as that is readable.
    pub fn new(isolation: Isolation, address: Ipv4Addr, lifeline: Option<OwnedFd>) -> DemoContext {
        DemoContext {
            isolation,
            address,
            lifeline,
            steps: Vec::new(),
        }
    }

    /// What was shown, in order.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    /// The IPv4 address that belongs to this demo alone.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// That address, with a port which the kernel chooses.
    pub fn any_port(&self) -> SocketAddr {
        SocketAddr::new(self.address.into(), 0)
    }

    // Showing

    /// Says what is done now.
    pub fn does(&mut self, text: impl Into<String>) {
        self.steps.push(Step::Does { text: text.into() });
    }

    /// Shows lines as they are: a table, bytes, what a tool would print. They have 72 columns at most.
    pub fn shows(&mut self, text: impl Into<String>) {
        self.steps.push(Step::Shows { text: text.into() });
    }

    /// Compares what the textbook says with what was seen. `claim` is the textbook's statement.
    pub fn expect<T: Describe>(&mut self, claim: impl Into<String>, expected: T, seen: T) {
        self.finding(
            claim.into(),
            expected.describe(),
            seen.describe(),
            expected == seen,
        );
    }

    /// The same where the textbook names bounds, and no single value.
    pub fn expect_within<T: Describe + PartialOrd>(
        &mut self,
        claim: impl Into<String>,
        lowest: T,
        highest: T,
        seen: T,
    ) {
        let bounds = format!("{} to {}", lowest.describe(), highest.describe());
        let expected = lowest..=highest;
        self.finding(
            claim.into(),
            bounds,
            seen.describe(),
            expected.contains(&seen),
        );
    }

    fn finding(&mut self, claim: String, expected: String, seen: String, agrees: bool) {
        self.steps.push(Step::Finding(Finding {
            claim,
            expected,
            seen,
            agrees,
        }));
    }

    /// Says that a part is not shown on this machine, and why.
    pub fn cannot(&mut self, text: impl Into<String>) {
        self.steps.push(Step::NotShown { text: text.into() });
    }

    // Waiting

    /// Waits until `look` finds something; `None` when it has not for some seconds. It looks again as soon as one of
    /// `files` can be read.
    ///
    /// # Errors
    ///
    /// Those of `look`; when the checker has gone.
    pub fn wait_for<T>(
        &self,
        files: &[BorrowedFd<'_>],
        mut look: impl FnMut() -> DemoResult<Option<T>>,
    ) -> DemoResult<Option<T>> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = FIRST_LOOK;
        loop {
            if let Some(found) = look()? {
                return Ok(Some(found));
            }
            if Instant::now() > deadline {
                return Ok(None);
            }
            self.poll(files, PollFlags::POLLIN, pause)?;
            pause = LONGEST_LOOK.min(2 * pause);
        }
    }

    /// Waits until a call on `file` would not block; whether that came within some seconds.
    ///
    /// # Errors
    ///
    /// When the checker has gone.
    pub fn wait_until_ready(&self, file: BorrowedFd<'_>, events: PollFlags) -> DemoResult<bool> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.poll(&[file], events, left)? {
                return Ok(true);
            }
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// Compares a TCP state with that which the textbook says it comes to. The kernel gets some time for it.
    ///
    /// # Errors
    ///
    /// When the kernel refuses sock_diag, or the checker has gone.
    pub fn expect_state(
        &mut self,
        claim: impl Into<String>,
        ends: (SocketAddr, SocketAddr),
        expected: State,
    ) -> DemoResult {
        let mut seen = State::Close;
        self.wait_for(&[], || {
            seen = state(ends)?;
            Ok((seen == expected).then_some(()))
        })?;
        self.expect(claim, expected, seen);
        Ok(())
    }

    /// Sleeps until one of the files is ready (true), or for this long.
    fn poll(
        &self,
        files: &[BorrowedFd<'_>],
        events: PollFlags,
        limit: Duration,
    ) -> DemoResult<bool> {
        let lifeline = self.lifeline.as_ref();
        let mut watched: Vec<PollFd<'_>> = files
            .iter()
            .map(|&file| PollFd::new(file, events))
            .collect();
        watched.extend(lifeline.map(|line| PollFd::new(line.as_fd(), PollFlags::POLLIN)));
        match ppoll(&mut watched, Some(limit.into()), None) {
            Ok(_) if lifeline.is_some() && watched.last().and_then(PollFd::any) == Some(true) => {
                Err(LabError::new("the checker has gone"))
            }
            Ok(ready) => Ok(ready > 0),
            Err(Errno::EINTR) => Ok(false),
            Err(errno) => Err(LabError::call("could not poll", errno)),
        }
    }
}

/// The state of the TCP socket with these ends, its own first; [`State::Close`] where there is none (any more).
pub fn state((local, peer): (SocketAddr, SocketAddr)) -> DemoResult<State> {
    Ok(sockets::between(local, peer)?.map_or(State::Close, |socket| socket.state))
}
