//! Wrong on purpose: it opens the file for reading, too, which a file that may only be written does not allow.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::{fd::AsFd, unix::ffi::OsStrExt},
    process::ExitCode,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    sys::stat::Mode,
    unistd::{close, read, write},
};

fn main() -> ExitCode {
    // `env::args` panics at an argument which is not UTF-8, and a path is any bytes.
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let (how, path) = match arguments.as_slice() {
        [path] => (OFlag::O_TRUNC, path),
        [option, path] if option == "-a" => (OFlag::O_APPEND, path),
        [option, path] if option == "-x" => (OFlag::O_EXCL, path),
        _ => return usage(),
    };
    if path.as_bytes().starts_with(b"-") {
        return usage();
    }
    match copy(path, how).and_then(say) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("day1_1_file_copy: {reason}");
            ExitCode::from(1)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: day1_1_file_copy [-a|-x] PATH < INPUT");
    ExitCode::from(2)
}

/// Copies standard input into the file, and returns how many bytes that were.
fn copy(path: &OsStr, how: OFlag) -> Result<u64, String> {
    // The kernel does the rest in this one call, and nobody can come in between: it makes the file or refuses to, and
    // it empties it, or puts each later write at its end.
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_CLOEXEC | how;
    // What the umask forbids is taken away from this; a file that is there already keeps what it has.
    let mode = Mode::S_IRUSR | Mode::S_IWUSR | Mode::S_IRGRP | Mode::S_IROTH;
    let file = open(path, flags, mode)
        .map_err(|errno| format!("cannot open {}: {errno}", path.display()))?;

    let input = io::stdin();
    let mut buffer = [0; 64 * 1024];
    let mut count = 0;
    loop {
        match read(&input, &mut buffer) {
            // Nothing comes any more. (A read that is short says nothing of this kind.)
            Ok(0) => break,
            Ok(n) => {
                // The first n bytes are new. What lies behind them is left over from the read before.
                write_all(&file, &buffer[..n]).map_err(|errno| format!("cannot write: {errno}"))?;
                count += n as u64;
            }
            // A signal came before the first byte. Nothing is lost.
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(format!("cannot read: {errno}")),
        }
    }
    // Some file systems can say only now that they could not store what they took. A drop would not tell us.
    close(file).map_err(|errno| format!("cannot close: {errno}"))?;
    Ok(count)
}

/// Writes all of it, in as many calls as it takes.
fn write_all(file: impl AsFd, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match write(&file, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Prints the result. `println!` would panic if it cannot.
fn say(count: u64) -> Result<(), String> {
    writeln!(io::stdout(), "{count} bytes").map_err(|error| format!("cannot print: {error}"))
}
