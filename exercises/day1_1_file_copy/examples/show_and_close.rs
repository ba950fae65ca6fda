//! Shows several files, one behind the other.

use std::{
    env,
    error::Error,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use nix::{
    fcntl::{OFlag, open},
    sys::stat::Mode,
    unistd::{read, write},
};

fn main() -> Result<(), Box<dyn Error>> {
    for path in env::args().skip(1) {
        let file = open_to_read(&path)?;
        eprintln!("{path} is descriptor {}", file.as_raw_fd());
        show(file.as_fd())?;
    }
    Ok(())
}

fn open_to_read(path: &str) -> nix::Result<OwnedFd> {
    open(path, OFlag::O_RDONLY, Mode::empty())
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
