//! Builds that are not trusted: where they find the compiler, and what they are confined to.

use std::{
    env, fs, io,
    os::unix::fs::symlink,
    path::{self, Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    failure::{Attempt, LabError},
    sandbox::{Confinement, Isolation, Jail},
};

/// Where the compiler is.
#[derive(Clone, Debug)]
pub struct Toolchain {
    cargo: PathBuf,
    sysroot: PathBuf,
    home: PathBuf,
    registry: PathBuf,
}

/// How something is built that is not trusted: by the toolchain's own cargo, in a jail, without the internet.
#[derive(Clone, Debug)]
pub struct Confined {
    cargo: PathBuf,
    /// What holds the build.
    pub confinement: Confinement,
}

impl Toolchain {
    /// The toolchain of the cargo that runs this program, or of the one in PATH: itself, and not rustup's stand-in,
    /// which looks for a toolchain file in the current folder. In `place`, which no build may write, it gets a folder for
    /// cargo, in which there is nothing of its user's but the registry: no settings, and no keys.
    ///
    /// # Errors
    ///
    /// When there is no compiler, or it does not tell where it is; or when that folder cannot be made.
    pub fn find(place: &Path) -> Result<Toolchain, LabError> {
        const FIND: &str = "could not find the compiler";
        let beside = env::var_os("CARGO")
            .map(|cargo| Path::new(&cargo).with_file_name("rustc"))
            .filter(|rustc| rustc.is_file());
        let rustc = beside.unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc)
            .args(["--print", "sysroot"])
            .current_dir("/")
            .output()
            .map_err(|error| {
                let detail = format!("{error}; is Rust installed? See https://rustup.rs");
                LabError::with_detail(FIND, detail)
            })?;
        let sysroot = output.attempt(FIND)?;
        let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot).trim());
        let cargo = [sysroot.join("bin/cargo"), PathBuf::from("/usr/bin/cargo")]
            .into_iter()
            .find(|cargo| cargo.is_file())
            .ok_or_else(|| {
                LabError::with_detail(FIND, format!("there is no cargo in {}", sysroot.display()))
            })?;
        let registry = env::var_os("CARGO_HOME").map(PathBuf::from);
        let registry = registry
            .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
            .ok_or_else(|| {
                LabError::new("could not find cargo's folder: neither CARGO_HOME nor HOME is set")
            })?
            .join("registry");
        Ok(Toolchain {
            cargo,
            sysroot,
            home: bare_home(place, &registry).attempt("could not make a folder for cargo")?,
            registry,
        })
    }

    /// What the compiler says of itself: its release, commit and host.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or fails.
    pub fn version(&self) -> Result<Vec<u8>, LabError> {
        const ASK: &str = "could not ask the compiler for its version";
        let rustc = self.sysroot.join("bin/rustc");
        let output = Command::new(rustc).arg("-vV").current_dir("/").output();
        output.attempt(ASK)?.attempt(ASK)
    }

    /// How to build a workspace that may read these files and folders besides its own manifest, and change only its
    /// lock file and `target`, which is made if it is not there. Cargo does so many `jobs` at once.
    ///
    /// # Errors
    ///
    /// When `target` cannot be made.
    pub fn confine(
        &self,
        root: &Path,
        target: &Path,
        sources: &[PathBuf],
        jobs: usize,
        isolation: Isolation,
    ) -> Result<Confined, LabError> {
        // The next build would go by settings that this one leaves there.
        debug_assert!(
            !self.home.starts_with(target),
            "a build may write cargo's folder"
        );
        let temporary = target.join("tmp");
        fs::create_dir_all(&temporary)
            .attempt(&format!("could not make {}", temporary.display()))?;
        let mut read = vec![
            self.sysroot.clone(),
            self.home.clone(),
            self.registry.clone(),
            root.join("Cargo.toml"),
        ];
        read.extend_from_slice(sources);
        let lock = root.join("Cargo.lock");
        let write = [target.to_owned()]
            .into_iter()
            // A user who can write to the workspace could make a symbolic link of that name.
            .chain(is_own_file(&lock).then_some(lock));
        let bin = self.sysroot.join("bin");
        let variables = [
            (
                "PATH",
                format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()),
            ),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("HOME", temporary.display().to_string()),
            ("TMPDIR", temporary.display().to_string()),
            ("CARGO_HOME", self.home.display().to_string()),
            ("CARGO_INCREMENTAL", "0".to_owned()),
            ("CARGO_NET_OFFLINE", "true".to_owned()),
            ("CARGO_BUILD_JOBS", jobs.to_string()),
        ];
        let mut jail = Jail::of_a_build(read, write.collect());
        // A job is a compiler or a linker, with threads of its own.
        jail.limits.processes = 64 + 32 * jobs as u64;
        Ok(Confined {
            cargo: self.cargo.clone(),
            confinement: Confinement {
                jail,
                has_walls: true,
                isolation,
                environment: variables
                    .map(|(name, value)| (name.to_owned(), value))
                    .into(),
                memory: 4 << 30,
                // Far more than the processor time, because others may use the processors, too.
                time: Duration::from_secs(300),
                lock: None,
            },
        })
    }
}

impl Confined {
    /// The cargo. It reads settings from the current folder and from all above it, which other users may control. So it
    /// starts in the root folder.
    pub(super) fn cargo(&self) -> Command {
        let mut command = Command::new(&self.cargo);
        command.current_dir("/");
        command
    }

    /// What a student gets to read when the compiler ended without an error in the source: it was too much for one of
    /// its processes. `said` is what cargo says about it.
    pub fn no_end(&self, said: &str) -> Vec<String> {
        let Confinement {
            memory, time, jail, ..
        } = &self.confinement;
        let limits = format!(
            "The compiler came to no end: it may use {} s of processor time, {} GiB of memory, and {} s in all.\n",
            jail.limits.processor,
            memory >> 30,
            time.as_secs()
        );
        let said = Some(said.trim()).filter(|said| !said.is_empty());
        [Some(limits), said.map(str::to_owned)]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// A regular file, and not what a link leads to.
fn is_own_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

fn bare_home(place: &Path, registry: &Path) -> io::Result<PathBuf> {
    let home = place.join("cargo-home");
    fs::create_dir_all(&home)?;
    let (registry, link) = (path::absolute(registry)?, home.join("registry"));
    // Another build may be using it.
    if fs::read_link(&link).is_ok_and(|known| known == registry) {
        return Ok(home);
    }
    // Another checker may be here at the same time: the link is there or not, and never removed.
    let new = tempfile::Builder::new().make_in(&home, |path| symlink(&registry, path))?;
    new.into_temp_path().persist(link)?;
    Ok(home)
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    #[test]
    fn two_first_builds_share_a_home() {
        for _ in 0..20 {
            let place = tempfile::tempdir().unwrap();
            let start = Barrier::new(4);
            let make = || {
                start.wait();
                let home = bare_home(place.path(), "/registry".as_ref()).unwrap();
                assert!(fs::read_link(home.join("registry")).is_ok());
            };
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(make);
                }
            });
            let left = fs::read_dir(place.path().join("cargo-home"));
            assert_eq!(left.unwrap().count(), 1);
        }
    }
}
