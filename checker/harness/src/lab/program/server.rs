//! The program as a server, with the address on which it listens.

use std::{
    net::{IpAddr, SocketAddr},
    rc::Rc,
};

use super::{Program, Sleep};
use crate::{
    failure::{Checked, Diagnosis, Failure},
    lab::{context::TestContext, quote::quoted, tcp::Connection, verdict::WaitError},
    observe::{
        descriptors::Object,
        sockets::{self, State, Transport},
    },
    sandbox::Launch,
};

/// The student's program as a server, with the address on which it listens.
#[derive(Clone, Debug)]
pub struct Server {
    program: Program,
    /// What it has announced.
    said: SocketAddr,
    /// The address to which clients connect.
    address: SocketAddr,
}

impl Server {
    pub(in crate::lab) fn start(
        context: &Rc<TestContext>,
        wanted: SocketAddr,
        further: &[&str],
        transport: Transport,
    ) -> Checked<Server> {
        let address = wanted.to_string();
        let arguments = [&[address.as_str()], further].concat();
        let program = Program::start(context, &Launch::new(arguments))?;
        Server::of(program, wanted, transport)
    }

    /// Waits until a program which was started with the address `wanted` says that it listens, and makes sure that it
    /// does.
    fn of(program: Program, wanted: SocketAddr, transport: Transport) -> Checked<Server> {
        let said = program.wait_for_announcement(wanted)?;
        let mut address = said;
        if said.ip().is_unspecified() {
            // It listens on all addresses; the clients of the test use this one.
            address.set_ip(wanted.ip());
        }
        let server = Server {
            program,
            said,
            address,
        };
        server.expect_listening(transport)?;
        Ok(server)
    }

    /// Sees that it has taken the address that it was asked for; port 0 stands for any.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ListensElsewhere`] when it has taken another.
    pub fn expect_address(&self, wanted: SocketAddr) -> Checked {
        let said = self.said;
        let asked = match wanted.port() {
            0 => wanted.ip().to_string(),
            _ => wanted.to_string(),
        };
        self.program.context.note(format!(
            "see that it listens on {asked}, as it was asked to"
        ));
        let is_right_port = wanted.port() == 0 || wanted.port() == said.port();
        if said.ip() == wanted.ip() && is_right_port {
            return Ok(());
        }
        self.program.context.fail(
            Diagnosis::ListensElsewhere,
            format!("your program was asked to listen on {asked}, and listens on {said}"),
        )
    }

    /// The program itself, for the words which a server does not have.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Waits until it sleeps in this way: see [`Program::sleeps`].
    pub fn sleeps(&self, sleep: Sleep) -> Checked {
        self.program.sleeps(sleep)
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects a client to it.
    ///
    /// # Errors
    ///
    /// When it refuses, or its accept queue stays full.
    pub fn connect(&self) -> Checked<Connection> {
        Connection::connect(&self.program.context, None, self.address, None)
    }

    /// Connects a client that has the address `source` to the address `destination` of this machine, for a server that
    /// listens there.
    pub fn connect_between(&self, source: IpAddr, destination: IpAddr) -> Checked<Connection> {
        let server = SocketAddr::new(destination, self.address.port());
        Connection::connect(&self.program.context, Some(source), server, None)
    }

    /// Connects a client with a small receive buffer (SO_RCVBUF, in bytes), so that the server soon has to wait when
    /// the client does not read.
    pub fn connect_with_receive_buffer(&self, bytes: usize) -> Checked<Connection> {
        Connection::connect(&self.program.context, None, self.address, Some(bytes))
    }

    /// Waits until no process listens on its address any more, for a server which has been killed, or which has stopped
    /// to take clients.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::DescriptorLeaked`] when a process of it still holds the listening socket.
    pub fn expect_not_listening(&self) -> Checked {
        let context = &self.program.context;
        context.note(format!(
            "expect that nobody listens on {} any more",
            self.address
        ));
        let look = || {
            let sockets = context.sockets(Transport::Tcp)?;
            Ok((!sockets
                .iter()
                .any(|socket| socket.state == State::Listen && socket.local == self.address))
            .then_some(()))
        };
        let diagnosis = Diagnosis::DescriptorLeaked;
        match context.try_until(look)? {
            Ok(()) => Ok(()),
            Err(WaitError::Deadlocked) => {
                let symptom = match self.program.running.ending() {
                    Some(_) => format!(
                        "your server has ended, but {} still listens: a child holds the listening socket",
                        self.address
                    ),
                    None => format!(
                        "{} still listens: a process of your server holds the listening socket",
                        self.address
                    ),
                };
                context.fail(diagnosis, symptom)
            }
            Err(error) => {
                let goal = format!("{} to stop listening", self.address);
                Err(context.to_failure(error, &goal, diagnosis).into())
            }
        }
    }

    /// Waits until the kernel shows a socket of the program on the announced address. The line may be a moment ahead of
    /// it.
    fn expect_listening(&self, transport: Transport) -> Checked {
        let context = &self.program.context;
        let listening = || match transport {
            Transport::Tcp => sockets::listening(),
            Transport::Udp => sockets::all(transport),
        };
        let look = || {
            Ok(listening()?
                .iter()
                .any(|socket| socket.local == self.said && context.is_own(socket))
                .then_some(()))
        };
        let Err(error) = context.try_until(look)? else {
            return Ok(());
        };
        let own: Vec<u64> = self
            .program
            .descriptors()
            .list()?
            .into_iter()
            .filter_map(|descriptor| match descriptor.object {
                Object::Socket(inode) => Some(inode),
                _ => None,
            })
            .collect();
        let listening = listening()?;
        let really = listening.iter().find(|socket| own.contains(&socket.inode));
        let is_anothers = listening.iter().any(|socket| socket.local == self.said);
        let symptom = match really {
            Some(socket) if is_turned(self.said, socket.local) => {
                let symptom = format!(
                    "your program says `listening {}`, but listens on {}: the two bytes of the port are in the other \
                     order",
                    self.said, socket.local
                );
                return context.fail(Diagnosis::BadAnnouncement, symptom);
            }
            Some(socket) => format!(
                "your program says `listening {}`, but listens on {}",
                self.said, socket.local
            ),
            None if is_anothers => format!(
                "your program says `listening {}`, but another program listens there",
                self.said
            ),
            None => {
                let goal = format!("a listening socket on {}", self.said);
                let diagnosis = Diagnosis::ListensElsewhere;
                return Err(context.to_failure(error, &goal, diagnosis).into());
            }
        };
        context.fail(Diagnosis::ListensElsewhere, symptom)
    }
}

/// Whether these differ only in the order of the port's two bytes.
fn is_turned(said: SocketAddr, really: SocketAddr) -> bool {
    said.ip() == really.ip() && said.port() == really.port().swap_bytes()
}

impl Program {
    /// Waits until it says `listening IP:PORT`, and makes sure that it listens there; for a TCP server which was
    /// started by [`Lab::launch`](crate::lab::Lab::launch) with the address `wanted`.
    ///
    /// # Errors
    ///
    /// As [`Lab::start_server`](crate::lab::Lab::start_server).
    pub fn expect_announcement(&self, wanted: SocketAddr) -> Checked<Server> {
        Server::of(self.clone(), wanted, Transport::Tcp)
    }

    fn wait_for_announcement(&self, wanted: SocketAddr) -> Checked<SocketAddr> {
        self.context.note("wait for the line `listening IP:PORT`");
        let goal = "the line `listening IP:PORT`";
        let look = || Ok(self.running.stdout.take_line());
        let Some(line) = self.context.until(goal, Diagnosis::NeverListened, look)? else {
            let seen = self.output_ended(goal)?;
            let diagnosis = match seen.diagnosis {
                _ if wanted.port() == 0 => return Err(seen.into()),
                Diagnosis::Exited | Diagnosis::Panicked => Diagnosis::CannotRestart,
                other => other,
            };
            return Err(Failure {
                diagnosis,
                symptom: format!("started again on {wanted}, {}", seen.symptom),
                ..seen
            }
            .into());
        };
        let address = str::from_utf8(&line)
            .ok()
            .and_then(|line| line.strip_prefix("listening "))
            .and_then(|address| address.parse::<SocketAddr>().ok());
        match address {
            Some(address) if address.port() != 0 => Ok(address),
            Some(_) => self.context.fail(
                Diagnosis::BadAnnouncement,
                format!(
                    "your program prints {}, but no client can connect to port 0: it stands for any free port, and \
                     the kernel has chosen one",
                    quoted(&line)
                ),
            ),
            None => self.context.fail(
                Diagnosis::BadAnnouncement,
                format!(
                    "your program prints {}; the test expects `listening IP:PORT`",
                    quoted(&line)
                ),
            ),
        }
    }
}
