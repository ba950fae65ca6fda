//! What the lab does with its ends of the programs' pipes.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::failure::{Attempt, LabError};

pub(in crate::lab) fn make_nonblocking(file: &impl AsFd) -> Result<(), LabError> {
    const MAKE: &str = "could not make a pipe non-blocking";
    let fd = file.as_fd();
    let flags = fcntl(fd, FcntlArg::F_GETFL).attempt(MAKE)?;
    fcntl(
        fd,
        FcntlArg::F_SETFL(OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK),
    )
    .attempt(MAKE)?;
    Ok(())
}

/// How many bytes are in a pipe and have not been read (ioctl_pipe(2)).
pub(in crate::lab) fn bytes_in_pipe(pipe: BorrowedFd<'_>) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes an int, which is alive during the call.
    let result = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut count) };
    if result == 0 { count as usize } else { 0 }
}
