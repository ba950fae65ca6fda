//! UDP peers.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    os::fd::AsFd,
    rc::Rc,
};

use nix::{
    poll::PollFlags,
    sys::socket::{setsockopt, sockopt},
};

use super::{context::TestContext, port::with_telling_port, quote::brief};
use crate::failure::{Attempt, Checked, Comparison, Diagnosis, LabError};

/// A UDP socket of the test's own.
#[derive(Debug)]
pub struct UdpPeer {
    context: Rc<TestContext>,
    /// `client 1`, `the server`
    name: String,
    socket: UdpSocket,
    /// Whether a refusal (ECONNREFUSED) fails the wait for an answer. By default it is ignored, as UDP does.
    hears_errors: bool,
}

/// A datagram that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The address of its sender.
    pub from: SocketAddr,
    /// What it holds, which may be nothing.
    pub bytes: Vec<u8>,
}

const MAKE: &str = "could not make a UDP socket";

/// A UDP socket at this address, where port 0 stands for a free one.
fn bind(address: SocketAddr) -> Checked<UdpSocket> {
    let make = || {
        let socket = UdpSocket::bind(address).attempt(MAKE)?;
        let port = socket.local_addr().attempt(MAKE)?.port();
        Ok((socket, port))
    };
    let (socket, _) = match address.port() {
        0 => with_telling_port(make, |&(_, port)| port)?,
        _ => make()?,
    };
    Ok(socket)
}

/// Takes an address at which no socket receives, until the test ends: its socket is connected to itself, and takes
/// datagrams from nobody else.
pub(super) fn refusing_address(context: &TestContext) -> Checked<SocketAddr> {
    let socket = bind((context.address(), 0).into())?;
    let address = socket.local_addr().attempt(MAKE)?;
    socket.connect(address).attempt(MAKE)?;
    context.keep(socket.into());
    Ok(address)
}

impl UdpPeer {
    pub(super) fn new(context: &Rc<TestContext>) -> Checked<UdpPeer> {
        let name = context.names.next_client();
        UdpPeer::at(context, name, (context.address(), 0).into())
    }

    pub(super) fn at(
        context: &Rc<TestContext>,
        name: String,
        address: SocketAddr,
    ) -> Checked<UdpPeer> {
        let socket = bind(address)?;
        socket.set_nonblocking(true).attempt(MAKE)?;
        context
            .names
            .add(socket.local_addr().attempt(MAKE)?, name.clone());
        Ok(UdpPeer {
            context: context.clone(),
            name,
            socket,
            hears_errors: false,
        })
    }

    /// Asks the kernel to report when a datagram is refused (IP_RECVERR): waiting for the answer then fails with
    /// [`Diagnosis::Refused`].
    pub fn report_refusals(self) -> Checked<UdpPeer> {
        setsockopt(&self.socket, sockopt::Ipv4RecvErr, &true)
            .attempt("could not set IP_RECVERR")?;
        Ok(UdpPeer {
            hears_errors: true,
            ..self
        })
    }

    /// Its own address.
    pub fn address(&self) -> Checked<SocketAddr> {
        Ok(self
            .socket
            .local_addr()
            .attempt("could not ask a UDP socket for its address")?)
    }

    fn note(&self, step: impl std::fmt::Display) {
        self.context.note(format!("{}: {step}", self.name));
    }

    /// Sends one datagram.
    pub fn send_to(&self, to: SocketAddr, bytes: impl AsRef<[u8]>) -> Checked {
        let bytes = bytes.as_ref();
        self.note(format_args!("send {}", datagram_of(bytes)));
        loop {
            match self.socket.send_to(bytes, to) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                // The ICMP answer to an earlier datagram that no socket took. UDP itself goes on, and so does the test.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => (),
                Err(error) => {
                    return Err(
                        LabError::io(format!("could not send a datagram to {to}"), &error).into(),
                    );
                }
            }
        }
    }

    /// Waits for one datagram, and leaves the judgement to the story. `what` is what the report calls it: "a question".
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn receive(&self, what: &str) -> Checked<Datagram> {
        self.note(format_args!("receive {what}"));
        self.next(what)
    }

    /// Takes the datagram that has waited longest, if one has come. It is no step of the story.
    pub fn take(&self) -> Checked<Option<Datagram>> {
        self.try_receive()
    }

    /// Sees that no datagram comes until the program sleeps.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ExtraBytes`] when one comes.
    pub fn expect_quiet(&self) -> Checked {
        self.note("see that no datagram comes");
        self.context.settle()?;
        let Some(got) = self.try_receive()? else {
            return Ok(());
        };
        let symptom = format!(
            "your program sends {}, and nothing is due",
            datagram_of(&got.bytes)
        );
        self.context.fail(Diagnosis::ExtraBytes, symptom)
    }

    /// Waits for one datagram, which must come from this address and hold exactly these bytes.
    ///
    /// # Errors
    ///
    /// When another comes, or none.
    pub fn expect_from(&self, from: SocketAddr, expected: impl AsRef<[u8]>) -> Checked {
        let expected = expected.as_ref();
        let what = datagram_of(expected);
        self.note(format_args!("expect {what}"));
        let got = self.next_from(from, &what)?;
        match compare(expected, &got) {
            None => Ok(()),
            difference => self.fail_with_other_bytes(&got, &what, difference),
        }
    }

    /// Waits for one datagram, which must come from this address and begin with these bytes.
    ///
    /// # Errors
    ///
    /// When another comes, or none.
    pub fn expect_start_from(&self, from: SocketAddr, start: impl AsRef<[u8]>) -> Checked {
        let start = start.as_ref();
        let what = format!("a datagram that begins with {}", brief(start));
        self.note(format_args!("expect {what}"));
        let got = self.next_from(from, &what)?;
        if got.starts_with(start) {
            return Ok(());
        }
        self.fail_with_other_bytes(&got, &what, compare(start, &got))
    }

    fn fail_with_other_bytes(
        &self,
        got: &[u8],
        what: &str,
        difference: Option<Comparison>,
    ) -> Checked {
        let symptom = format!(
            "your program sends {}; the test expects {what}",
            datagram_of(got)
        );
        let failure = self.context.failure(Diagnosis::WrongBytes, symptom);
        Err(failure.comparing(difference).into())
    }

    fn next_from(&self, from: SocketAddr, what: &str) -> Checked<Vec<u8>> {
        let got = self.next(what)?;
        let sender = got.from;
        if sender == from {
            return Ok(got.bytes);
        }
        self.context.fail(
            Diagnosis::WrongSender,
            format!("the answer comes from {sender}; the question went to {from}"),
        )
    }

    fn next(&self, what: &str) -> Checked<Datagram> {
        let look = || {
            // A program which has ended will not answer any more. Asked first: its last answer is in the queue by then.
            let ended = self.context.programs.have_ended();
            match self.try_receive()? {
                Some(datagram) => Ok(Some(Some(datagram))),
                None => Ok(ended.then_some(None)),
            }
        };
        let files = [(self.socket.as_fd(), PollFlags::POLLIN)];
        let goal = format!("{what} for {}", self.name);
        let datagram = self
            .context
            .until_on(&files, &goal, Diagnosis::NoAnswer, look)?;
        match datagram {
            Some(datagram) => Ok(datagram),
            None => self
                .context
                .fail_or_exit(what, Diagnosis::Exited, "your program has ended"),
        }
    }

    /// Closes the socket: an answer that comes now is refused.
    pub fn close(self) {
        self.note("close");
    }

    fn try_receive(&self) -> Checked<Option<Datagram>> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match self.socket.recv_from(&mut buffer) {
                Ok((n, from)) => {
                    buffer.truncate(n);
                    return Ok(Some(Datagram {
                        from,
                        bytes: buffer,
                    }));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error)
                    if self.hears_errors && error.kind() == io::ErrorKind::ConnectionRefused =>
                {
                    let symptom = format!(
                        "the kernel refuses the datagram of {}: your program has no socket that takes it \
                         (ECONNREFUSED)",
                        self.name
                    );
                    let (goal, diagnosis) = ("its answer", Diagnosis::Refused);
                    return self.context.fail_or_exit(goal, diagnosis, symptom);
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused
                    ) => {}
                Err(error) => {
                    return Err(LabError::io("could not receive a datagram", &error).into());
                }
            }
        }
    }
}

/// A datagram as the report's steps name it.
fn datagram_of(bytes: &[u8]) -> String {
    match bytes.len() {
        0 => "an empty datagram".to_owned(),
        1..=32 => format!("the datagram {}", brief(bytes)),
        length => format!("a datagram of {length} bytes"),
    }
}

/// As text where both are, else as bytes.
fn compare(expected: &[u8], got: &[u8]) -> Option<Comparison> {
    let is_text = |bytes: &[u8]| {
        bytes
            .iter()
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    };
    match is_text(expected) && is_text(got) {
        true => Comparison::of_text("the datagram", expected, got),
        false => Comparison::of("the datagram", expected, got),
    }
}
