//! What the lab does with its ends of the programs' pipes.

use std::os::fd::{AsFd, BorrowedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::{
    failure::{Attempt, LabError},
    sys,
};

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
    sys::bytes_to_read(pipe).unwrap_or(0)
}
