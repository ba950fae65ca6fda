//! Segments of TCP in packets of IPv4, as a raw socket brings and takes them (raw(7)).

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
};

/// The control bits of a segment (RFC 9293, section 3.1), without PSH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    const PSH: u8 = 0x08;

    /// No more data will follow, and what came before is acknowledged.
    pub const FIN_ACK: Flags = Flags(0x11);
    /// A connection is asked for.
    pub const SYN: Flags = Flags(0x02);
    /// It is granted, and the other direction is asked for.
    pub const SYN_ACK: Flags = Flags(0x12);
    /// The connection is over at once, and what came before is acknowledged.
    pub const RST_ACK: Flags = Flags(0x14);
    /// There is no such connection. A segment that acknowledges something is answered so.
    pub const RST: Flags = Flags(0x04);
    /// Only an acknowledgement, or data.
    pub const ACK: Flags = Flags(0x10);
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(u8, &str); 4] = [(0x02, "SYN"), (0x01, "FIN"), (0x04, "RST"), (0x10, "ACK")];
        let names: Vec<&str> = NAMES
            .iter()
            .filter(|(bit, _)| self.0 & bit != 0)
            .map(|(_, name)| *name)
            .collect();
        f.write_str(&names.join(" "))
    }
}

/// A segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Who sent it.
    pub from: SocketAddr,
    /// For whom it is.
    pub to: SocketAddr,
    /// Its control bits.
    pub flags: Flags,
    /// The number of its first byte.
    pub sequence: u32,
    /// The number of the next byte which its sender waits for.
    pub acknowledges: u32,
    packet: Vec<u8>,
    /// Where the segment begins in the packet.
    start: usize,
}

impl Segment {
    /// Reads a packet. `None` if it is not one of TCP, or is cut off.
    pub(super) fn read(packet: &[u8]) -> Option<Segment> {
        let start = usize::from(packet.first()? & 0x0f) * 4;
        let (ip, tcp) = packet.split_at_checked(start)?;
        if *ip.get(9)? != libc::IPPROTO_TCP as u8 || tcp.len() < 20 {
            return None;
        }
        let address = |at: usize, port: usize| {
            let ip = Ipv4Addr::from(*ip[at..].first_chunk::<4>()?);
            let port = u16::from_be_bytes(*tcp[port..].first_chunk()?);
            Some(SocketAddr::V4(SocketAddrV4::new(ip, port)))
        };
        let number = |at: usize| Some(u32::from_be_bytes(*tcp[at..].first_chunk()?));
        Some(Segment {
            from: address(12, 0)?,
            to: address(16, 2)?,
            flags: Flags(tcp[13] & 0x1f & !Flags::PSH),
            sequence: number(4)?,
            acknowledges: number(8)?,
            packet: packet.to_vec(),
            start,
        })
    }

    /// The packet, ready to be sent. On the loopback interface the kernel leaves the checksum of TCP to a device which
    /// is not there; from a raw socket it must be right.
    pub(super) fn packet(&self) -> Vec<u8> {
        let mut packet = self.packet.clone();
        let (ip, tcp) = packet.split_at_mut(self.start);
        tcp[16..18].fill(0);
        let length = (tcp.len() as u16).to_be_bytes();
        let protocol = [0, libc::IPPROTO_TCP as u8];
        let pseudo_header = [&ip[12..20], &protocol, &length].concat();
        let sum = !(sum(&pseudo_header) + sum(tcp)).fold();
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    /// As much of the packet as an ICMP message about it quotes: as far as the two ports and the number (RFC 792).
    pub(super) fn head(&self) -> &[u8] {
        &self.packet[..self.start + 8]
    }
}

/// The head of an empty datagram of UDP, as an ICMP message about it quotes it (RFC 792, RFC 768). `None` if it is not of
/// IPv4.
pub(super) fn datagram_head(from: SocketAddr, to: SocketAddr) -> Option<Vec<u8>> {
    let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else {
        return None;
    };
    let mut head = vec![0x45, 0, 0, 28, 0, 0, 0x40, 0, 64];
    head.extend([libc::IPPROTO_UDP as u8, 0, 0]);
    head.extend(from.ip().octets());
    head.extend(to.ip().octets());
    head.extend(from.port().to_be_bytes());
    head.extend(to.port().to_be_bytes());
    head.extend([0, 8, 0, 0]);
    Some(head)
}

/// The ICMP message "destination unreachable" (RFC 792): type 3, its code, a checksum, four bytes of nothing, and the head
/// of the packet which it is about.
pub(super) fn unreachable(code: u8, head: &[u8]) -> Vec<u8> {
    let mut message = vec![3, code, 0, 0, 0, 0, 0, 0];
    message.extend(head);
    let sum = !sum(&message).fold();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// A sum of 16-bit words which is still to be folded to 16 bits (RFC 1071).
struct Sum(u32);

fn sum(bytes: &[u8]) -> Sum {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    Sum(bytes.chunks(2).map(word).sum())
}

impl std::ops::Add for Sum {
    type Output = Sum;

    fn add(self, other: Sum) -> Sum {
        Sum(self.0 + other.0)
    }
}

impl Sum {
    fn fold(self) -> u16 {
        let once = (self.0 >> 16) + (self.0 & 0xffff);
        ((once >> 16) + (once & 0xffff)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SYN as a real network carried it, with the checksum that its sender computed.
    const PACKET: [u8; 40] = [
        0x45, 0x00, 0x00, 0x28, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x3c, 0xce, 127, 0, 0, 1, 127,
        0, 0, 1, 0x9c, 0x40, 0x1f, 0x90, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0xf5,
        0xff, 0, 0,
    ];

    #[test]
    fn reads_the_fields_of_a_segment() {
        let segment = Segment::read(&PACKET).unwrap();
        assert_eq!(segment.flags, Flags::SYN);
        assert_eq!(segment.from, "127.0.0.1:40000".parse().unwrap());
        assert_eq!(segment.to, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((segment.sequence, segment.acknowledges), (1, 0));
        assert!(Segment::read(&PACKET[..30]).is_none());
    }

    #[test]
    fn all_words_of_a_right_packet_sum_up_to_ones() {
        let packet = Segment::read(&PACKET).unwrap().packet();
        let protocol_and_length = [0, 6, 0, 20];
        let whole = [&packet[12..20], &protocol_and_length, &packet[20..]].concat();
        assert_eq!(sum(&whole).fold(), 0xffff);
    }
}
