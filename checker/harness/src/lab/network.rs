//! The settings of a test's own network.

use std::fs;

use super::Lab;
use crate::{
    failure::{Attempt, Checked, Stop},
    sandbox::Isolation,
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
        let is_own = self.context.sandbox.isolation() == Isolation::Namespaces;
        if now.trim() == "1" || is_own && fs::write(IPV6_ONLY, "1").is_ok() {
            return Ok(());
        }
        Err(Stop::NotChecked(
            "the test changes a setting of the network (net.ipv6.bindv6only), and has none of its own here".to_owned(),
        ))
    }
}
