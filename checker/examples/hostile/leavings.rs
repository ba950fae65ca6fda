//! What a program leaves in the place of the file that it was to write, for whoever reads it there.

use std::{
    env,
    ffi::{CString, OsString},
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::{
        fd::AsRawFd,
        unix::{
            ffi::OsStrExt,
            fs::{PermissionsExt, symlink},
        },
    },
};

use super::path;

/// How often names are exchanged.
const TIMES: usize = 10_000;

/// Reads its input to the end, and leaves this. Its argument is the name of the file.
pub fn leaves(what: &str, target: &str) {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input).expect("an input");
    let place = env::args_os().last().expect("a name");
    let left = match what {
        "leaves_copy" => fs::write(&place, target.repeat(20)),
        "leaves_link" => symlink(target, &place),
        "leaves_loop" => symlink(&place, &place),
        "leaves_directory" => fs::create_dir(&place),
        "leaves_fifo" => made(&place, libc::S_IFIFO),
        "leaves_socket" => made(&place, libc::S_IFSOCK),
        "leaves_sparse" => sparse(&place),
        "leaves_closed" => closed(&place, &input),
        "leaves_hard_link" => hard_link(target, &place),
        "leaves_lease" => leased(&place, &input),
        "leaves_closed_folder" => fs::write(&place, &input)
            .and_then(|()| File::open("."))
            .and_then(|folder| folder.set_permissions(fs::Permissions::from_mode(0o000))),
        "leaves_exchange" => exchanged(&place, target, &input),
        other => panic!("{other} is no attack"),
    };
    left.unwrap_or_else(|error| eprintln!("held {what}: {error}"));
    println!("{} bytes", input.len());
}

fn c_name(name: &OsString) -> CString {
    CString::new(name.as_bytes()).expect("no NUL")
}

fn made(place: &OsString, kind: libc::mode_t) -> io::Result<()> {
    // SAFETY: a C string.
    super::result(unsafe { libc::mknod(c_name(place).as_ptr(), kind | 0o600, 0) }.into())
}

/// As long as it may become.
fn sparse(place: &OsString) -> io::Result<()> {
    let file = File::create(place)?;
    // SAFETY: takes numbers. At the largest size of a file, the call then fails.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    file.set_len(4 << 40).or_else(|_| file.set_len(64 << 20))
}

fn closed(place: &OsString, input: &[u8]) -> io::Result<()> {
    fs::write(place, input)?;
    let file = OpenOptions::new().write(true).open(place)?;
    file.set_permissions(fs::Permissions::from_mode(0o000))
}

fn hard_link(target: &str, place: &OsString) -> io::Result<()> {
    match target {
        // Of its own, which is another name for the same file all the same.
        "" => fs::write("own", "mine").and_then(|()| fs::hard_link("own", place)),
        target => fs::hard_link(target, place),
    }
}

/// Somebody who opens it has to wait for a child of this program.
fn leased(place: &OsString, input: &[u8]) -> io::Result<()> {
    fs::write(place, input)?;
    let file = OpenOptions::new().write(true).open(place)?;
    // SAFETY: takes numbers.
    let leased = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_WRLCK) };
    super::result(leased.into())?;
    // SAFETY: takes nothing; this process has one thread.
    if unsafe { libc::fork() } == 0 {
        for number in 0..3 {
            // SAFETY: takes a number. Nobody waits for what the child prints.
            unsafe { libc::close(number) };
        }
        super::wait();
    }
    Ok(())
}

/// A child exchanges the file and a link while the test goes on.
fn exchanged(place: &OsString, target: &str, input: &[u8]) -> io::Result<()> {
    fs::write(place, input)?;
    symlink(target, "link")?;
    let (place, link) = (c_name(place), path("link"));
    // SAFETY: takes nothing; this process has one thread.
    if unsafe { libc::fork() } != 0 {
        return Ok(());
    }
    for number in 0..3 {
        // SAFETY: takes a number. Nobody waits for what the child prints.
        unsafe { libc::close(number) };
    }
    for _ in 0..TIMES {
        // SAFETY: C strings, and numbers.
        unsafe {
            libc::renameat2(
                libc::AT_FDCWD,
                link.as_ptr(),
                libc::AT_FDCWD,
                place.as_ptr(),
                libc::RENAME_EXCHANGE,
            );
        }
    }
    std::process::exit(0);
}
