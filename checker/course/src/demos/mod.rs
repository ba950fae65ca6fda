//! The demos: what the textbook says, tried on the user's own kernel. A file is one demo, and all that its author
//! writes.

mod addrlen;
mod backlog;
mod bind;
mod boundaries;
mod dial;
mod dual;
mod eintr;
mod endian;
mod exit;
mod fork;
mod halfopen;
mod handshake;
mod icmp;
mod inet;
mod linger;
mod race;
mod recvflags;
mod refcount;
mod rust;
mod shutdown;
mod sigchld;
mod signal;
mod sigpipe;
mod sockaddr;
mod sockets;
mod timewait;
mod udp;
mod unread;
mod wait;
mod zombie;

use crate::demo_context::{DemoContext, DemoResult};

/// Every demo, in the order of the course.
pub const DEMOS: &[&Demo] = &[
    &endian::DEMO,
    &sockaddr::DEMO,
    &inet::DEMO,
    &sockets::DEMO,
    &bind::DEMO,
    &addrlen::DEMO,
    &backlog::DEMO,
    &halfopen::DEMO,
    &dial::DEMO,
    &handshake::DEMO,
    &unread::DEMO,
    &linger::DEMO,
    &refcount::DEMO,
    &sigpipe::DEMO,
    &boundaries::DEMO,
    &recvflags::DEMO,
    &timewait::DEMO,
    &rust::DEMO,
    &udp::DEMO,
    &icmp::DEMO,
    &shutdown::DEMO,
    &dual::DEMO,
    &fork::DEMO,
    &wait::DEMO,
    &zombie::DEMO,
    &sigchld::DEMO,
    &exit::DEMO,
    &signal::DEMO,
    &eintr::DEMO,
    &race::DEMO,
];

/// One demo.
#[derive(Debug)]
pub struct Demo {
    /// One word, as students type it and as course.md names it: `(demo backlog)`.
    pub name: &'static str,
    /// The day of the course which it belongs to, counted from 1.
    pub day: u32,
    /// What it answers, in one line.
    pub question: &'static str,
    /// The heading of course.md which it proves.
    pub read: &'static str,
    /// What it needs of the machine to show everything.
    pub needs: Needs,
    /// What it does.
    pub run: fn(&mut DemoContext) -> DemoResult,
}

/// What a demo needs of the machine to show everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it shows everything on every machine.
    Nothing,
    /// For some of its parts, IPv6.
    Ipv6,
    /// For some of its parts, a network namespace of its own.
    OwnNetwork,
    /// For some of its parts, that it may follow the calls of a process (ptrace(2)).
    Tracing,
}

/// The demo of this name.
pub fn find(name: &str) -> Option<&'static Demo> {
    DEMOS.iter().copied().find(|demo| demo.name == name)
}
