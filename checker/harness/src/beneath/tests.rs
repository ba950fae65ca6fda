use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use nix::errno::Errno;

use super::*;

const SECRET: &[u8] = b"the secret";

/// A directory with one of each kind in it, and a secret beside it; seen in both ways.
fn everywhere(see: impl Fn(&Directory, &Path)) {
    for resolution in [Resolution::Kernel, Resolution::StepByStep] {
        let around = tempfile::tempdir().unwrap();
        let top = around.path().join("top");
        fs::create_dir_all(top.join("inner/deeper")).unwrap();
        fs::write(around.path().join("secret"), SECRET).unwrap();
        fs::write(top.join("file"), "content").unwrap();
        fs::write(top.join("inner/file"), "inside").unwrap();
        symlink("../secret", top.join("link")).unwrap();
        symlink("file", top.join("near")).unwrap();
        symlink("loop", top.join("loop")).unwrap();
        symlink("..", top.join("up")).unwrap();
        symlink("inner", top.join("sideways")).unwrap();
        symlink("/proc/self/root", top.join("magic")).unwrap();
        nix::unistd::mkfifo(&top.join("fifo"), Mode::S_IRWXU).unwrap();
        let _socket = UnixListener::bind(top.join("socket")).unwrap();
        let directory = Directory::open(&top).unwrap().resolving(resolution);
        see(&directory, &top);
        let secret = fs::read(around.path().join("secret"));
        assert_eq!(secret.unwrap(), SECRET, "{resolution:?}");
    }
}

#[test]
fn a_regular_file_is_read_and_nothing_else_is() {
    everywhere(|directory, _| {
        assert_eq!(directory.read("file", 100).unwrap(), b"content");
        assert_eq!(directory.read("inner/file", 100).unwrap(), b"inside");
        assert_eq!(directory.read("./inner/./file", 100).unwrap(), b"inside");
        let refused = |path: &str| directory.read(path, 100).unwrap_err();
        for (path, kind) in [
            ("link", FileKind::SymbolicLink),
            ("near", FileKind::SymbolicLink),
            ("loop", FileKind::SymbolicLink),
            ("inner", FileKind::Directory),
            ("fifo", FileKind::Fifo),
            ("socket", FileKind::Socket),
            // On the way.
            ("up/secret", FileKind::SymbolicLink),
            ("sideways/file", FileKind::SymbolicLink),
            ("magic/etc/passwd", FileKind::SymbolicLink),
            ("file/below", FileKind::File),
            ("fifo/below", FileKind::Fifo),
        ] {
            assert_eq!(refused(path), AccessError::Obstacle(kind), "{path}");
        }
        for path in ["", ".", "..", "../secret", "inner/../file", "/etc/passwd"] {
            let error = refused(path);
            let is_refused = matches!(
                error,
                AccessError::Outside | AccessError::Obstacle(FileKind::Directory)
            );
            assert!(is_refused, "{path}: {error}");
        }
        assert_eq!(refused("nothing"), AccessError::Missing);
        assert_eq!(refused("nothing/below"), AccessError::Missing);
    });
}

#[test]
fn a_device_is_not_even_opened() {
    for resolution in [Resolution::Kernel, Resolution::StepByStep] {
        let devices = Directory::open(Path::new("/dev")).unwrap();
        let devices = devices.resolving(resolution);
        for access in [Access::Read, Access::Append, Access::Write] {
            for name in ["zero", "tty"] {
                let refused = devices.file(name, access).unwrap_err();
                assert_eq!(refused, AccessError::Obstacle(FileKind::Device), "{name}");
            }
        }
    }
}

#[test]
fn a_read_is_bounded_whatever_the_size() {
    everywhere(|directory, top| {
        let sparse = fs::File::create(top.join("sparse")).unwrap();
        sparse.set_len(1 << 40).unwrap();
        let too_large = AccessError::TooLarge {
            size: 1 << 40,
            most: 1000,
        };
        assert_eq!(directory.read("sparse", 1000).unwrap_err(), too_large);
        assert_eq!(directory.look("sparse").unwrap().allocated, 0);
        assert_eq!(directory.read("file", 7).unwrap(), b"content");
        let grown = AccessError::TooLarge { size: 7, most: 6 };
        assert_eq!(directory.read("file", 6).unwrap_err(), grown);
        // It grows between the look and the read.
        let mut file = directory.file("file", Access::Read).unwrap();
        fs::write(top.join("file"), "longer content").unwrap();
        let grown = AccessError::TooLarge { size: 11, most: 10 };
        assert_eq!(file.read(10).unwrap_err(), grown);
    });
}

#[test]
fn a_look_tells_of_the_link_and_not_of_its_target() {
    everywhere(|directory, _| {
        let kind = |path: &str| directory.look(path).unwrap().kind;
        assert_eq!(kind("link"), FileKind::SymbolicLink);
        assert_eq!(kind("magic"), FileKind::SymbolicLink);
        assert_eq!(kind("fifo"), FileKind::Fifo);
        assert_eq!(kind("inner/deeper"), FileKind::Directory);
        assert_eq!(directory.look("file").unwrap().size, 7);
        assert_eq!(
            directory.read_symbolic_link("link").unwrap(),
            OsStr::new("../secret")
        );
        let no_link = directory.read_symbolic_link("file").unwrap_err();
        assert_eq!(no_link, AccessError::Obstacle(FileKind::File));
    });
}

#[test]
fn nothing_is_written_through_a_link() {
    everywhere(|directory, top| {
        for access in [Access::Append, Access::Write] {
            let refused = directory.file("link", access).unwrap_err();
            assert_eq!(refused, AccessError::Obstacle(FileKind::SymbolicLink));
        }
        symlink("../made", top.join("nowhere")).unwrap();
        let refused = directory.make_file("nowhere", 0o600).unwrap_err();
        assert_eq!(refused, AccessError::Exists);
        assert!(!top.join("../made").exists());
        for path in ["up/made", "sideways/made"] {
            let refused = directory.make_file(path, 0o600).unwrap_err();
            assert_eq!(refused, AccessError::Obstacle(FileKind::SymbolicLink));
        }
        let refused = directory
            .handle("link")
            .unwrap()
            .change_permissions(0o777)
            .unwrap_err();
        assert_eq!(refused, AccessError::Obstacle(FileKind::SymbolicLink));
        let made = directory.directory_or_new("sideways", 0o700).unwrap_err();
        assert_eq!(made, AccessError::Obstacle(FileKind::SymbolicLink));
        // A name is exchanged, not what it leads to.
        directory.rename("file", "link").unwrap();
        assert_eq!(directory.read("link", 100).unwrap(), b"content");
        directory.link("near", "second").unwrap();
        assert_eq!(
            directory.look("second").unwrap().kind,
            FileKind::SymbolicLink
        );
    });
}

#[test]
fn what_is_made_is_there() {
    everywhere(|directory, top| {
        let mut file = directory.make_file("inner/new", 0o600).unwrap();
        file.write(b"first").unwrap();
        file.replace(b"new").unwrap();
        assert_eq!(
            directory.make_file("inner/new", 0o600).unwrap_err(),
            AccessError::Exists
        );
        let mut end = directory.file("inner/new", Access::Append).unwrap();
        end.write(b"er").unwrap();
        assert_eq!(fs::read(top.join("inner/new")).unwrap(), b"newer");
        directory
            .handle("inner/new")
            .unwrap()
            .change_permissions(0o200)
            .unwrap();
        assert_eq!(directory.look("inner/new").unwrap().permissions, 0o200);
        let name = OsStr::from_bytes(b"c\xf4t\xe9");
        directory.link("inner/new", name).unwrap();
        let found = directory.look(name).unwrap();
        assert_eq!(found.expect_names(2), Ok(()));
        assert_eq!(found.expect_names(1), Err(AccessError::OtherNames));
        directory.make_symbolic_link("inner/l", "new").unwrap();
        directory.make_fifo("inner/f", 0o600).unwrap();
        directory.fifo("inner/f").unwrap();
        assert_eq!(
            directory.fifo("inner/l").unwrap_err(),
            AccessError::Obstacle(FileKind::SymbolicLink)
        );
        let inner = directory.directory("inner").unwrap();
        let names = ["deeper", "f", "file", "l", "new"].map(OsString::from);
        assert_eq!(inner.list(5).unwrap(), names);
        assert_eq!(inner.list(4).unwrap_err(), AccessError::TooMany { most: 4 });
        let made = inner.make_directory("one", 0o700).unwrap();
        assert_eq!(
            inner.make_directory("one", 0o700).unwrap_err(),
            AccessError::Exists
        );
        inner.rename_into("new", &made, "moved").unwrap();
        assert_eq!(inner.read("one/moved", 0).unwrap_err().trouble(), None);
        assert_eq!(
            inner.remove_directory("one").unwrap_err(),
            AccessError::Exists
        );
        assert_eq!(
            inner.remove_file("one").unwrap_err(),
            AccessError::Obstacle(FileKind::Directory)
        );
    });
}

#[test]
fn a_file_of_another_user_is_told_from_ones_own() {
    everywhere(|directory, _| {
        let found = directory.look("file").unwrap();
        let own = nix::unistd::geteuid().as_raw();
        assert_eq!(found.expect_owner(own), Ok(()));
        assert_eq!(
            found.expect_owner(own + 1),
            Err(AccessError::OtherOwner { owner: own })
        );
    });
}

/// A name is exchanged all the time. Whatever comes of a read, it is never the secret, and never the lab's own trouble.
#[test]
fn a_name_that_is_exchanged_in_a_loop_leads_nowhere() {
    everywhere(|directory, top| {
        /// Also if an assertion fails.
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let is_over = AtomicBool::new(false);
        fs::create_dir(top.join("folder")).unwrap();
        for file in ["folder/secret", "steady"] {
            fs::write(top.join(file), "content").unwrap();
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                let here = fs::File::open(top).unwrap();
                let exchange = |one: &str, other: &str| {
                    let flags = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
                    nix::fcntl::renameat2(&here, one, &here, other, flags).unwrap();
                };
                while !is_over.load(Ordering::Relaxed) {
                    exchange("file", "link");
                    exchange("folder", "up");
                    exchange("steady", "fifo");
                }
            });
            let _over = Over(&is_over);
            for _ in 0..10_000 {
                for path in ["file", "folder/secret", "steady", "link"] {
                    match directory.read(path, 100) {
                        Ok(bytes) => assert_eq!(bytes, b"content", "{path}"),
                        Err(error) => assert_eq!(error.trouble(), None, "{path}: {error}"),
                    }
                }
            }
        });
    });
}

#[test]
fn what_is_closed_and_what_is_deep_is_cleared_away() {
    everywhere(|directory, top| {
        let mut deep = top.join("a".repeat(200));
        for _ in 0..15 {
            fs::create_dir(&deep).unwrap();
            fs::write(deep.join("file"), "content").unwrap();
            deep.push("a".repeat(200));
        }
        let closed = top.join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), "content").unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        // Names which the lab might use itself.
        for number in 1..4 {
            fs::create_dir_all(top.join(format!(".lifted-{number}/full"))).unwrap();
        }
        fs::write(top.join(".lifted-4"), "content").unwrap();
        assert_eq!(directory.size(1000), u64::MAX);
        directory.remove_tree("inner").unwrap();
        directory.remove_tree("up").unwrap();
        directory.remove_tree("nothing").unwrap();
        fs::set_permissions(top, Permissions::from_mode(0o000)).unwrap();
        directory.clear().unwrap();
        assert!(directory.list(0).unwrap().is_empty());
        assert_eq!(directory.size(1000), 0);
        assert!(Path::new("/etc/passwd").is_file());
    });
}

#[test]
fn the_size_is_that_of_all_below_and_of_nothing_behind_links() {
    everywhere(|directory, top| {
        let before = directory.size(100);
        fs::write(top.join("inner/deeper/large"), vec![1; 1 << 20]).unwrap();
        symlink("/usr", top.join("large")).unwrap();
        let grown = directory.size(100) - before;
        assert!((1 << 20..1 << 21).contains(&grown), "{grown}");
        assert_eq!(directory.size(5), u64::MAX);
    });
}

#[test]
fn the_machines_trouble_is_told_from_what_was_found() {
    assert_eq!(
        AccessError::of(Errno::EMFILE).trouble(),
        Some(Errno::EMFILE)
    );
    assert_eq!(AccessError::of(Errno::ELOOP).trouble(), None);
    let error = AccessError::Obstacle(FileKind::SymbolicLink).attempting("could not read it");
    assert_eq!(
        error.to_string(),
        "could not read it: a symbolic link is there"
    );
}
