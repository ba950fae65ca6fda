//! A machine with things to steal and to break, and how a hostile program is let loose on it.

use std::{
    fs, io,
    net::TcpListener,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        linux::net::SocketAddrExt,
        unix::{
            fs::{PermissionsExt, chown},
            net::{SocketAddr, UnixListener},
            process::CommandExt,
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output},
};

use serde_json::Value;

use super::support::{self, Course, Isolation, environment::command, skipped::skipped};

pub const EXERCISE: &str = "day2_2_echo_server";
pub const FIRST_TEST: &str = "announces the address on which it listens";
/// What is in the files of others.
pub const SECRET: &str = "fn main() { /* the solution */ }\n";

/// Who runs the checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    Root,
    Ordinary,
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

impl User {
    /// Root can be both, an ordinary user only what it is.
    pub fn all() -> &'static [User] {
        match is_root() {
            true => &[User::Ordinary, User::Root],
            false => {
                skipped("the part as root");
                &[User::Ordinary]
            }
        }
    }

    /// As whom the checker runs, and as whom its programs do.
    fn numbers(self) -> (u32, u32) {
        match self {
            User::Root => (0, 65_534),
            // Nobody else has this number, so that what goes wrong hits nobody else.
            User::Ordinary if is_root() => (61_234, 61_234),
            User::Ordinary => {
                let own = nix::unistd::geteuid().as_raw();
                (own, own)
            }
        }
    }
}

/// How a program is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walls {
    Jail,
    /// Nothing at all but what every program gets: to show that an attack is one.
    None,
}

/// A machine with things to steal and to break, all of them the program's own user's.
pub struct Scene {
    user: User,
    course: Course,
    folder: tempfile::TempDir,
    pub neighbour: Child,
    /// How the neighbour was before anybody attacked it.
    pub condition: Condition,
    pub tcp: TcpListener,
    _local: UnixListener,
    _abstract: UnixListener,
}

impl Scene {
    pub fn new(user: User) -> Scene {
        let course = Course::copy_of(&[
            EXERCISE,
            super::peers::CLIENT,
            super::leavings::COPY,
            super::SOCKETS_AT_PATHS.0,
            super::FILES_IN_ETC.0,
        ]);
        let folder = tempfile::tempdir().unwrap();
        support::open_to_all(folder.path());
        let (_, program) = user.numbers();
        let give = |path: &Path| {
            if is_root() {
                chown(path, Some(program), Some(program)).unwrap();
            }
        };
        for name in ["secrets", "temporary"] {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            give(&path);
        }
        for name in [
            "solution.rs",
            "github_env",
            ".git/config",
            "_temp/artifact.zip",
        ] {
            let path = folder.path().join("secrets").join(name);
            let around = path.parent().unwrap();
            if !around.exists() {
                fs::create_dir(around).unwrap();
                give(around);
            }
            fs::write(&path, SECRET).unwrap();
            // What cannot be executed cannot be read in this way.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            give(&path);
        }
        // Root's checker stages programs there, and the test worker, which is not root any more, makes its folder there.
        let temporary = folder.path().join("temporary");
        fs::set_permissions(temporary, fs::Permissions::from_mode(0o777)).unwrap();
        let local = UnixListener::bind(folder.path().join("local")).unwrap();
        fs::set_permissions(
            folder.path().join("local"),
            fs::Permissions::from_mode(0o777),
        )
        .unwrap();
        let name = abstract_name(folder.path());
        let address = SocketAddr::from_abstract_name(name).unwrap();
        let neighbour = sleeper(is_root().then_some(program));
        Scene {
            user,
            course,
            condition: Condition::of(neighbour.id()),
            neighbour,
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            _local: local,
            _abstract: UnixListener::bind_addr(&address).unwrap(),
            folder,
        }
    }

    pub fn secret(&self, name: &str) -> String {
        let path = self.path("secrets").join(name);
        path.to_str().unwrap().to_owned()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn abstract_name(&self) -> String {
        abstract_name(self.folder.path())
    }

    /// A program in a place where everybody can execute it.
    pub fn program(&self, original: &Path, name: &str) -> PathBuf {
        // The checker's own folder is in the way of nobody.
        let path = self.path(&name.replace('/', "%"));
        if !path.exists() {
            // By another process: a descriptor of this one would for a moment be in the children of other tests, and a
            // file which somebody can write cannot be executed (ETXTBSY).
            let mut copy = command("cp");
            assert!(copy.arg(original).arg(&path).status().unwrap().success());
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        path
    }

    /// The fixture under this name.
    pub fn hostile(&self, name: &str) -> PathBuf {
        self.program(&support::example("hostile"), name)
    }

    /// The checker, about to check one exercise.
    pub fn command(
        &self,
        exercise: &str,
        arguments: &[&str],
        isolation: Isolation,
        walls: Walls,
    ) -> Command {
        let checker = self.program(support::checker_program(), "the_checker");
        let mut command = command(checker);
        let (user, _) = self.user.numbers();
        if user != nix::unistd::geteuid().as_raw() {
            command.uid(user).gid(user);
        }
        command
            .current_dir(self.course.root())
            .arg(exercise)
            .args(arguments)
            .env("HOME", "/nonexistent")
            .env("TMPDIR", self.path("temporary"))
            .env("GITHUB_TOKEN", "s3cret")
            .env("GITHUB_ENV", self.secret("github_env"));
        let isolation = isolation.argument();
        command.args((!isolation.is_empty()).then_some(isolation));
        match walls {
            Walls::Jail => command.arg("--jail"),
            Walls::None => command.arg("--tracing=off"),
        };
        command
    }

    /// Lets a hostile program be checked by one test of an exercise; returns the report on that test.
    pub fn check_by(
        &self,
        (exercise, test): (&str, &str),
        name: &str,
        isolation: Isolation,
        walls: Walls,
    ) -> Value {
        let program = self.hostile(name);
        let arguments = [
            "--format=json",
            "--only",
            test,
            "--program",
            program.to_str().unwrap(),
        ];
        let mut command = self.command(exercise, &arguments, isolation, walls);
        let output = command.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
        report["exercises"][0]["tests"][0].clone()
    }

    /// The same by the first test of a server.
    pub fn check(&self, name: &str, isolation: Isolation, walls: Walls) -> Value {
        self.check_by((EXERCISE, FIRST_TEST), name, isolation, walls)
    }

    /// What the program says of its attacks. It must have come to its end.
    pub fn findings(&self, name: &str, isolation: Isolation, walls: Walls) -> Vec<String> {
        let test = self.check(name, isolation, walls);
        let failure = &test["failure"];
        assert_eq!(
            failure["diagnosis"], "exited",
            "{name} {isolation:?}: {test}"
        );
        findings_in(failure["stderr"].as_str().unwrap_or_default())
    }

    /// The program itself, with no checker around it, in a process group of its own, and in a folder of the scene; as
    /// the user who owns what is there.
    pub fn bare(&self, name: &str) -> Command {
        let mut command = command(self.hostile(name));
        let (_, user) = self.user.numbers();
        if is_root() {
            command.uid(user).gid(user);
        }
        command
            .current_dir(self.path("temporary"))
            .env("GITHUB_TOKEN", "s3cret")
            .process_group(0);
        command
    }

    /// The same with all that a careless grader could give it: root's rights, a descriptor, and a terminal.
    pub fn careless(&self, name: &str) -> Output {
        let Terminal { master, slave } = Terminal::open();
        let mut command = command(self.hostile(name));
        command
            .env("GITHUB_TOKEN", "s3cret")
            .stdin(slave.try_clone().unwrap());
        // SAFETY: async-signal-safe calls with numbers; dup gives a descriptor that exec keeps.
        unsafe {
            command.pre_exec(|| {
                let done = libc::setsid() >= 0
                    && libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0) == 0
                    && libc::dup(libc::STDIN_FILENO) >= 0;
                match done {
                    true => Ok(()),
                    false => Err(io::Error::last_os_error()),
                }
            });
        }
        let output = command.output().unwrap();
        drop((master, slave));
        output
    }

    /// Nothing is left of a run.
    pub fn expect_clean(&mut self, name: &str) {
        // Neither a program nor a checker: all of this scene's are in its folder.
        let folder = self.folder.path().to_str().unwrap();
        assert_eq!(support::processes_with(folder), 0, "{name}");
        let left: Vec<_> = fs::read_dir(self.path("temporary"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "{name}: {left:?}");
        assert_eq!(self.neighbour.try_wait().unwrap(), None, "{name}");
        assert_eq!(self.condition(), self.condition, "{name}");
        let things = self.things_left();
        assert!(things.is_empty(), "{name}: {things:?}");
    }

    /// How the neighbour is now.
    pub fn condition(&self) -> Condition {
        Condition::of(self.neighbour.id())
    }

    /// Under this key a program leaves what other programs can find by a key. It is no other scene's.
    pub fn key(&self) -> i32 {
        0x6c00_0000 + self.neighbour.id().cast_signed()
    }

    /// What can be left of a run outside of its folder: files and queues with this scene's mark, and mounts and
    /// listeners in its folder.
    pub fn things_left(&self) -> Vec<String> {
        let mark = format!("left-{}", self.neighbour.id());
        let files = SHARED_FOLDERS
            .map(|folder| format!("{folder}/{mark}"))
            .into_iter()
            .filter(|path| Path::new(path).symlink_metadata().is_ok());
        let with_key = |kind: &str| {
            let table = fs::read_to_string(format!("/proc/sysvipc/{kind}")).unwrap_or_default();
            let key = self.key().to_string();
            let is_there = table
                .lines()
                .any(|line| line.split_whitespace().next() == Some(&key));
            is_there.then(|| kind.to_owned())
        };
        let temporary = self.path("temporary").display().to_string();
        let with_path = |table: &str| {
            let lines = fs::read_to_string(table).unwrap();
            let line = lines.lines().find(|line| line.contains(&temporary));
            line.map(str::to_owned)
        };
        files
            .chain(["shm", "msg", "sem"].into_iter().filter_map(with_key))
            .chain(
                ["/proc/self/mountinfo", "/proc/net/unix"]
                    .into_iter()
                    .filter_map(with_path),
            )
            .collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.neighbour.kill();
        let _ = self.neighbour.wait();
    }
}

/// Where everybody may leave a file.
pub const SHARED_FOLDERS: [&str; 3] = ["/dev/shm", "/tmp", "/var/tmp"];

/// What somebody else can change of a process which sleeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `T` for one that is stopped.
    pub state: String,
    nice: String,
    processors: String,
    limits: String,
}

impl Condition {
    fn of(pid: u32) -> Condition {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
        let stat = read("stat");
        // After the name, which may have spaces in it.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let is_allowed = |line: &&str| line.starts_with("Cpus_allowed:");
        Condition {
            // Whether it has fallen asleep yet is nobody's doing.
            state: fields[0].replace(['R', 'D'], "S"),
            nice: fields[16].to_owned(),
            processors: read("status").lines().find(is_allowed).unwrap().to_owned(),
            limits: read("limits"),
        }
    }
}

/// A process that does nothing, of this user.
pub fn sleeper(user: Option<u32>) -> Child {
    let mut sleeper = command("sleep");
    sleeper.arg("4343");
    if let Some(user) = user {
        sleeper.uid(user).gid(user);
    }
    sleeper.spawn().unwrap()
}

/// The lines that tell of attacks.
pub fn findings_in(said: &str) -> Vec<String> {
    let is_finding = |line: &&str| line.starts_with("got ") || line.starts_with("held ");
    said.lines().filter(is_finding).map(str::to_owned).collect()
}

fn abstract_name(folder: &Path) -> String {
    format!("hostile{}", folder.display()).replace('/', "-")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A terminal, and the end at which its user sits.
struct Terminal {
    master: OwnedFd,
    slave: OwnedFd,
}

impl Terminal {
    fn open() -> Terminal {
        // SAFETY: takes numbers; what is made here is nobody else's. Both ends vanish with an exec.
        unsafe {
            let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
            assert!(master >= 0, "{}", io::Error::last_os_error());
            let master = OwnedFd::from_raw_fd(master);
            assert_eq!(libc::grantpt(master.as_raw_fd()), 0);
            assert_eq!(libc::unlockpt(master.as_raw_fd()), 0);
            let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
            let slave = libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags);
            assert!(slave >= 0, "{}", io::Error::last_os_error());
            let slave = OwnedFd::from_raw_fd(slave);
            Terminal { master, slave }
        }
    }
}
