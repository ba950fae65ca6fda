//! The sockets of a test, as the kernel shows them.

use std::net::{IpAddr, SocketAddr};

use super::{context::TestContext, names::canonical};
use crate::{
    failure::Checked,
    observe::{
        descriptors::{self, Descriptor, Object},
        sockets::{self, Socket, Transport},
    },
    sandbox::Isolation,
};

impl TestContext {
    /// The sockets of this test: all of its network namespace, or those that its own processes hold.
    pub(super) fn sockets(&self, transport: Transport) -> Checked<Vec<Socket>> {
        let mut found = sockets::all(transport)?;
        if self.sandbox.isolation() == Isolation::Namespaces {
            return Ok(found);
        }
        let processes = self.sandbox.processes();
        let ours: Vec<u64> = processes
            .iter()
            .flat_map(descriptors::of_process)
            .chain(descriptors::of(std::process::id() as i32))
            .filter_map(|descriptor| match descriptor.object {
                Object::Socket(inode) => Some(inode),
                _ => None,
            })
            .collect();
        let address = IpAddr::from(self.address());
        let is_ours =
            |end: SocketAddr| canonical(end).ip() == address || self.names.of(end).is_some();
        // Not every socket has a process: a connection before accept has none, nor has one whose last bytes are still
        // under way. These are recognised by their address, which only this test uses.
        found.retain(|socket| {
            ours.contains(&socket.inode) || is_ours(socket.local) || is_ours(socket.peer)
        });
        Ok(found)
    }

    /// Whether a connection of this address has ended, and still holds its port.
    pub(super) fn is_in_time_wait(&self, address: SocketAddr) -> Checked<bool> {
        let ended = sockets::in_time_wait()?;
        Ok(ended.iter().any(|socket| socket.local == address))
    }

    /// Whether a socket is one of the programs', and not of another program on this machine.
    pub(super) fn is_own(&self, socket: &Socket) -> bool {
        if self.sandbox.isolation() == Isolation::Namespaces {
            // No other program is in the namespace.
            return true;
        }
        let wanted = Object::Socket(socket.inode);
        let living = self.programs.living();
        let held: Vec<Descriptor> = living.iter().flat_map(descriptors::of_process).collect();
        match held.is_empty() {
            false => held.iter().any(|held| held.object == wanted),
            // A process can hide its descriptors (PR_SET_DUMPABLE, prctl(2)). Only this test knows this address.
            true => socket.local.ip() == self.address(),
        }
    }
}
