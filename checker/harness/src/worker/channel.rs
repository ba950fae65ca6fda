//! Messages between two processes, over a socket.

use std::{
    io::{self, IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use nix::{
    cmsg_space,
    errno::Errno,
    sys::socket::{
        AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, Shutdown, SockFlag, SockType,
        getsockopt, recvmsg, sendmsg, shutdown, socketpair, sockopt,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::failure::LabError;

/// What travels between the checker, a fork server and a worker, as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Message<T> {
    /// To a fork server: fork a worker. Its end of a socket comes with this.
    Fork,
    /// From a fork server: the worker has this PID.
    Started(i32),
    /// From a fork server: fork(2) failed with this errno.
    NotStarted(i32),
    /// To a worker: what to do.
    Request(T),
    /// From a worker: what came of it.
    Answer(T),
    /// From a worker: why there is no answer.
    Failed(LabError),
    /// From a fork server: the worker has ended, with this wait status (waitpid(2)).
    Ended(i32),
}

/// What one receive brings.
pub(super) enum Received<T> {
    Message(Message<T>),
    /// A part of a long message. The rest is still to be received.
    Part,
    /// The other side has hung up, or does not exist any more.
    End,
}

/// One end of a socket pair over which messages travel in both directions.
///
/// The socket keeps packet boundaries (SOCK_SEQPACKET, unix(7)). A long message takes several packets, and the first byte
/// of each says so: a message whose sender was killed in the middle of it cannot be mixed up with the next one.
#[derive(Debug)]
pub(super) struct Channel {
    socket: OwnedFd,
    /// The parts so far of a long message that comes in.
    parts: Vec<u8>,
}

const WHOLE: u8 = 0;
const PART: u8 = 1;
const LAST: u8 = 2;

/// How much of a message fits into a packet, in bytes. Every machine's send buffer has room for some of them.
const PACKET: usize = 8 << 10;

impl Channel {
    /// Both ends of a new socket pair. They are closed at exec.
    pub fn pair() -> nix::Result<(Channel, OwnedFd)> {
        let (ours, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )?;
        Ok((Channel::new(ours), theirs))
    }

    pub fn new(socket: OwnedFd) -> Channel {
        Channel {
            socket,
            parts: Vec::new(),
        }
    }

    /// Whether this descriptor can be the end of a channel.
    pub fn is_one(file: BorrowedFd<'_>) -> bool {
        getsockopt(&file, sockopt::SockType) == Ok(SockType::SeqPacket)
    }

    pub fn send(&self, message: &Message<impl Serialize>) -> io::Result<()> {
        self.send_with(message, None)
    }

    /// Sends a message, and with it a descriptor.
    pub fn send_with(
        &self,
        message: &Message<impl Serialize>,
        file: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let text = serde_json::to_vec(message)?;
        let last = text.len().saturating_sub(1) / PACKET;
        let fds = file.map(|file| [file.as_raw_fd()]);
        for (place, part) in text.chunks(PACKET).enumerate() {
            let kind = match place {
                _ if last == 0 => [WHOLE],
                place if place == last => [LAST],
                _ => [PART],
            };
            let packet = [IoSlice::new(&kind), IoSlice::new(part)];
            let fds = fds.as_ref().filter(|_| place == 0);
            let control = fds.map(|fds| ControlMessage::ScmRights(fds));
            let (socket, flags) = (self.socket.as_raw_fd(), MsgFlags::MSG_NOSIGNAL);
            sendmsg::<()>(socket, &packet, control.as_slice(), flags, None)?;
        }
        Ok(())
    }

    /// Receives a packet; sleeps until there is one.
    pub fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Received<T>> {
        Ok(self.receive_with()?.0)
    }

    /// The same with the descriptor that comes with a message, if one does.
    pub fn receive_with<T: DeserializeOwned>(
        &mut self,
    ) -> io::Result<(Received<T>, Option<OwnedFd>)> {
        let mut bytes = vec![0; 1 + PACKET];
        let (length, file) = loop {
            match self.receive_packet(&mut bytes) {
                // The other side was closed with unread bytes in it (unix(7)). The kernel reports it once, before what
                // the other side has sent.
                Err(Errno::EINTR | Errno::ECONNRESET) => (),
                packet => break packet?,
            }
        };
        Ok((self.take(&bytes[..length])?, file))
    }

    fn receive_packet(&self, bytes: &mut [u8]) -> nix::Result<(usize, Option<OwnedFd>)> {
        let mut buffers = [IoSliceMut::new(bytes)];
        let mut space = cmsg_space!(RawFd);
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let socket = self.socket.as_raw_fd();
        let packet = recvmsg::<()>(socket, &mut buffers, Some(&mut space), flags)?;
        let mut file = None;
        for control in packet.cmsgs()? {
            if let ControlMessageOwned::ScmRights(numbers) = control {
                // SAFETY: the kernel has just made it, and nothing else knows it. There is room for one.
                let own = |fd| unsafe { OwnedFd::from_raw_fd(fd) };
                file = numbers.into_iter().next().map(own);
            }
        }
        Ok((packet.bytes, file))
    }

    fn take<T: DeserializeOwned>(&mut self, packet: &[u8]) -> io::Result<Received<T>> {
        let Some((&kind, text)) = packet.split_first() else {
            return Ok(Received::End);
        };
        if kind == WHOLE {
            self.parts.clear();
            return Ok(Received::Message(serde_json::from_slice(text)?));
        }
        self.parts.extend_from_slice(text);
        if kind == PART {
            return Ok(Received::Part);
        }
        let text = std::mem::take(&mut self.parts);
        Ok(Received::Message(serde_json::from_slice(&text)?))
    }

    /// Ends this direction: the other side receives [`Received::End`]. Its messages still arrive.
    pub fn hang_up(&self) {
        // It fails when the other side has hung up before.
        let _ = shutdown(self.socket.as_raw_fd(), Shutdown::Write);
    }
}

/// Readable (poll(2)) when there is something to receive, or the other side has hung up.
impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_whose_sender_was_killed_in_the_middle_of_it_is_not_mixed_up_with_the_next() {
        let (mut ours, theirs) = Channel::pair().unwrap();
        let theirs = Channel::new(theirs);
        let half = [&[PART], &b"{\"answer\":\"the b"[..]].concat();
        nix::unistd::write(&theirs, &half).unwrap();
        theirs.send(&Message::<()>::Ended(9)).unwrap();
        assert!(matches!(ours.receive::<String>(), Ok(Received::Part)));
        let next = ours.receive::<String>().unwrap();
        assert!(matches!(next, Received::Message(Message::Ended(9))));
        drop(theirs);
        assert!(matches!(ours.receive::<String>(), Ok(Received::End)));
    }

    #[test]
    fn what_was_sent_by_one_who_did_not_read_arrives() {
        let (mut ours, theirs) = Channel::pair().unwrap();
        let theirs = Channel::new(theirs);
        ours.send(&Message::Request("unread")).unwrap();
        theirs.send(&Message::Answer("answer")).unwrap();
        drop(theirs);
        let answer = ours.receive::<String>().unwrap();
        assert!(matches!(answer, Received::Message(Message::Answer(answer)) if answer == "answer"));
        assert!(matches!(ours.receive::<String>(), Ok(Received::End)));
    }
}
