//! The network namespace of a demo: its settings and its routes. Nothing here touches the machine's own.

use std::{
    fs, io,
    net::{Ipv4Addr, Ipv6Addr, UdpSocket},
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{self, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType},
};

use super::{DemoContext, DemoResult};
use harness::{
    failure::{Attempt, LabError},
    sandbox::Isolation,
};

/// What a route says about its destination instead of the way to it (ip-route(8)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Packets vanish. Who sends them from here gets EINVAL.
    Blackhole,
    /// There is no way to it: EHOSTUNREACH.
    Unreachable,
    /// To go there is forbidden: EACCES.
    Prohibit,
}

impl DemoContext {
    /// Plays a part that needs a network namespace of its own, where there is one; elsewhere it is not shown. `what` is
    /// what it would show.
    pub fn in_own_network(
        &mut self,
        what: &str,
        part: impl FnOnce(&mut DemoContext) -> DemoResult,
    ) -> DemoResult {
        if self.isolation == Isolation::Namespaces {
            return part(self);
        }
        self.cannot(format!(
            "{what}: that takes a network namespace, and there is none (checker doctor)"
        ));
        Ok(())
    }

    /// The same for a part that changes settings of that namespace: some containers mount /proc/sys read-only.
    pub fn with_own_settings(
        &mut self,
        what: &str,
        part: impl FnOnce(&mut DemoContext) -> DemoResult,
    ) -> DemoResult {
        self.in_own_network(what, |demo| {
            let a_setting = "net.ipv4.tcp_syn_retries";
            let value = demo.setting(a_setting)?;
            match fs::write(path_of(a_setting), &value) {
                Ok(()) => part(demo),
                Err(error) => {
                    demo.cannot(format!(
                        "{what}: a network namespace cannot have settings of its own here ({error})"
                    ));
                    Ok(())
                }
            }
        })
    }

    /// A setting of the kernel (sysctl(8)), as it is now: `net.core.somaxconn`.
    ///
    /// # Errors
    ///
    /// When there is no such setting.
    pub fn setting(&self, name: &str) -> DemoResult<String> {
        let text = fs::read_to_string(path_of(name)).attempt(&format!("could not read {name}"))?;
        Ok(text.trim().to_owned())
    }

    /// A setting which is one number.
    ///
    /// # Errors
    ///
    /// When there is no such setting, or it is no number.
    pub fn setting_number(&self, name: &str) -> DemoResult<u32> {
        let text = self.setting(name)?;
        text.parse()
            .map_err(|_| LabError::new(format!("{name} is no number: {text}")))
    }

    /// Changes a setting of the demo's own network namespace, with which it vanishes.
    ///
    /// # Errors
    ///
    /// Without such a namespace, and when the kernel refuses.
    pub fn set(&self, name: &str, value: &str) -> DemoResult {
        self.must_be_own(name)?;
        fs::write(path_of(name), value).attempt(&format!("could not set {name}"))
    }

    /// Adds a route to one host.
    ///
    /// # Errors
    ///
    /// Without a network namespace of its own, and when the kernel refuses.
    pub fn add_route(&self, kind: Route, to: Ipv4Addr) -> DemoResult {
        const ADD: &str = "could not add a route";
        self.must_be_own("a route")?;
        let netlink = socket::socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )
        .attempt(ADD)?;
        let kernel = NetlinkAddr::new(0, 0);
        socket::sendto(
            netlink.as_raw_fd(),
            &route_request(kind, to),
            &kernel,
            MsgFlags::empty(),
        )
        .attempt(ADD)?;
        let mut answer = [0; 256];
        let length = socket::recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty());
        // A netlink header, and then the errno of NLMSG_ERROR: 0 acknowledges.
        let length = length.attempt(ADD)?;
        let errno = answer[..length]
            .get(16..20)
            .and_then(|code| code.first_chunk());
        match errno.map(|code| -i32::from_ne_bytes(*code)) {
            Some(0) => Ok(()),
            Some(errno) => Err(LabError::call(ADD, Errno::from_raw(errno))),
            None => Err(LabError::new(ADD)),
        }
    }

    /// Whether this machine has IPv6; if not, that is told together with what is left out.
    pub fn has_ipv6(&mut self, what: &str) -> bool {
        let has = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        if !has {
            self.cannot(format!("{what}: this machine has no IPv6"));
        }
        has
    }

    /// A counter of the network namespace, from /proc/net/netstat: `TcpExt`, `ListenOverflows`. 0 where the kernel does
    /// not count that.
    pub fn counter(&self, group: &str, name: &str) -> DemoResult<u64> {
        let text = fs::read_to_string("/proc/self/net/netstat")
            .attempt("could not read the counters of the network")?;
        // Two lines of a group: names, and values.
        let mut lines = text
            .lines()
            .filter(|line| line.split(':').next() == Some(group))
            .map(str::split_whitespace);
        let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
            return Ok(0);
        };
        let mut named = names.zip(values).filter(|(one, _)| *one == name);
        Ok(named
            .next()
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(0))
    }

    fn must_be_own(&self, what: &str) -> DemoResult {
        match self.isolation {
            Isolation::Namespaces => Ok(()),
            Isolation::Shared => Err(LabError::io(
                format!("{what} is the machine's own, and stays as it is"),
                &io::ErrorKind::PermissionDenied.into(),
            )),
        }
    }
}

fn path_of(setting: &str) -> String {
    format!("/proc/sys/{}", setting.replace('.', "/"))
}

/// RTM_NEWROUTE (rtnetlink(7)): its header, a `struct rtmsg`, and the destination as an attribute.
fn route_request(kind: Route, to: Ipv4Addr) -> Vec<u8> {
    const LENGTH: u32 = 16 + 12 + 8;
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE;
    let kind = match kind {
        Route::Blackhole => libc::RTN_BLACKHOLE,
        Route::Unreachable => libc::RTN_UNREACHABLE,
        Route::Prohibit => libc::RTN_PROHIBIT,
    };
    let family = libc::AF_INET as u8;
    let (table, protocol, scope) = (
        libc::RT_TABLE_MAIN,
        libc::RTPROT_STATIC,
        libc::RT_SCOPE_UNIVERSE,
    );
    let mut bytes = LENGTH.to_ne_bytes().to_vec();
    bytes.extend(libc::RTM_NEWROUTE.to_ne_bytes());
    bytes.extend((flags as u16).to_ne_bytes());
    // A sequence number, and the kernel as receiver.
    bytes.extend([0; 8]);
    bytes.extend([family, 32, 0, 0, table, protocol, scope, kind]);
    bytes.extend([0; 4]);
    bytes.extend(8u16.to_ne_bytes());
    bytes.extend(libc::RTA_DST.to_ne_bytes());
    bytes.extend(to.octets());
    bytes
}
