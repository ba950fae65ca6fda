//! What keeps a submission in its place, and what is missing for it on this machine.

use std::{
    env, fmt, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    arena::{Probe, Tier},
    failure::LabError,
};

/// What a process and all that it starts may reach.
///
/// This is the one place where builds and programs of submissions get their jail. This version of the lab has none: it
/// separates, limits and ends processes, and does not yet keep them from reading what their user can read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Walls {
    /// Files and folders that may be read and executed.
    pub read: Vec<PathBuf>,
    /// Folders that may be written.
    pub write: Vec<PathBuf>,
}

/// Walls that are ready to be put up between fork and exec.
#[derive(Debug)]
pub struct Prepared;

impl Walls {
    /// Whether these walls hold anything back.
    pub const STAND: bool = false;

    /// Opens what is needed to put them up.
    ///
    /// # Errors
    ///
    /// When the machine refuses it.
    pub fn prepare(&self) -> Result<Prepared, LabError> {
        Ok(Prepared)
    }
}

impl Prepared {
    /// Puts them up around this process, for ever. Async-signal-safe.
    ///
    /// # Errors
    ///
    /// With the errno of the call that failed.
    pub fn apply(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Something without which a hostile submission is not contained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What is not there.
    pub what: String,
    /// How to get it.
    pub advice: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.what, self.advice)
    }
}

/// What is missing here for hostile submissions: nothing, if they are contained.
pub fn missing(machine: &Probe) -> Vec<Missing> {
    let mut missing = Vec::new();
    if !Walls::STAND {
        missing.push(Missing {
            what: "builds and programs can read what their user can read: this version of the lab has no jail for them"
                .to_owned(),
            advice: "Grade submissions of a class that means well with --strict=false, or in a throw-away container.",
        });
    }
    match machine.tier() {
        Tier::Full => (),
        Tier::Traced if is_container() => (),
        Tier::Traced => missing.push(Missing {
            what: "tests share this machine's network and processes, which is no throw-away container".to_owned(),
            advice: "Ubuntu 24.04: `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`. Or grade in a \
                     container that is thrown away.",
        }),
        Tier::Watched | Tier::BlackBox => missing.push(Missing {
            what: "programs cannot be traced, so that many tests cannot be checked".to_owned(),
            advice: "`sudo sysctl kernel.yama.ptrace_scope=1`; Docker: `--cap-add SYS_PTRACE`.",
        }),
    }
    missing
}

/// Whether this is a container, as far as container engines tell.
fn is_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"]
        .iter()
        .any(|mark| Path::new(mark).exists())
        || ["container", "KUBERNETES_SERVICE_HOST"]
            .iter()
            .any(|name| env::var_os(name).is_some())
}
