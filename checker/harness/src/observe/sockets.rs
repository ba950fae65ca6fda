//! TCP and UDP sockets of the asking thread's network namespace, through sock_diag(7).

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

use super::processes::read_text;
use crate::{
    failure::{Attempt, LabError},
    sys::plain::{self, Packed},
};

/// TCP's states, as the kernel numbers them (RFC 9293, section 3.3.2). UDP sockets are `Established` when connected
/// and `Close` otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of RFC 9293")]
pub enum State {
    Established,
    SynSent,
    SynReceived,
    FinWait1,
    FinWait2,
    TimeWait,
    Close,
    CloseWait,
    LastAck,
    Listen,
    Closing,
    Unknown,
}

/// Which transport to ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Its state.
    pub state: State,
    /// Its own address. An IPv4-mapped IPv6 address is shown as IPv4.
    pub local: SocketAddr,
    /// Its peer's address, likewise; port 0 if it has none.
    pub peer: SocketAddr,
    /// Bytes that arrived and wait to be read; for a listener, connections that wait to be accepted.
    pub receive_queue: u32,
    /// Bytes that the peer has not acknowledged; for a listener, how many connections may wait.
    pub send_queue: u32,
    /// Bytes that have come from the peer since the connection began. `None` for other sockets than connections, and from
    /// a kernel before 4.1.
    pub received: Option<u64>,
    /// Whether it only probes a peer that has announced a window of 0 bytes: what it holds moves when the peer reads,
    /// and not before.
    pub waits_for_room: bool,
    /// The key to `/proc/PID/fd`; 0 for a connection that is not yet accepted or belongs to no process.
    pub inode: u64,
}

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
struct Id {
    source_port: [u8; 2],
    destination_port: [u8; 2],
    source: [u8; 16],
    destination: [u8; 16],
    interface: u32,
    cookie: [u32; 2],
}

/// `struct inet_diag_req_v2` behind its netlink header.
#[repr(C)]
#[derive(Clone, Copy)]
struct Request {
    length: u32,
    kind: u16,
    flags: u16,
    sequence: u32,
    port: u32,
    family: u8,
    protocol: u8,
    extensions: u8,
    padding: u8,
    states: u32,
    id: Id,
}

/// `struct inet_diag_req` behind its netlink header: the older question, which asks for all families of TCP in one walk
/// through the kernel's tables.
#[repr(C)]
#[derive(Clone, Copy)]
struct OldRequest {
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

/// A set of TCP states has a bit for each, by its number: this is the one of TIME-WAIT.
const TIME_WAIT: u32 = 1 << 6;
/// LISTEN.
const LISTEN: u32 = 1 << 10;
/// The states 1 to 12 of sockets that listen or are connected, without TIME-WAIT. A socket that only has an address is in
/// none of them: for those the kernel (since Linux 6.8) walks one more table, of all ports.
const IN_USE: u32 = 0x1ffe & !TIME_WAIT;

/// All sockets of one transport, IPv4 and IPv6; of TCP those that listen or are connected, without [`in_time_wait`].
/// For TCP the kernel walks a hash table. The [sandbox](crate::sandbox) gives a test's network a small one; the table of
/// the machine's own network is big, and takes half a millisecond. [`listening`] and [`between`] take a hundredth of that.
pub fn all(transport: Transport) -> Result<Vec<Socket>, LabError> {
    in_states(
        transport,
        match transport {
            Transport::Tcp => IN_USE,
            Transport::Udp => u32::MAX,
        },
    )
}

/// All TCP sockets that listen, IPv4 and IPv6.
pub fn listening() -> Result<Vec<Socket>, LabError> {
    in_states(Transport::Tcp, LISTEN)
}

/// The TCP connections that have ended and still hold their ports. No process has a descriptor of these, and on a busy
/// machine there are thousands.
pub fn in_time_wait() -> Result<Vec<Socket>, LabError> {
    in_states(Transport::Tcp, TIME_WAIT)
}

/// The TCP socket to which a descriptor refers. None if it is of another kind, or has no address yet.
pub fn of_inode(inode: u64) -> Result<Option<Socket>, LabError> {
    let mut sockets = all(Transport::Tcp)?.into_iter();
    Ok(sockets.find(|socket| socket.inode == inode))
}

/// The TCP socket with these two ends, seen from `local`. None if there is no such connection (any more).
pub fn between(local: SocketAddr, peer: SocketAddr) -> Result<Option<Socket>, LabError> {
    let family = match local {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    let mut request = Request::new(family, Transport::Tcp);
    request.flags = libc::NLM_F_REQUEST as u16;
    request.id.source_port = local.port().to_be_bytes();
    request.id.destination_port = peer.port().to_be_bytes();
    request.id.source = in_16_bytes(local.ip());
    request.id.destination = in_16_bytes(peer.ip());
    let netlink = ask(&request)?;
    let mut found = Vec::new();
    let mut buffer = vec![0; LONGEST_ANSWER];
    match parse(receive(&netlink, &mut buffer)?, &mut found) {
        // A listener answers for connections which it does not have.
        Ok(_) => Ok(found.pop().filter(|socket| socket.state != State::Listen)),
        Err(error) if error.errno == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether packets lie on some processor of this machine which no socket has received yet (since Linux 5.10). They
/// belong to anyone; what was sent on the loopback interface is among them when the processor was too busy to deliver
/// it in the call that sent it.
pub fn is_a_packet_in_the_air() -> bool {
    // One line a processor; the twelfth figure counts its packets.
    read_text("/proc/net/softnet_stat").is_some_and(|text| {
        text.lines()
            .filter_map(|line| line.split_whitespace().nth(11))
            .any(|count| u32::from_str_radix(count, 16).is_ok_and(|count| count > 0))
    })
}

fn in_16_bytes(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            bytes
        }
    }
}

fn in_states(transport: Transport, states: u32) -> Result<Vec<Socket>, LabError> {
    let mut found = Vec::new();
    match transport {
        Transport::Tcp => dump(&OldRequest::tcp(states), &mut found)?,
        Transport::Udp => {
            let mut request = Request::new(libc::AF_INET, transport);
            request.states = states;
            dump(&request, &mut found)?;
            request.family = libc::AF_INET6 as u8;
            match dump(&request, &mut found) {
                // A kernel without IPv6 has no answer to this question.
                Err(error) if matches!(error.errno, Some(libc::ENOENT | libc::EINVAL)) => (),
                done => done?,
            }
        }
    }
    Ok(found)
}

fn dump(request: &impl Packed, found: &mut Vec<Socket>) -> Result<(), LabError> {
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
    fn tcp(states: u32) -> OldRequest {
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
    fn new(family: i32, transport: Transport) -> Request {
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

    /// Whether something it sent, or its request to connect or to end, is not acknowledged yet.
    pub fn is_under_way(&self) -> bool {
        match self.state {
            State::Listen | State::TimeWait | State::Close => false,
            State::SynSent | State::SynReceived => true,
            _ => self.send_queue > 0,
        }
    }

    /// Whether this is the other end of the same connection.
    pub fn is_peer_of(&self, other: &Socket) -> bool {
        self.local == other.peer && self.peer == other.local
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

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            State::Established => "ESTABLISHED",
            State::SynSent => "SYN-SENT",
            State::SynReceived => "SYN-RECEIVED",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::TimeWait => "TIME-WAIT",
            State::Close => "CLOSED",
            State::CloseWait => "CLOSE-WAIT",
            State::LastAck => "LAST-ACK",
            State::Listen => "LISTEN",
            State::Closing => "CLOSING",
            State::Unknown => "an unknown state",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Write,
        net::{TcpListener, TcpStream, UdpSocket},
    };

    fn of_port(transport: Transport, port: u16) -> Vec<Socket> {
        let mut sockets = all(transport).unwrap();
        sockets.retain(|socket| socket.local.port() == port);
        sockets
    }

    #[test]
    fn sees_a_listener_and_its_accept_queue() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let _waiting = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let sockets = of_port(Transport::Tcp, port);
        let listening = sockets
            .iter()
            .find(|socket| socket.state == State::Listen)
            .unwrap();
        assert_eq!((listening.receive_queue, listening.send_queue), (1, 128));
        assert!(listening.inode != 0);
        let queued = sockets
            .iter()
            .find(|socket| socket.state == State::Established)
            .unwrap();
        assert_eq!(queued.inode, 0);
    }

    #[test]
    fn finds_one_connection_from_both_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(here).unwrap();
        let (_server, there) = listener.accept().unwrap();
        client.write_all(b"hello").unwrap();
        let server_end = between(here, there).unwrap().unwrap();
        assert_eq!((server_end.local, server_end.peer), (here, there));
        assert_eq!(server_end.receive_queue, 5);
        assert_eq!(between(there, here).unwrap().unwrap().receive_queue, 0);
        // The listener is there, the connection is not.
        let stranger = SocketAddr::from(([127, 0, 0, 9], 9));
        assert_eq!(between(here, stranger).unwrap(), None);
        assert!(
            listening()
                .unwrap()
                .iter()
                .any(|socket| socket.local == here)
        );
    }

    #[test]
    fn sees_unread_bytes() {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut client = TcpStream::connect(("::1", port)).unwrap();
        let (_server, _) = listener.accept().unwrap();
        client.write_all(b"hello").unwrap();
        let sockets = of_port(Transport::Tcp, port);
        assert!(
            sockets
                .iter()
                .any(|socket| socket.state == State::Established && socket.receive_queue == 5)
        );
    }

    #[test]
    fn tells_a_small_window_from_none() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        socket::setsockopt(&listener, socket::sockopt::RcvBuf, &(64 << 10)).unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.set_nonblocking(true).unwrap();
        let port = client.local_addr().unwrap().port();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        // In pieces that leave a part of the window open, which the first probe fills.
        while !of_port(Transport::Tcp, port)[0].waits_for_room {
            assert!(std::time::Instant::now() < deadline);
            let _ = client.write(&[0; 5000]);
        }
        // From now on nothing moves, and what the client can still write stays in its own queue.
        let received = |port| sockets_to(port)[0].receive_queue;
        let before = received(port);
        while client.write(&[0; 5000]).is_ok() {}
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert_eq!(received(port), before);
        let sockets = of_port(Transport::Tcp, port);
        assert!(sockets[0].is_under_way() && sockets[0].is_peer_of(&sockets_to(port)[0]));
        // All of it: what still waits in the client's queue would fill the window again.
        server.set_nonblocking(true).unwrap();
        let mut buffer = vec![0; 1 << 16];
        while of_port(Transport::Tcp, port)[0].waits_for_room {
            assert!(std::time::Instant::now() < deadline);
            let _ = std::io::Read::read(&mut server, &mut buffer);
        }
    }

    fn sockets_to(port: u16) -> Vec<Socket> {
        let mut sockets = all(Transport::Tcp).unwrap();
        sockets.retain(|socket| socket.peer.port() == port);
        sockets
    }

    #[test]
    fn a_dump_that_fails_is_no_empty_answer() {
        // A transport for which no kernel has a handler.
        let mut request = Request::new(libc::AF_INET, Transport::Udp);
        request.protocol = 253;
        let error = dump(&request, &mut Vec::new()).unwrap_err();
        assert_eq!(error.errno, Some(libc::ENOENT));
    }

    #[test]
    fn sees_a_datagram_socket() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(of_port(Transport::Udp, port).len(), 1);
    }
}
