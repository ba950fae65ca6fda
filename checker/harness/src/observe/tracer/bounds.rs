//! What a traced program may do to others: bounds for a program that shares its network and its processes with them.
//!
//! What is decided by a number (a signal's target, one process more) is decided for certain. An address lies in memory,
//! where another thread of the program may change it between the look and the call: against a program which does that,
//! only a network namespace helps.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

use nix::unistd::{Pid, getpgid};

use super::{argument::Address, decode, memory::Memory, registers::Entry};
use crate::observe::{calls::Call, processes::Process};

/// The bounds of a program. By default there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// How many threads all its processes have together, at most. One more fails with EAGAIN.
    pub threads: Option<usize>,
    /// Whether it may signal only itself and what it has started. Others are EPERM.
    pub own_signals: bool,
    /// The only addresses which it may bind, connect or send to. All others are EACCES; but it may bind any, with a
    /// port that the kernel chooses.
    pub addresses: Option<Vec<IpAddr>>,
}

/// The processes of a program at one moment.
pub(super) struct Tree {
    /// The process of each thread.
    pub members: HashMap<i32, i32>,
    /// How many are being made.
    pub to_come: usize,
}

impl Bounds {
    /// The errno of a call that leaves them.
    pub(super) fn refusal(
        &self,
        call: Call,
        entry: &Entry,
        memory: Memory,
        tree: &Tree,
    ) -> Option<i32> {
        match call {
            Call::Fork => self.refuse_more(tree),
            Call::Kill | Call::Fcntl => self.refuse_signal(entry, tree),
            Call::Bind | Call::Connect | Call::Write => self.refuse_address(entry, memory),
            _ => None,
        }
    }

    fn refuse_more(&self, tree: &Tree) -> Option<i32> {
        let most = self.threads?;
        (tree.members.len() + tree.to_come >= most).then_some(libc::EAGAIN)
    }

    fn refuse_signal(&self, entry: &Entry, tree: &Tree) -> Option<i32> {
        let number = |place: usize| entry.arguments[place] as i32;
        if !self.own_signals {
            return None;
        }
        let may = match entry.number {
            libc::SYS_kill => tree.may_signal(number(0)),
            libc::SYS_tkill | libc::SYS_rt_sigqueueinfo => tree.may_signal_one(number(0)),
            libc::SYS_tgkill | libc::SYS_rt_tgsigqueueinfo => {
                tree.may_signal_one(number(0)) && tree.may_signal_one(number(1))
            }
            // The owner of a descriptor gets a signal when something happens to it.
            libc::SYS_fcntl if number(1) == libc::F_SETOWN => tree.may_signal(number(2)),
            _ => true,
        };
        (!may).then_some(libc::EPERM)
    }

    fn refuse_address(&self, entry: &Entry, memory: Memory) -> Option<i32> {
        let own = self.addresses.as_ref()?;
        let (start, length) = match entry.number {
            libc::SYS_bind | libc::SYS_connect => (entry.arguments[1], entry.arguments[2]),
            libc::SYS_sendto => (entry.arguments[4], entry.arguments[5]),
            libc::SYS_sendmsg => match memory.header(entry.arguments[1]) {
                Some(header) => (header.name, header.name_length.into()),
                None => return Some(libc::EFAULT),
            },
            _ => return None,
        };
        if start == 0 || length == 0 {
            return None;
        }
        let may = match decode::address(memory, start, length) {
            Some(Address::Internet(address)) => {
                let ip = address.ip().to_canonical();
                let is_any = entry.number == libc::SYS_bind && is_any_free(&address);
                own.contains(&ip) || is_any
            }
            // It dissolves a connection (connect(2)).
            Some(Address::Family(0)) => entry.number == libc::SYS_connect,
            // No way to another machine, or to another process by a network: the filter decides who may have such.
            Some(Address::Local(_)) => true,
            Some(Address::Family(family)) => i32::from(family) == libc::AF_NETLINK,
            None => return Some(libc::EFAULT),
        };
        (!may).then_some(libc::EACCES)
    }
}

/// Whether an address leaves both the address and the port to the kernel.
fn is_any_free(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_unspecified() && address.port() == 0
}

impl Tree {
    /// Whether all that a signal to this target (kill(2)) reaches is of the tree.
    fn may_signal(&self, target: i32) -> bool {
        match target {
            // Its own process group: that of its session, in which no other process is.
            0 => true,
            // All processes.
            -1 => false,
            group if group < 0 => {
                let group = Pid::from_raw(group.wrapping_neg());
                let mut members = self.members.values();
                members.any(|&pid| getpgid(Some(Pid::from_raw(pid))) == Ok(group))
            }
            pid => self.may_signal_one(pid),
        }
    }

    /// Whether a process or a thread is of the tree. One that has ended and was not waited for is so, too.
    fn may_signal_one(&self, target: i32) -> bool {
        let is_member =
            |id: i32| self.members.contains_key(&id) || self.members.values().any(|&pid| pid == id);
        if target <= 0 || is_member(target) {
            // The kernel has an answer for what is no number of a process.
            return true;
        }
        // The kernel says that there is no such process.
        Process::read(target).is_none_or(|found| found.is_zombie() && is_member(found.parent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        Tree {
            members: HashMap::from([(10_000_001, 10_000_001), (10_000_002, 10_000_001)]),
            to_come: 1,
        }
    }

    #[test]
    fn signals_reach_the_own_tree_only() {
        let own = std::process::id() as i32;
        assert!(tree().may_signal(10_000_002));
        assert!(tree().may_signal(0));
        assert!(!tree().may_signal(-1));
        assert!(!tree().may_signal(own));
        assert!(!tree().may_signal(1));
        assert!(!tree().may_signal(-own));
    }

    #[test]
    fn what_is_being_made_counts() {
        let bounds = |most| Bounds {
            threads: Some(most),
            ..Bounds::default()
        };
        assert_eq!(bounds(3).refuse_more(&tree()), Some(libc::EAGAIN));
        assert_eq!(bounds(4).refuse_more(&tree()), None);
    }
}
