//! Somebody who is not root, on a machine where root's own folders are closed to others.

use std::{
    env, fs, io,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// `nobody` if these tests are root's, else whoever runs them.
pub struct OrdinaryUser {
    /// What is root's, for everybody to read.
    folder: TempDir,
    is_root: bool,
}

impl OrdinaryUser {
    pub fn new() -> OrdinaryUser {
        let folder = tempfile::tempdir().unwrap();
        super::open_to_all(folder.path());
        OrdinaryUser {
            folder,
            is_root: nix::unistd::geteuid().is_root(),
        }
    }

    /// A copy of a program, or the program itself, which this user can execute.
    pub fn program(&self, program: &Path) -> PathBuf {
        if !self.is_root {
            return program.to_owned();
        }
        let copy = self.folder.path().join(program.file_name().unwrap());
        fs::copy(program, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        copy
    }

    /// The same for the compiler and the sources of the dependencies; a command finds them in its environment.
    pub fn toolchain(&self) -> [(&'static str, PathBuf); 2] {
        let cargo = PathBuf::from(env!("CARGO"));
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.unwrap_or_else(|| Path::new(&env::var_os("HOME").unwrap()).join(".cargo"));
        if !self.is_root {
            return [("CARGO", cargo), ("CARGO_HOME", home)];
        }
        let sysroot = cargo.ancestors().nth(2).unwrap();
        let (copy, registry) = (
            self.folder.path().join("toolchain"),
            Path::new("cargo/registry"),
        );
        for (from, to) in [
            (sysroot.join("bin"), copy.join("bin")),
            (sysroot.join("lib"), copy.join("lib")),
            (home.join("registry"), self.folder.path().join(registry)),
        ] {
            link_all(&from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        }
        [
            ("CARGO", copy.join("bin/cargo")),
            ("CARGO_HOME", self.folder.path().join("cargo")),
        ]
    }

    /// Has a command run as this user.
    pub fn run(&self, command: &mut Command) {
        command.env("HOME", "/nonexistent");
        if self.is_root {
            command.uid(65_534).gid(65_534);
        }
    }

    /// Gives this user a folder.
    pub fn own(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        if self.is_root {
            std::os::unix::fs::chown(folder, Some(65_534), Some(65_534)).unwrap();
        }
    }
}

/// Makes a folder with the same files, without copying them where that can be avoided. A file that is there already is
/// an error: a copy onto a link to the same file would empty both.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            link_all(&from, &to)?;
        } else if kind.is_file() {
            match fs::hard_link(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    fs::copy(&from, &to)?;
                }
                linked => linked?,
            }
        }
    }
    Ok(())
}
