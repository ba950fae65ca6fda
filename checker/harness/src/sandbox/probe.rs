//! What this machine allows, found out by doing it.

use std::{fmt, path::Path};

use nix::{
    net::if_::InterfaceFlags,
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, fork, pause},
};

use super::{Isolation, jail, namespaces};
use crate::{
    failure::{Attempt, LabError},
    observe::{sockets, tracer},
    sys,
};

/// What this machine allows.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Why there are no namespaces, where there are none.
    pub namespaces: Result<(), LabError>,
    /// Why sock_diag does not answer, where it does not.
    pub sockets: Result<(), LabError>,
    /// Whether the call in which another process sleeps can be seen (Yama and some containers forbid it).
    pub calls: Result<(), LabError>,
    /// Whether a program can be traced.
    pub tracing: Result<(), LabError>,
    /// The version of Landlock, or why there is none.
    pub landlock: Result<u32, LabError>,
    /// Network interfaces which lead to others.
    pub interfaces: Vec<String>,
    /// Whether this is a container, which can be thrown away.
    pub container: bool,
}

/// How much of the lab a machine allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Namespaces of its own for each test, and all lenses.
    Full,
    /// All lenses, in the machine's namespaces: Docker, or Ubuntu 24.04 as it comes.
    Traced,
    /// No tracing. What sleeping programs wait in can be seen; tests which need more are not checked.
    Watched,
    /// Not even that. Tests look at what a program sends and at what sock_diag and /proc tell everybody, and one that
    /// hangs is recognised after some seconds.
    BlackBox,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tier::Full => "T1: every lens, and each test in namespaces of its own",
            Tier::Traced => {
                "T2: every lens; tests share this machine's namespaces, each on a loopback address of its own"
            }
            Tier::Watched => {
                "T3: tests that follow or break system calls are not checked here; all others are, and a program that \
                 hangs is recognised at once"
            }
            Tier::BlackBox => {
                "T4: tests that follow or break system calls are not checked here, and a program that hangs is \
                 recognised after some seconds"
            }
        })
    }
}

impl Probe {
    /// The best isolation that this machine allows.
    pub fn isolation(&self) -> Isolation {
        isolation_by(&self.namespaces)
    }

    /// Whether system calls can be followed.
    pub fn can_trace(&self) -> bool {
        self.tracing.is_ok()
    }

    /// How much of the lab this machine allows.
    pub fn tier(&self) -> Tier {
        match (self.can_trace(), self.isolation(), &self.calls) {
            (true, Isolation::Namespaces, _) => Tier::Full,
            (true, Isolation::Shared, _) => Tier::Traced,
            (false, _, Ok(())) => Tier::Watched,
            (false, _, Err(_)) => Tier::BlackBox,
        }
    }
}

/// Tries each thing once, in a child where it changes this process. It must be called while there is one thread.
pub fn probe() -> Probe {
    Probe {
        namespaces: try_namespaces(),
        sockets: sockets::listening().map(drop),
        calls: can_see_calls(),
        tracing: tracer::probe(),
        landlock: jail::landlock_version(),
        interfaces: interfaces(),
        container: is_container(),
    }
}

/// The best isolation that this machine allows: this part of [`probe`] alone, under its conditions.
pub fn best_isolation() -> Isolation {
    isolation_by(&try_namespaces())
}

/// Whether system calls can be followed: this part of [`probe`] alone.
pub fn can_trace() -> bool {
    tracer::probe().is_ok()
}

fn isolation_by(namespaces: &Result<(), LabError>) -> Isolation {
    match namespaces {
        Ok(()) => Isolation::Namespaces,
        Err(_) => Isolation::Shared,
    }
}

fn try_namespaces() -> Result<(), LabError> {
    in_child(|| {
        super::prepare(Isolation::Namespaces)?;
        namespaces::enter()?;
        let init = namespaces::start_init()?;
        let _ = nix::sys::signal::kill(init, nix::sys::signal::Signal::SIGKILL);
        Ok(())
    })
}

/// The network interfaces that are up, but for the loopback; those that have an address or could get one.
fn interfaces() -> Vec<String> {
    let Ok(addresses) = nix::ifaddrs::getifaddrs() else {
        // Nothing is known, which is not the same as nothing.
        return vec!["?".to_owned()];
    };
    let mut names: Vec<String> = addresses
        .filter(|one| {
            let flags = one.flags;
            flags.contains(InterfaceFlags::IFF_UP) && !flags.contains(InterfaceFlags::IFF_LOOPBACK)
        })
        .map(|one| one.interface_name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Docker and Podman leave a file, and Kubernetes an environment.
fn is_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"]
        .iter()
        .any(|file| Path::new(file).exists())
        || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
        || std::env::var_os("container").is_some()
}

/// Reads the call of a child which sleeps.
fn can_see_calls() -> Result<(), LabError> {
    let sleep = || loop {
        pause();
    };
    // SAFETY: the child makes async-signal-safe calls only.
    let child = unsafe { sys::exec::fork(sleep) }.attempt("could not start a child")?;
    let read = std::fs::read_to_string(format!("/proc/{child}/syscall"));
    let _ = sys::kill(child, libc::SIGKILL);
    let _ = sys::wait(child, 0);
    read.map(drop).attempt("could not see the call of a child")
}

/// Runs `work` in a child and brings back its error through a pipe.
fn in_child(work: impl FnOnce() -> Result<(), LabError>) -> Result<(), LabError> {
    let broken = |errno| LabError::call("could not try it in a child", errno);
    let (read, write) = nix::unistd::pipe().map_err(broken)?;
    // SAFETY: this process has one thread (see `probe`), so the child may do what its parent may.
    match unsafe { fork() }.map_err(broken)? {
        ForkResult::Child => {
            drop(read);
            let result = work();
            let text = serde_json::to_vec(&result).unwrap_or_default();
            let _ = nix::unistd::write(&write, &text);
            sys::exit(0)
        }
        ForkResult::Parent { child } => {
            drop(write);
            let mut text = String::new();
            let mut pipe = std::fs::File::from(read);
            let _ = std::io::Read::read_to_string(&mut pipe, &mut text);
            let ended = waitpid(child, None).map_err(broken)?;
            serde_json::from_str(&text).unwrap_or_else(|_| {
                Err(LabError::new(match ended {
                    WaitStatus::Signaled(_, signal, _) => {
                        format!("the trial was ended by {signal}")
                    }
                    _ => "the trial ended without a word".to_owned(),
                }))
            })
        }
    }
}
