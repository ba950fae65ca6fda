//! A jail for one program and all that it starts: what it cannot do whatever its code says.
//!
//! Three walls, which the kernel keeps, and which hold in namespaces and without:
//!
//! - Landlock (`landlock`): no file but those on a list. So nothing is read or changed outside of the test's own folder,
//!   and nothing that would show the checker: there is no /proc.
//! - A filter of system calls (`refusals`): what Landlock does not know of.
//! - Limits (setrlimit(2)), and no capability, not even in a user namespace.
//!
//! All files that it makes lie in the folder of its [sandbox](super::Sandbox::folder), which in namespaces takes so much and
//! no more.
//!
//! In namespaces a program also gets a root directory of its own (`sandbox::root`), for what Landlock does not know of
//! paths. Where tests share the machine's network and processes, the tracer keeps the program [within
//! bounds](crate::observe::tracer::Bounds) as well. A jail is prepared in the parent; between fork and exec it is only
//! [applied](Prepared::apply).

mod landlock;
mod refusals;

use std::{
    fs,
    os::fd::BorrowedFd,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// The first version of Landlock that is good enough: under older ones nothing compiles.
pub use landlock::WITH_RENAME as LEAST;
pub use landlock::version as landlock_version;

use self::{
    landlock::{Access, Ruleset},
    refusals::Circumstances,
};
use super::{Isolation, Limits, root::Entry};
use crate::{failure::LabError, observe::tracer::Refusal, sys};

/// What a program or a build may reach, and how much of it. What is not named here is out of reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jail {
    /// Files and folders which may be read and executed, with all below them. What is not there is left out.
    pub read: Vec<PathBuf>,
    /// Files and folders which may also be changed. They must be there.
    pub write: Vec<PathBuf>,
    /// What may not be read even though it lies below a folder of `read`.
    pub hidden: Vec<PathBuf>,
    /// What each process may use up, and how many there may be.
    pub limits: Limits,
    /// Whether it may have sockets of the internet.
    pub network: bool,
    /// Whether it compiles and links, for which files get modes and times.
    pub builds: bool,
}

/// Where a program is that gets into a jail.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// The kind of its sandbox.
    pub isolation: Isolation,
    /// An open folder, in which it may change everything.
    pub folder: Option<BorrowedFd<'a>>,
    /// The root directory that it gets, if not the machine's.
    pub root: Option<Entry>,
}

/// What every program needs to start, and to look up names and times.
const SYSTEM: &[&str] = &[
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/dev/random",
    "/dev/urandom",
];

/// Where Debian 13, Ubuntu 24.04 and Fedora keep what gcc itself starts. Elsewhere that is in `/usr/lib`.
const COMPILER: &str = "/usr/libexec/gcc";

/// Devices which keep nothing.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full"];

impl Jail {
    /// The jail of a program of the course: the system's libraries and commands, and its own network. The worker adds
    /// the program itself and the folder of the test.
    pub fn of_a_program() -> Jail {
        Jail {
            read: SYSTEM.iter().map(PathBuf::from).collect(),
            write: DEVICES.iter().map(PathBuf::from).collect(),
            hidden: lab_itself(),
            limits: Limits {
                // A test may let its program have more than the others have.
                processes: 2 * Limits::default().processes,
                core: 16 << 20,
                ..Limits::default()
            },
            network: true,
            builds: false,
        }
    }

    /// The jail of a build, with no network at all: the system's compiler and linker may be read; `read` adds the
    /// toolchain, the registry and what is compiled, `write` where the result goes.
    pub fn of_a_build(read: Vec<PathBuf>, write: Vec<PathBuf>) -> Jail {
        let mut jail = Jail::of_a_program();
        jail.read.push(COMPILER.into());
        jail.read.extend(read);
        jail.write.extend(write);
        Jail {
            limits: Limits {
                memory: 8 << 30,
                file: 256 << 20,
                descriptors: 1024,
                processes: 128,
                processor: 60,
                core: 0,
            },
            network: false,
            builds: true,
            ..jail
        }
    }

    /// Opens all that it needs, for a program in these surroundings. The program's own file may be read, whatever is
    /// hidden.
    ///
    /// # Errors
    ///
    /// Where there is no Landlock, or a folder to be written is not there.
    pub(super) fn prepare(
        &self,
        program: &Path,
        surroundings: Surroundings<'_>,
    ) -> Result<Prepared, LabError> {
        let Surroundings {
            isolation,
            folder,
            root,
        } = surroundings;
        let version = landlock::version()?;
        let mut ruleset = Ruleset::new(self.network)?;
        let hidden: Vec<PathBuf> = self
            .hidden
            .iter()
            .filter_map(|path| path.canonicalize().ok())
            .collect();
        for path in &self.read {
            // Landlock goes by what a link leads to, and so does this.
            if let Ok(path) = path.canonicalize() {
                allow_all_but(&mut ruleset, &path, &hidden)?;
            }
        }
        ruleset.allow(program, Access::Read)?;
        for path in &self.write {
            ruleset.allow(path, Access::Write)?;
        }
        if let Some(folder) = folder {
            ruleset.allow_open(
                folder,
                Access::Write,
                "could not allow its folder to a jail",
            )?;
        }
        let circumstances = Circumstances {
            network: self.network,
            builds: self.builds,
            sees_others: isolation == Isolation::Shared,
            sees_others_files: root.is_none(),
            truncate_needs_right: version >= landlock::WITH_TRUNCATE,
        };
        Ok(Prepared {
            ruleset,
            refusals: circumstances.refusals(),
            root,
        })
    }
}

/// The checker's own file, in which the hidden tests are.
fn lab_itself() -> Vec<PathBuf> {
    std::env::current_exe().into_iter().collect()
}

/// Landlock takes nothing away from a folder that it allows. So where something below is hidden, all beside it is
/// allowed one by one.
fn allow_all_but(ruleset: &mut Ruleset, path: &Path, hidden: &[PathBuf]) -> Result<(), LabError> {
    if hidden.iter().any(|hidden| path.starts_with(hidden)) {
        return Ok(());
    }
    if !hidden.iter().any(|hidden| hidden.starts_with(path)) {
        return ruleset.allow(path, Access::Read);
    }
    let entries = fs::read_dir(path)
        .map_err(|error| LabError::io(format!("could not list {}", path.display()), &error))?;
    for entry in entries.flatten() {
        // A link is allowed by what it leads to, if that is.
        if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
            allow_all_but(ruleset, &entry.path(), hidden)?;
        }
    }
    Ok(())
}

/// A jail with everything open that it needs.
#[derive(Debug)]
pub struct Prepared {
    ruleset: Ruleset,
    refusals: Vec<Refusal>,
    root: Option<Entry>,
}

impl Prepared {
    /// The calls that its filter has to refuse.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Locks this process in: from now on it has no capability, and reaches no file that is not allowed. The filter
    /// comes last, since it refuses further filters. The root comes first: it needs capabilities, and Landlock allows no
    /// mount.
    ///
    /// Only between fork and exec, with no_new_privs: it changes the whole process. It is async-signal-safe.
    pub fn apply(&self) -> nix::Result<()> {
        if let Some(root) = &self.root {
            root.enter()?;
        }
        // A process of root, also of the root of a user namespace, would get all of them back by its exec
        // (capabilities(7)). What is refused was not there.
        sys::confine::drop_inheritable_capabilities();
        let _ = sys::confine::drop_capabilities();
        self.ruleset.restrict()
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::CommandExt, process::Command};

    use super::*;

    /// Whether cat, in a jail or not, can print a file.
    fn can_read(file: &Path, jail: Option<&Jail>) -> bool {
        let mut cat = Command::new("/bin/cat");
        cat.arg(file);
        if let Some(jail) = jail {
            let surroundings = Surroundings {
                isolation: Isolation::Shared,
                folder: None,
                root: None,
            };
            let cat_in_jail = jail.prepare("/bin/cat".as_ref(), surroundings).unwrap();
            // SAFETY: async-signal-safe calls, with what was made before the fork.
            unsafe {
                cat.pre_exec(move || {
                    nix::sys::prctl::set_no_new_privs()?;
                    Ok(cat_in_jail.apply()?)
                });
            }
        }
        cat.output().unwrap().status.success()
    }

    /// Distributions keep them in different places.
    #[test]
    fn a_build_reaches_what_the_linker_starts() {
        let jail = Jail::of_a_build(Vec::new(), Vec::new());
        for name in ["collect2", "ld"] {
            let mut cc = Command::new("cc");
            let output = cc.arg(format!("-print-prog-name={name}")).output();
            let path = String::from_utf8(output.unwrap().stdout).unwrap();
            let path = Path::new(path.trim());
            // A bare name stands for what PATH finds.
            let path = Path::new("/usr/bin").join(path);
            assert!(can_read(&path, Some(&jail)), "{}", path.display());
        }
    }

    #[test]
    fn what_is_not_named_or_is_hidden_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, "content").unwrap();
            path
        };
        let (open, hidden) = (file("open"), file("hidden"));
        let mut jail = Jail::of_a_program();
        assert!(can_read(&open, None));
        assert!(!can_read(&open, Some(&jail)));
        jail.read.push(folder.path().to_owned());
        assert!(can_read(&open, Some(&jail)) && can_read(&hidden, Some(&jail)));
        jail.hidden.push(hidden.clone());
        assert!(can_read(&open, Some(&jail)));
        assert!(!can_read(&hidden, Some(&jail)));
    }
}
