//! The settings of a test's own network.

use std::{fs, net::Ipv4Addr};

use super::Lab;
use crate::{
    failure::{Attempt, Checked, Stop},
    sandbox::Isolation,
    sys,
};

/// Whether an IPv6 socket is for IPv6 only where the program does not say otherwise (linux/Documentation/networking/ip-sysctl.rst).
const IPV6_ONLY: &str = "/proc/sys/net/ipv6/bindv6only";

impl Lab {
    /// From now on a new IPv6 socket takes no IPv4 clients, unless the program says that it should (IPV6_V6ONLY in
    /// ipv6(7)): the default is the administrator's.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where this would change the machine's own network, or the kernel does not allow it.
    pub fn make_ipv6_only_default(&self) -> Checked {
        self.context
            .note("let new IPv6 sockets be for IPv6 only (net.ipv6.bindv6only = 1)");
        let now = fs::read_to_string(IPV6_ONLY).attempt("could not read net.ipv6.bindv6only")?;
        if now.trim() == "1" || self.has_own_network() && fs::write(IPV6_ONLY, "1").is_ok() {
            return Ok(());
        }
        Err(Stop::NotChecked(
            "the test changes a setting of the network (net.ipv6.bindv6only), and has none of its own here".to_owned(),
        ))
    }

    /// From now on the machine of the test has an IPv4 address besides those of loopback, and no such IPv6 address.
    /// No route leads through it.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where this would change the machine's own network.
    pub fn add_ipv4_address(&self, address: Ipv4Addr) -> Checked {
        self.context
            .note(format!("let the machine have the address {address}"));
        if !self.has_own_network() {
            return Err(Stop::NotChecked(
                "the test gives the machine one more address, and has no network of its own here"
                    .to_owned(),
            ));
        }
        Ok(sys::socket::set_address("lo:1", address)
            .attempt("could not give the network of the test an address")?)
    }

    fn has_own_network(&self) -> bool {
        self.context.sandbox.isolation() == Isolation::Namespaces
    }
}
