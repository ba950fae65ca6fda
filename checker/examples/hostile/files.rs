//! Files of others, and files without measure.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink},
    path::Path,
    process, ptr,
};

use super::{Found, path, result, say, tell, wait, waited_for};

/// Files of others, by their names and by the names of links to them.
pub fn reads(target: &str) {
    let read = |path: &str| {
        let mut bytes = [0; 16];
        File::open(path)?.read_exact(&mut bytes)
    };
    tell("the file", read(target));
    let folder = Path::new(target).parent().unwrap();
    tell("its folder", fs::read_dir(folder).map(drop));
    tell(
        "a symbolic link",
        symlink(target, "link").and_then(|()| read("link")),
    );
    tell(
        "a hard link",
        fs::hard_link(target, "hard").and_then(|()| read("hard")),
    );
    tell("by executing it", executes(target));
    tell(
        "its old name",
        fs::rename(target, "mine").and_then(|()| read("mine")),
    );
}

fn executes(target: &str) -> Found {
    let target = path(target);
    let arguments = [target.as_ptr(), ptr::null()];
    // SAFETY: takes nothing; this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: a path, and an array that ends with null. It returns only if it fails.
        unsafe { libc::execv(target.as_ptr(), arguments.as_ptr()) };
        let could_be_read = io::Error::last_os_error().raw_os_error() == Some(libc::ENOEXEC);
        process::exit((!could_be_read).into());
    }
    waited_for(child)
}

/// Files of others.
pub fn writes(target: &str) {
    let append = || {
        OpenOptions::new()
            .append(true)
            .open(target)?
            .write_all(b"mine\n")
    };
    tell("append", append());
    let beside = Path::new(target).with_file_name("planted");
    tell("a file beside it", fs::write(beside, "mine"));
    tell("cut", {
        let target = path(target);
        // SAFETY: a C string.
        result(unsafe { libc::truncate(target.as_ptr(), 0) }.into())
    });
    tell("remove", fs::remove_file(target));
}

/// Modes and times of files of others, which need no descriptor.
pub fn changes(target: &str) {
    let open = fs::Permissions::from_mode(0o777);
    tell("mode", fs::set_permissions(target, open));
    let c_target = path(target);
    // SAFETY: C strings, and null for the present time.
    unsafe {
        tell(
            "times",
            result(libc::utimensat(libc::AT_FDCWD, c_target.as_ptr(), ptr::null(), 0).into()),
        );
        let name = c"user.mine";
        tell(
            "attributes",
            result(
                libc::setxattr(c_target.as_ptr(), name.as_ptr(), name.as_ptr().cast(), 4, 0).into(),
            ),
        );
        let value = AttributeValue {
            value: name.as_ptr() as u64,
            size: 4,
            flags: 0,
        };
        tell(
            "attributes by setxattrat",
            result(libc::syscall(
                SETXATTRAT,
                libc::AT_FDCWD,
                c_target.as_ptr(),
                0,
                name.as_ptr(),
                &raw const value,
                size_of_val(&value),
            )),
        );
        tell(
            "attributes by removexattrat",
            result(libc::syscall(
                REMOVEXATTRAT,
                libc::AT_FDCWD,
                c_target.as_ptr(),
                0,
                name.as_ptr(),
            )),
        );
        // Some file systems have no such flags, and say so by another errno than a jail.
        let flags = FileAttributes::default();
        let set = result(libc::syscall(
            FILE_SETATTR,
            libc::AT_FDCWD,
            c_target.as_ptr(),
            &raw const flags,
            size_of_val(&flags),
            0,
        ));
        tell(
            "flags",
            set.or_else(|error| match error.raw_os_error() {
                Some(libc::EOPNOTSUPP) => Ok(()),
                _ => Err(error),
            }),
        );
    }
}

const SETXATTRAT: libc::c_long = 463;
const REMOVEXATTRAT: libc::c_long = 466;
const FILE_SETATTR: libc::c_long = 469;

/// `struct xattr_args`
#[repr(C)]
struct AttributeValue {
    value: u64,
    size: u32,
    flags: u32,
}

/// `struct file_attr`
#[repr(C)]
#[derive(Default)]
struct FileAttributes {
    flags: u64,
    extent_size: u32,
    extents: u32,
    project: u32,
    copy_on_write_extent_size: u32,
}

/// Links in its own folder, for whoever cleans up there.
pub fn plants_links(target: &str) {
    let close = || {
        fs::create_dir("closed")?;
        fs::write("closed/file", "mine")?;
        File::open("closed")?.set_permissions(fs::Permissions::from_mode(0o000))
    };
    tell("a closed folder", close());
    let planted = symlink(target, "folder").and_then(|()| symlink("/etc/hostname", "file"));
    tell("links", planted);
}

const MIB: usize = 1 << 20;

/// So many MiB, in files that it removes at once. What is held is what the machine keeps.
pub fn fills_the_disk(most: i32) {
    let most = most as usize * MIB;
    let remove = |name: &str| {
        let _ = fs::remove_file(name);
    };
    told_of_bytes(hoard(most, remove).1, most);
}

/// All that its folder takes, in files that stay; then it waits, as if nothing were wrong.
pub fn fills_and_stays() {
    let (_files, written) = hoard(usize::MAX, |_| ());
    println!("listening 127.0.0.1:1");
    say(&format!("held all: {written} bytes"));
    wait();
}

/// Writes files of a MiB or more until it has written so much, or no more is taken.
fn hoard(most: usize, made: impl Fn(&str)) -> (Vec<File>, usize) {
    let piece = vec![1u8; MIB];
    let mut written = 0;
    let mut files = Vec::new();
    // SAFETY: takes numbers. At the largest size of a file, write then fails.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    for number in 0.. {
        let name = format!("file{number}");
        let Ok(mut file) = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&name)
        else {
            break;
        };
        made(&name);
        let before = written;
        while written < most && file.write_all(&piece).is_ok() {
            written += piece.len();
        }
        files.push(file);
        if written == before || written >= most {
            break;
        }
    }
    (files, written)
}

fn told_of_bytes(written: usize, most: usize) {
    let all = format!("{} MiB", most / MIB);
    let found = match written < most {
        true => Err(io::Error::other(format!("{written} bytes"))),
        false => Ok(()),
    };
    tell(&all, found);
}

/// Empty ones.
pub fn makes_many_files(most: i32) {
    let made = (0..most).take_while(|number| File::create(format!("file{number}")).is_ok());
    let made = made.count();
    tell(
        &format!("{most} files"),
        match made == most as usize {
            true => Ok(()),
            false => Err(io::Error::other(format!("{made} files"))),
        },
    );
}

/// Files in memory that lie in no folder, which no file system counts.
pub fn hoards_in_nameless_files() {
    // SAFETY: takes a C string and a number.
    let made = unsafe { libc::memfd_create(c"hoard".as_ptr(), 0) };
    tell("a file in memory", result(made.into()));
}
