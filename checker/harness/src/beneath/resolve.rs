//! How a path becomes a descriptor without ever leaving its directory.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::{Component, Path},
};

use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2},
    sys::stat::{Mode, fstatat},
};

use super::{AccessError, Directory, Found, LOOK_AT_DIRECTORY};

/// Who resolves a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// The kernel (openat2(2), Linux 5.6); where it has no such call, or a filter refuses it, as below.
    #[default]
    Kernel,
    /// One name at a time, each with O_NOFOLLOW.
    StepByStep,
}

/// For every open: it waits for nobody, becomes nobody's terminal, and ends with an exec.
const ALWAYS: OFlag = OFlag::O_NONBLOCK
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NOFOLLOW);

/// What O_PATH leaves of other flags: openat2 refuses more.
const WITH_A_LOOK: OFlag = OFlag::O_PATH
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NOFOLLOW);

impl Directory {
    /// Opens what lies beneath this directory under a path, through no link. EXDEV says that the path leads out of it.
    pub(super) fn resolve(&self, path: &Path, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
        let is_inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if path.as_os_str().is_empty() || !path.components().all(is_inside) {
            return Err(Errno::EXDEV);
        }
        let flags = match flags.contains(OFlag::O_PATH) {
            true => (flags | ALWAYS) & WITH_A_LOOK,
            false => flags | ALWAYS,
        };
        if self.resolution == Resolution::StepByStep {
            return self.resolve_step_by_step(path, flags, mode);
        }
        let how = OpenHow::new().flags(flags).mode(mode).resolve(
            ResolveFlag::RESOLVE_BENEATH
                | ResolveFlag::RESOLVE_NO_SYMLINKS
                | ResolveFlag::RESOLVE_NO_MAGICLINKS,
        );
        match openat2(&self.fd, path, how) {
            // If it is no filter that says EPERM, each step says it again.
            Err(Errno::ENOSYS | Errno::EPERM) => self.resolve_step_by_step(path, flags, mode),
            opened => opened,
        }
    }

    fn resolve_step_by_step(&self, path: &Path, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
        let mut names: Vec<_> = path
            .components()
            .filter(|part| matches!(part, Component::Normal(_)))
            .map(Component::as_os_str)
            .collect();
        let Some(last) = names.pop() else {
            return openat(&self.fd, ".", flags, mode);
        };
        let mut around: Option<OwnedFd> = None;
        for name in names {
            let at = around.as_ref().map_or(self.fd.as_fd(), AsFd::as_fd);
            let step = openat(
                at,
                name,
                LOOK_AT_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
                Mode::empty(),
            );
            around = Some(step.map_err(|errno| say_link(errno, at, Path::new(name)))?);
        }
        let at = around.as_ref().map_or(self.fd.as_fd(), AsFd::as_fd);
        openat(at, last, flags, mode).map_err(|errno| say_link(errno, at, Path::new(last)))
    }

    /// What an errno means that came from opening or removing this path: it is looked at once more.
    pub(super) fn explain(&self, path: &Path, errno: Errno) -> AccessError {
        let is_about_kind = matches!(errno, Errno::ENOTDIR | Errno::ENXIO | Errno::EISDIR);
        match is_about_kind {
            false => AccessError::of(errno),
            true => match self.kind_on_the_way(path) {
                Some(found) => AccessError::Obstacle(found.kind),
                None => AccessError::Changed,
            },
        }
    }

    /// What lies under the longest beginning of a path under which something lies.
    fn kind_on_the_way(&self, path: &Path) -> Option<Found> {
        path.ancestors()
            .filter(|beginning| !beginning.as_os_str().is_empty())
            .find_map(|beginning| {
                let flags = super::LOOK;
                let fd = self.resolve(beginning, flags, Mode::empty()).ok()?;
                Found::through(fd).ok()
            })
    }
}

/// With O_DIRECTORY, a link is ENOTDIR for openat and ELOOP for openat2.
fn say_link(errno: Errno, at: impl AsFd, name: &Path) -> Errno {
    let is_link = || {
        fstatat(at, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFLNK)
    };
    match errno {
        Errno::ENOTDIR if is_link() => Errno::ELOOP,
        errno => errno,
    }
}
