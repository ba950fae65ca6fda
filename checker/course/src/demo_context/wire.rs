//! A wire on which every segment is held until the demo lets it go, so that the states between two segments can be seen.
//!
//! On the loopback interface a segment arrives in the call that sends it. A filter (socket(7), SO_ATTACH_FILTER) lets a
//! socket receive only segments with a mark; a raw socket keeps a copy of those without one, and sends it, with the
//! mark, when it is released. For the two ends that is a slow network. The filter goes with the socket: one that is
//! accepted from a listener has it, too; what is left of a socket in TIME-WAIT has none, and receives all.

use std::{
    cell::RefCell,
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{
        self, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage,
        setsockopt, sockopt,
    },
};

pub use super::packet::{Flags, Segment};
use super::packet::{datagram_head, unreachable};
use super::{DemoContext, DemoResult};
use harness::{
    failure::{Attempt, LabError},
    sys,
};

/// What segments carry that were released.
const MARK: u32 = 1;
/// The code of "host unreachable" (RFC 792).
const HOST_UNREACHABLE: u8 = 1;

/// The wire.
#[derive(Debug)]
pub struct Wire {
    raw: OwnedFd,
    held: RefCell<Vec<Segment>>,
}

const MAKE: &str = "could not make a wire of the demo's own";

impl Wire {
    /// The wire of the demo's network namespace.
    ///
    /// # Errors
    ///
    /// Without a namespace of its own: a raw socket needs a capability.
    pub fn new() -> DemoResult<Wire> {
        let raw = socket::socket(
            AddressFamily::Inet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::Tcp,
        )
        .attempt(MAKE)?;
        receive_only(&raw, Mark::Without).attempt(MAKE)?;
        setsockopt(&raw, sockopt::Mark, &MARK).attempt(MAKE)?;
        sys::socket::set_option(&raw, libc::IPPROTO_IP, libc::IP_HDRINCL, 1).attempt(MAKE)?;
        Ok(Wire {
            raw,
            held: RefCell::default(),
        })
    }

    /// From now on, every segment for this socket is held.
    pub fn hold(&self, socket: &OwnedFd) -> DemoResult {
        receive_only(socket, Mark::With).attempt(MAKE)
    }

    /// Takes the first held segment with these flags from this sender. If it is not released, it is lost.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn next(&self, demo: &DemoContext, from: SocketAddr, flags: Flags) -> DemoResult<Segment> {
        let look = || {
            self.look()?;
            let mut held = self.held.borrow_mut();
            let found = held
                .iter()
                .position(|segment| segment.from == from && segment.flags == flags);
            Ok(found.map(|place| held.remove(place)))
        };
        demo.wait_for(&[self.raw.as_fd()], look)?
            .ok_or_else(|| LabError::new(format!("no segment with {flags} comes from {from}")))
    }

    /// The flags of the first segment from this sender, whether it is held or passes by.
    pub fn first_from(&self, demo: &DemoContext, from: SocketAddr) -> DemoResult<Option<Flags>> {
        let look = || {
            self.look()?;
            let held = self.held.borrow();
            let mut from_sender = held.iter().filter(|segment| segment.from == from);
            Ok(from_sender.next().map(|segment| segment.flags))
        };
        demo.wait_for(&[self.raw.as_fd()], look)
    }

    /// How many segments from this sender are held now.
    pub fn count_from(&self, from: SocketAddr) -> DemoResult<usize> {
        self.look()?;
        let held = self.held.borrow();
        Ok(held.iter().filter(|segment| segment.from == from).count())
    }

    /// Lets a segment go on to its receiver. When this returns, it is there.
    pub fn release(&self, segment: &Segment) -> DemoResult {
        socket::sendto(
            self.raw.as_raw_fd(),
            &segment.packet(),
            &SockaddrStorage::from(SocketAddr::new(segment.to.ip(), 0)),
            MsgFlags::empty(),
        )
        .map(drop)
        .attempt("could not let a segment go on")
    }

    /// Tells the sender of a segment, as a router on the way would, that the host cannot be reached: with the ICMP message
    /// "host unreachable", which quotes the segment (RFC 792). When this returns, the message is there.
    pub fn answer_unreachable(&self, segment: &Segment) -> DemoResult {
        self.answer_with_code(segment, HOST_UNREACHABLE)
    }

    /// The same with another code of the ICMP message "destination unreachable".
    pub fn answer_with_code(&self, segment: &Segment, code: u8) -> DemoResult {
        send_icmp(segment.from, &unreachable(code, segment.head()))
    }

    /// The same about a datagram of UDP, which need not be held: any that this sender has sent.
    pub fn answer_datagram(&self, from: SocketAddr, to: SocketAddr, code: u8) -> DemoResult {
        let head = datagram_head(from, to)
            .ok_or_else(|| LabError::new("an ICMP message is about a packet of IPv4"))?;
        send_icmp(from, &unreachable(code, &head))
    }

    /// Reads what has come in.
    fn look(&self) -> DemoResult {
        let mut buffer = [0; 2048];
        loop {
            match socket::recv(self.raw.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(length) => self
                    .held
                    .borrow_mut()
                    .extend(Segment::read(&buffer[..length])),
                Err(Errno::EAGAIN) => return Ok(()),
                Err(errno) => return Err(LabError::call("could not read a segment", errno)),
            }
        }
    }
}

/// Sends an ICMP message to this host.
fn send_icmp(to: SocketAddr, message: &[u8]) -> DemoResult {
    const SEND: &str = "could not send an ICMP message";
    let icmp = socket::socket(
        AddressFamily::Inet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::Icmp,
    )
    .attempt(SEND)?;
    socket::sendto(
        icmp.as_raw_fd(),
        message,
        &SockaddrStorage::from(SocketAddr::new(to.ip(), 0)),
        MsgFlags::empty(),
    )
    .map(drop)
    .attempt(SEND)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    With,
    Without,
}

/// Lets a socket receive only packets with the mark of the wire, or only those without.
fn receive_only(socket: &OwnedFd, mark: Mark) -> nix::Result<()> {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let (if_marked, else_) = match mark {
        Mark::With => (ALL, NOTHING),
        Mark::Without => (NOTHING, ALL),
    };
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    sys::socket::attach_filter(
        socket,
        &[
            step(LOAD, (libc::SKF_AD_OFF + libc::SKF_AD_MARK) as u32, 0, 0),
            step(IS, MARK, 0, 1),
            step(RETURN, if_marked, 0, 0),
            step(RETURN, else_, 0, 0),
        ],
    )
}

const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
/// How many bytes of a packet a filter lets pass.
const ALL: u32 = u32::MAX;
const NOTHING: u32 = 0;
