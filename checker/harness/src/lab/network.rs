//! What a test needs of the network, beside the address that it has for itself.

use std::{
    fs,
    net::{Ipv6Addr, SocketAddr},
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, socket},
};

use super::Lab;
use crate::{
    arena::Isolation,
    failure::{Attempt, Checked, LabError, Stop},
};

/// Whether an IPv6 socket is for IPv6 only where nobody says otherwise (linux/Documentation/networking/ip-sysctl.rst).
const IPV6_ONLY: &str = "/proc/sys/net/ipv6/bindv6only";

impl Lab {
    /// The IPv6 loopback address, ::1, with port 0. Without namespaces all tests share it.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where the machine has no IPv6.
    pub fn any_ipv6_port(&self) -> Checked<SocketAddr> {
        const TRY: &str = "could not bind ::1";
        let address = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0);
        let flags = SockFlag::SOCK_CLOEXEC;
        let bound = socket(AddressFamily::Inet6, SockType::Stream, flags, None)
            .and_then(|socket| bind(socket.as_raw_fd(), &SockaddrStorage::from(address)));
        match bound {
            Ok(()) => Ok(address),
            Err(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL) => Err(Stop::NotChecked(
                "the test needs IPv6, and this machine has no address ::1".to_owned(),
            )),
            Err(errno) => Err(LabError::call(TRY, errno).into()),
        }
    }

    /// From now on a new IPv6 socket takes no IPv4 clients, unless the program says that it should (IPV6_V6ONLY in
    /// ipv6(7)): the default is the administrator's.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where this would change the machine's own network, or the kernel does not allow it.
    pub fn make_ipv6_only_the_default(&self) -> Checked {
        self.context
            .note("let new IPv6 sockets be for IPv6 only (net.ipv6.bindv6only = 1)");
        let now = fs::read_to_string(IPV6_ONLY).attempt("could not read net.ipv6.bindv6only")?;
        let is_own = self.context.arena.isolation() == Isolation::Namespaces;
        if now.trim() == "1" || is_own && fs::write(IPV6_ONLY, "1").is_ok() {
            return Ok(());
        }
        Err(Stop::NotChecked(
            "the test changes a setting of the network (net.ipv6.bindv6only), and has none of its own here".to_owned(),
        ))
    }
}
