//! Shows several files, one behind the other.

use std::{
    env,
    error::Error,
    io,
    os::fd::{BorrowedFd, IntoRawFd, RawFd},
};

use nix::{
    fcntl::{OFlag, open},
    sys::stat::Mode,
    unistd::{read, write},
};

fn main() -> Result<(), Box<dyn Error>> {
    for path in env::args().skip(1) {
        let number = open_to_read(&path)?;
        eprintln!("{path} is descriptor {number}");
        // SAFETY: the number was opened in the line before, and nobody closes it.
        show(unsafe { BorrowedFd::borrow_raw(number) })?;
    }
    Ok(())
}

fn open_to_read(path: &str) -> nix::Result<RawFd> {
    let file = open(path, OFlag::O_RDONLY, Mode::empty())?;
    Ok(file.into_raw_fd())
}

fn show(file: BorrowedFd) -> nix::Result<()> {
    let mut buffer = [0; 16];
    loop {
        let n = read(file, &mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        write(io::stdout(), &buffer[..n])?;
    }
}
