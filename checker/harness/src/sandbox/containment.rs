//! How well a machine can contain an untrusted program.

use std::fmt;

use super::{Probe, jail};

/// What stands between a hostile program and the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Containment {
    /// Too little for an untrusted program.
    Weak,
    /// A jail without namespaces, in a container that is thrown away and has no network: what gets out of the jail gets
    /// nowhere.
    Container,
    /// A jail in namespaces of each test's own.
    Namespaces,
}

/// What a machine does not have, and how to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What is missing, and why where that is known.
    pub what: String,
    /// How to get it.
    pub advice: &'static str,
}

impl Probe {
    /// What stands between a hostile program and this machine.
    pub fn containment(&self) -> Containment {
        match (self.walls().is_empty(), &self.namespaces) {
            (true, Ok(())) => Containment::Namespaces,
            (true, Err(_)) if self.surroundings().is_empty() => Containment::Container,
            _ => Containment::Weak,
        }
    }

    /// What keeps this machine from being fit for untrusted programs; empty if it is fit. Of several ways to
    /// become so, this tells all that is missing on the one to namespaces, and then on the one through a container.
    pub fn missing(&self) -> Vec<Missing> {
        let mut missing = self.walls();
        if let Err(error) = &self.namespaces
            && self.containment() == Containment::Weak
        {
            let around = self.surroundings();
            if !around.is_empty() {
                missing.push(Missing {
                    what: format!("namespaces: {error}"),
                    advice: "Ubuntu 24.04: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`. Docker: \
                             `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`. Or do without \
                             them, in a container of which all of the following is true.",
                });
                missing.extend(around);
            }
        }
        missing
    }

    /// Whether programs and builds can be locked into a [jail](jail::Jail) at all.
    pub fn has_jail(&self) -> bool {
        self.landlock
            .as_ref()
            .is_ok_and(|version| *version >= jail::LEAST)
    }

    /// What no jail can do without.
    fn walls(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        let landlock = match &self.landlock {
            Err(error) => Some(format!("Landlock: {error}")),
            Ok(version) if *version < jail::LEAST => Some(format!(
                "Landlock, version {} or later; this kernel has version {version}",
                jail::LEAST
            )),
            Ok(_) => None,
        };
        if let Some(what) = landlock {
            missing.push(Missing {
                what,
                advice: "Use Linux 5.19 or later, with `landlock` in the kernel's list of security modules \
                         (`lsm=landlock,…` on its command line).",
            });
        }
        if let Err(error) = &self.tracing {
            missing.push(Missing {
                what: format!("ptrace: {error}"),
                advice: "`sudo sysctl kernel.yama.ptrace_scope=1`. Docker: `--cap-add SYS_PTRACE`, or `--security-opt \
                         seccomp=unconfined`.",
            });
        }
        missing
    }

    /// What has to be around a jail without namespaces.
    fn surroundings(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        if !self.container {
            missing.push(Missing {
                what: "a container that is thrown away".to_owned(),
                advice: "Run the checker by `docker run --rm`, or by the job of a CI system that starts a container for \
                         it.",
            });
        }
        if !self.interfaces.is_empty() {
            missing.push(Missing {
                what: format!(
                    "no network: the interfaces {} lead to others",
                    self.interfaces.join(", ")
                ),
                advice: "Docker: `--network none`.",
            });
        }
        missing
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.what, self.advice)
    }
}

impl fmt::Display for Containment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Containment::Namespaces => "each program in a jail, in namespaces of its own",
            Containment::Container => {
                "each program in a jail, all of them in a container without network"
            }
            Containment::Weak => "not enough for programs that nobody has read",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::LabError;

    fn machine() -> Probe {
        Probe {
            namespaces: Ok(()),
            sockets: Ok(()),
            calls: Ok(()),
            tracing: Ok(()),
            landlock: Ok(7),
            interfaces: vec!["eth0".to_owned()],
            container: false,
        }
    }

    fn refused<T>() -> Result<T, LabError> {
        Err(LabError::new("refused"))
    }

    #[test]
    fn a_machine_with_namespaces_needs_nothing_else() {
        assert_eq!(machine().containment(), Containment::Namespaces);
        assert_eq!(machine().missing(), []);
    }

    #[test]
    fn without_namespaces_only_a_container_without_network_will_do() {
        let outside = Probe {
            namespaces: refused(),
            ..machine()
        };
        assert_eq!(outside.containment(), Containment::Weak);
        assert_eq!(outside.missing().len(), 3);
        let inside = Probe {
            container: true,
            ..outside
        };
        assert_eq!(inside.containment(), Containment::Weak);
        assert!(inside.missing()[1].what.contains("eth0"));
        let alone = Probe {
            interfaces: Vec::new(),
            ..inside
        };
        assert_eq!(alone.containment(), Containment::Container);
        assert_eq!(alone.missing(), []);
    }

    #[test]
    fn without_landlock_or_ptrace_nothing_will_do() {
        for less in [
            Probe {
                landlock: refused(),
                ..machine()
            },
            Probe {
                landlock: Ok(1),
                ..machine()
            },
            Probe {
                tracing: refused(),
                ..machine()
            },
        ] {
            assert_eq!(less.containment(), Containment::Weak);
            let missing = less.missing();
            assert_eq!(missing.len(), 1, "{missing:?}");
        }
    }
}
