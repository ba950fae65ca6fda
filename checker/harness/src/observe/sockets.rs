//! TCP and UDP sockets of the asking thread's network namespace, through sock_diag(7).

mod diag;

use std::net::{IpAddr, SocketAddr};

use self::diag::{OldRequest, Request, ask_for_one, dump};
use super::processes::read_text;
use crate::failure::LabError;

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
    // A listener answers for connections which it does not have.
    Ok(ask_for_one(&request)?.filter(|socket| socket.state != State::Listen))
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

impl Socket {
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
    use nix::sys::socket;
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
    fn sees_a_datagram_socket() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(of_port(Transport::Udp, port).len(), 1);
    }
}
