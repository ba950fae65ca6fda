//! What takes rights away from a process and from all that it starts, for ever.

use std::{
    os::fd::{AsFd, OwnedFd},
    ptr,
};

use nix::{Result, errno::Errno};

use super::{new_fd, raw};

/// Installs a seccomp filter (seccomp(2)). It needs no_new_privs.
pub fn install_filter(program: &[libc::sock_filter]) -> Result<()> {
    let program = libc::sock_fprog {
        len: program.len() as libc::c_ushort,
        filter: program.as_ptr().cast_mut(),
    };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: the kernel copies the program, which is alive during the call.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, mode, 0, &raw const program) };
    Errno::result(result).map(drop)
}

/// Gives up all capabilities of this thread (capset(2)).
pub fn drop_capabilities() -> Result<()> {
    /// `_LINUX_CAPABILITY_VERSION_3`, and 0 for this thread.
    const HEADER: [u32; 2] = [0x2008_0522, 0];
    /// Effective, permitted and inheritable, in two halves.
    const NONE: [u32; 6] = [0; 6];
    // SAFETY: the kernel reads a header and the sets, both of which are constants.
    let result = unsafe { libc::syscall(libc::SYS_capset, HEADER.as_ptr(), NONE.as_ptr()) };
    Errno::result(result).map(drop)
}

/// Lets no exec bring capabilities back: those of the bounding set and the ambient ones go (prctl(2),
/// capabilities(7)). What is refused was not there.
pub fn drop_inheritable_capabilities() {
    /// More than there are.
    const MOST: libc::c_ulong = 63;
    for capability in 0..=MOST {
        // SAFETY: takes numbers.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
    let clear = libc::PR_CAP_AMBIENT_CLEAR_ALL;
    // SAFETY: takes numbers.
    unsafe { libc::prctl(libc::PR_CAP_AMBIENT, clear, 0, 0, 0) };
}

/// `struct landlock_ruleset_attr` (landlock_create_ruleset(2)).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RulesetAttributes {
    /// Which rights to files it decides about.
    pub files: u64,
    /// Which rights to the network.
    pub network: u64,
    /// From what it keeps apart.
    pub scopes: u64,
}

/// `struct landlock_path_beneath_attr`, which the kernel has packed.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    directory: i32,
}

/// The version of Landlock that this machine speaks.
pub fn landlock_version() -> Result<u32> {
    const ASK_FOR_VERSION: libc::c_uint = 1;
    let create = libc::SYS_landlock_create_ruleset;
    // SAFETY: with this flag the kernel takes no structure.
    let version = unsafe { libc::syscall(create, ptr::null::<u8>(), 0, ASK_FOR_VERSION) };
    Errno::result(version).map(|version| version as u32)
}

/// A ruleset that allows nothing of what it decides about.
pub fn landlock_ruleset(attributes: &RulesetAttributes) -> Result<OwnedFd> {
    // An older kernel takes a longer structure than its own if what it does not know is zero.
    let size = size_of::<RulesetAttributes>();
    let create = libc::SYS_landlock_create_ruleset;
    // SAFETY: the kernel reads a structure of this size, which is alive during the call.
    new_fd(unsafe { libc::syscall(create, ptr::from_ref(attributes), size, 0) })
}

/// Allows rights to a file, or to a directory and all below it (landlock_add_rule(2)).
pub fn landlock_allow(ruleset: impl AsFd, file: impl AsFd, allowed: u64) -> Result<()> {
    const PATH_BENEATH: libc::c_uint = 1;
    let rule = PathBeneath {
        allowed,
        directory: raw(&file),
    };
    let (add, ruleset) = (libc::SYS_landlock_add_rule, raw(&ruleset));
    // SAFETY: the kernel reads a structure which is alive during the call.
    let result = unsafe { libc::syscall(add, ruleset, PATH_BENEATH, &raw const rule, 0) };
    Errno::result(result).map(drop)
}

/// Puts this thread and all that it starts under a ruleset (landlock_restrict_self(2)). It needs no_new_privs.
pub fn landlock_restrict(ruleset: impl AsFd) -> Result<()> {
    let restrict = libc::SYS_landlock_restrict_self;
    // SAFETY: takes numbers.
    Errno::result(unsafe { libc::syscall(restrict, raw(&ruleset), 0) }).map(drop)
}
