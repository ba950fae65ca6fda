//! A root directory of the test's own, in which a program in a jail finds nothing but what it may reach.
//!
//! Landlock decides which files a program can open. It does not decide to which UNIX sockets it can connect by their paths
//! (unix(7)): any socket of the machine that its user may write to would do. In this root there is none but the
//! program's own, so that a program may have such sockets.

use std::{
    ffi::{CStr, CString},
    fs, io,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::{chdir, chroot},
};

use super::{exec::c_string, jail::Jail};

/// How many symbolic links one path may go through (path_resolution(7) says 40).
const MOST_LINKS: u32 = 40;

/// A file system in memory with all that a jail shows, each in its usual place. Only this mount namespace sees it.
#[derive(Debug)]
pub(super) struct Root {
    place: PathBuf,
    entry: Entry,
}

/// The way into a root, prepared so that the child only makes system calls.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    place: CString,
    folder: CString,
}

impl Root {
    /// Makes one at `place`, an empty folder, which it hides: with what `jail` allows, and the folder of the test.
    ///
    /// # Errors
    ///
    /// Where the machine refuses the mounts.
    pub fn make(place: &Path, jail: &Jail, folder: &Path) -> io::Result<Root> {
        mount(
            Some("tmpfs"),
            place,
            Some("tmpfs"),
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
            Some("size=1m,mode=0755"),
        )?;
        let root = Root {
            place: place.to_owned(),
            entry: Entry {
                place: c_string(place.as_os_str())?,
                folder: c_string(folder.as_os_str())?,
            },
        };
        for path in jail.read.iter().chain(&jail.write) {
            // What is not there is left out, as the jail does.
            if path.exists() {
                root.show(path)?;
            }
        }
        root.show(folder)?;
        Ok(root)
    }

    /// The way into it.
    pub fn entry(&self) -> Entry {
        self.entry.clone()
    }

    /// Where a file of the machine is seen from outside of this root.
    pub fn at(&self, path: &Path) -> PathBuf {
        self.place.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Shows a file, or a folder with all below it, under the path that it has on the machine, with the symbolic links on
    /// the way there.
    pub fn show(&self, path: &Path) -> io::Result<()> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            match first_link(&path) {
                None => return self.bind(&path),
                Some(link) => path = self.copy_link(&link, &path)?,
            }
        }
        Err(io::Error::from_raw_os_error(libc::ELOOP))
    }

    /// Makes the same link here; returns where it leads this path.
    fn copy_link(&self, link: &Path, path: &Path) -> io::Result<PathBuf> {
        let target = fs::read_link(link)?;
        let copy = self.at(link);
        if copy.symlink_metadata().is_err() {
            make_parent(&copy)?;
            symlink(&target, &copy)?;
        }
        let rest = path.strip_prefix(link).map_err(io::Error::other)?;
        let around = link.parent().unwrap_or(link);
        // To join nothing would put a slash behind the name of a file.
        Ok(match rest.as_os_str().is_empty() {
            true => around.join(target),
            false => around.join(target).join(rest),
        })
    }

    fn bind(&self, path: &Path) -> io::Result<()> {
        let (original, copy) = (path.metadata()?, self.at(path));
        let identity = |file: &fs::Metadata| (file.dev(), file.ino());
        if copy
            .metadata()
            .is_ok_and(|copy| identity(&copy) == identity(&original))
        {
            return Ok(());
        }
        match original.is_dir() {
            true => fs::create_dir_all(&copy)?,
            false => {
                make_parent(&copy)?;
                fs::File::create(&copy)?;
            }
        }
        // Without what is mounted below, the kernel refuses it: that may hide something (mount_namespaces(7)).
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        let none: Option<&str> = None;
        Ok(mount(Some(path), &copy, none, flags, none)?)
    }
}

impl Entry {
    /// Makes this process, which must have one thread only, see that root from now on, and work in the folder of the
    /// test. There is no way back for a process without capabilities. It is async-signal-safe.
    ///
    /// The root is moved over the old one, as switch_root(8) does it: pivot_root(2) is refused where the old one is the
    /// first file system of the machine.
    pub fn enter(&self) -> nix::Result<()> {
        const NONE: Option<&CStr> = None;
        unshare(CloneFlags::CLONE_NEWNS)?;
        chdir(self.place.as_c_str())?;
        mount(Some(c"."), c"/", NONE, MsFlags::MS_MOVE, NONE)?;
        chroot(c".")?;
        chdir(self.folder.as_c_str())
    }
}

/// The first part of a path which is a symbolic link.
fn first_link(path: &Path) -> Option<PathBuf> {
    // The shortest ancestor comes last.
    let links = path.ancestors().filter(|beginning| beginning.is_symlink());
    links.last().map(Path::to_owned)
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}
