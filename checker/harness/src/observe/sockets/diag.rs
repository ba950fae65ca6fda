//! The protocol of sock_diag(7) over netlink(7): questions about sockets, and the kernel's answers.

use std::{
    io::IoSliceMut,
    mem,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{self, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType},
};

use super::{Socket, State, Transport};
use crate::{
    failure::{Attempt, LabError},
    sys::plain::{self, Packed},
};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const TCPDIAG_GETSOCK: u16 = 18;
/// `idiag_timer` of a socket which probes a closed window (linux/inet_diag.h).
const ZERO_WINDOW_PROBE: u8 = 4;
/// The attribute that holds a `struct tcp_info` (linux/inet_diag.h), and where its `tcpi_bytes_received` and
/// `tcpi_snd_wnd` are (linux/tcp.h).
const INET_DIAG_INFO: u8 = 2;
const BYTES_RECEIVED: usize = 128;
const SEND_WINDOW: usize = 228;

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Id {
    pub source_port: [u8; 2],
    pub destination_port: [u8; 2],
    pub source: [u8; 16],
    pub destination: [u8; 16],
    interface: u32,
    cookie: [u32; 2],
}

/// `struct inet_diag_req_v2` behind its netlink header.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Request {
    length: u32,
    kind: u16,
    pub flags: u16,
    sequence: u32,
    port: u32,
    pub family: u8,
    protocol: u8,
    extensions: u8,
    padding: u8,
    pub states: u32,
    pub id: Id,
}

/// `struct inet_diag_req` behind its netlink header: the older question, which asks for all families of TCP in one walk
/// through the kernel's tables.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct OldRequest {
    length: u32,
    kind: u16,
    flags: u16,
    sequence: u32,
    port: u32,
    family: u8,
    source_length: u8,
    destination_length: u8,
    extensions: u8,
    id: Id,
    states: u32,
    debug: u32,
}

/// `struct inet_diag_msg`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Message {
    family: u8,
    state: u8,
    timer: u8,
    retransmissions: u8,
    id: Id,
    expires: u32,
    receive_queue: u32,
    send_queue: u32,
    user: u32,
    inode: u32,
}

/// Asks about one socket.
pub(super) fn ask_for_one(request: &Request) -> Result<Option<Socket>, LabError> {
    let netlink = ask(request)?;
    let mut found = Vec::new();
    let mut buffer = vec![0; LONGEST_ANSWER];
    match parse(receive(&netlink, &mut buffer)?, &mut found) {
        Ok(_) => Ok(found.pop()),
        Err(error) if error.errno == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Asks for many sockets, and adds them to those that are found.
pub(super) fn dump(request: &impl Packed, found: &mut Vec<Socket>) -> Result<(), LabError> {
    let netlink = ask(request)?;
    let mut buffer = vec![0; LONGEST_ANSWER];
    while !parse(receive(&netlink, &mut buffer)?, found)? {}
    Ok(())
}

// All their parts follow each other without a gap.
crate::sys::plain::packed! { Request OldRequest Message }

impl Id {
    /// Any socket.
    const ANY: Id = Id {
        source_port: [0; 2],
        destination_port: [0; 2],
        source: [0; 16],
        destination: [0; 16],
        interface: 0,
        cookie: [u32::MAX; 2],
    };
}

impl OldRequest {
    pub fn tcp(states: u32) -> OldRequest {
        OldRequest {
            length: mem::size_of::<OldRequest>() as u32,
            kind: TCPDIAG_GETSOCK,
            flags: (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16,
            sequence: 1,
            port: 0,
            family: libc::AF_UNSPEC as u8,
            source_length: 0,
            destination_length: 0,
            extensions: 1 << (INET_DIAG_INFO - 1),
            id: Id::ANY,
            states,
            debug: 0,
        }
    }
}

impl Request {
    pub fn new(family: i32, transport: Transport) -> Request {
        Request {
            length: mem::size_of::<Request>() as u32,
            kind: SOCK_DIAG_BY_FAMILY,
            flags: (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16,
            sequence: 1,
            port: 0,
            family: family as u8,
            protocol: match transport {
                Transport::Tcp => libc::IPPROTO_TCP,
                Transport::Udp => libc::IPPROTO_UDP,
            } as u8,
            extensions: match transport {
                Transport::Tcp => 1 << (INET_DIAG_INFO - 1),
                Transport::Udp => 0,
            },
            padding: 0,
            states: u32::MAX,
            id: Id::ANY,
        }
    }
}

/// Sends a question; the answer can be received from the socket that is returned.
fn ask(request: &impl Packed) -> Result<OwnedFd, LabError> {
    let netlink = socket::socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )
    .attempt("could not open a sock_diag socket")?;
    socket::sendto(
        netlink.as_raw_fd(),
        plain::bytes_of(request),
        &NetlinkAddr::new(0, 0),
        MsgFlags::empty(),
    )
    .attempt("could not ask sock_diag")?;
    Ok(netlink)
}

/// The kernel makes its answers fit: a page or 8 KiB for the first, and what the reader has offered for the others
/// (netlink(7)).
const LONGEST_ANSWER: usize = 16 << 10;

fn receive<'a>(netlink: &OwnedFd, buffer: &'a mut [u8]) -> Result<&'a [u8], LabError> {
    let received = socket::recvmsg::<()>(
        netlink.as_raw_fd(),
        &mut [IoSliceMut::new(buffer)],
        None,
        MsgFlags::empty(),
    )
    .attempt("could not read an answer of sock_diag")?
    .bytes;
    Ok(&buffer[..received])
}

/// Reads the messages of one datagram; true when the kernel says that it was the last.
fn parse(mut bytes: &[u8], found: &mut Vec<Socket>) -> Result<bool, LabError> {
    const HEADER: usize = 16;
    while bytes.len() >= HEADER {
        let length = u32::from_ne_bytes(bytes[0..4].try_into().expect("four bytes")) as usize;
        let kind = i32::from(u16::from_ne_bytes(
            bytes[4..6].try_into().expect("two bytes"),
        ));
        if length < HEADER || length > bytes.len() {
            return Err(LabError::new(
                "sock_diag answered with a message that is cut off",
            ));
        }
        let body = &bytes[HEADER..length];
        if kind == libc::NLMSG_DONE || kind == libc::NLMSG_ERROR {
            // A dump that fails, because the module udp_diag is missing for example, says so in its last message.
            let code = body
                .first_chunk()
                .map_or(0, |code| i32::from_ne_bytes(*code));
            if code >= 0 && kind == libc::NLMSG_DONE {
                return Ok(true);
            }
            return Err(LabError::call(
                "sock_diag refused the question",
                Errno::from_raw(code.wrapping_neg()),
            ));
        }
        if let Some(message) = plain::read::<Message>(body) {
            let information = tcp_information(&body[mem::size_of::<Message>()..]);
            found.push(Socket::of(&message, information.unwrap_or_default()));
        }
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    Ok(false)
}

/// The attribute with the `struct tcp_info`; an older kernel sends fewer bytes of it.
fn tcp_information(mut attributes: &[u8]) -> Option<&[u8]> {
    const HEADER: usize = 4;
    loop {
        let (header, _) = attributes.split_first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]);
        if kind == u16::from(INET_DIAG_INFO) {
            return attributes.get(HEADER..length);
        }
        attributes = attributes.get(length.max(HEADER).next_multiple_of(4)..)?;
    }
}

/// The bytes of a number at this offset in `struct tcp_info`.
fn field<const SIZE: usize>(information: &[u8], at: usize) -> Option<[u8; SIZE]> {
    information.get(at..)?.first_chunk().copied()
}

impl Socket {
    fn of(message: &Message, information: &[u8]) -> Socket {
        let address = |ip: [u8; 16], port: [u8; 2]| {
            let ip = if i32::from(message.family) == libc::AF_INET {
                IpAddr::from(Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3]))
            } else {
                IpAddr::from(Ipv6Addr::from(ip))
            };
            // A socket of IPv6 with an address of IPv4 has that address (ipv6(7)).
            SocketAddr::new(ip.to_canonical(), u16::from_be_bytes(port))
        };
        // Since Linux 5.4.
        let window = field(information, SEND_WINDOW).map(u32::from_ne_bytes);
        Socket {
            state: State::of(message.state),
            local: address(message.id.source, message.id.source_port),
            peer: address(message.id.destination, message.id.destination_port),
            receive_queue: message.receive_queue,
            send_queue: message.send_queue,
            received: field(information, BYTES_RECEIVED).map(u64::from_ne_bytes),
            // The kernel starts this timer, too, when the window is open but smaller than a segment: the first probe,
            // after 200 ms or so, then carries what fits.
            waits_for_room: message.timer == ZERO_WINDOW_PROBE && window.unwrap_or(0) == 0,
            inode: u64::from(message.inode),
        }
    }
}

impl State {
    fn of(number: u8) -> State {
        match number {
            1 => State::Established,
            2 => State::SynSent,
            // 12 is TCP_NEW_SYN_RECV (net/tcp_states.h).
            3 | 12 => State::SynReceived,
            4 => State::FinWait1,
            5 => State::FinWait2,
            6 => State::TimeWait,
            7 => State::Close,
            8 => State::CloseWait,
            9 => State::LastAck,
            10 => State::Listen,
            11 => State::Closing,
            _ => State::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_that_fails_is_no_empty_answer() {
        // A transport for which no kernel has a handler.
        let mut request = Request::new(libc::AF_INET, Transport::Udp);
        request.protocol = 253;
        let error = dump(&request, &mut Vec::new()).unwrap_err();
        assert_eq!(error.errno, Some(libc::ENOENT));
    }
}
