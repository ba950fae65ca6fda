//! Programs that attack their grader. In a jail they get nothing, leave nothing, and slow nobody; and without the jail
//! the same attacks come through, so that it is the jail which holds them.
//!
//! As root and as an ordinary user, in namespaces and without. The programs are in examples/hostile.rs.
//!
//! `HOSTILE_WITHOUT_JAIL=1 cargo test --test hostile` runs all of them as root, as a user whom nobody else is, without
//! the jail and without the tracer, to see that these tests can fail.

mod support;

use std::{
    fs,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            fs::{PermissionsExt, chown},
            net::{SocketAddr, UnixListener},
            process::CommandExt,
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use support::{Course, Isolation};

const EXERCISE: &str = "day2_2_echo_server";
const FIRST_TEST: &str = "announces the address on which it listens";

/// Who runs the checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    Root,
    Ordinary,
}

impl User {
    /// Root can be both, an ordinary user only what it is.
    fn all() -> &'static [User] {
        match nix::unistd::geteuid().is_root() && !is_without_jail() {
            true => &[User::Ordinary, User::Root],
            false => &[User::Ordinary],
        }
    }

    /// As whom the checker runs, and as whom its programs do.
    fn numbers(self) -> (u32, u32) {
        match self {
            User::Root => (0, 65_534),
            // Nobody else has this number, so that what goes wrong hits nobody else.
            User::Ordinary if nix::unistd::geteuid().is_root() => (61_234, 61_234),
            User::Ordinary => {
                let own = nix::unistd::geteuid().as_raw();
                (own, own)
            }
        }
    }
}

/// How a program is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walls {
    Jail,
    /// Nothing at all but what every program gets: to show that an attack is one.
    None,
}

fn is_without_jail() -> bool {
    std::env::var_os("HOSTILE_WITHOUT_JAIL").is_some()
}

static SOLUTION: LazyLock<PathBuf> = LazyLock::new(|| Course::real().built_solution(EXERCISE));

/// A machine with things to steal and to break, all of them the program's own user's.
struct Scene {
    user: User,
    course: Course,
    folder: tempfile::TempDir,
    neighbour: Child,
    tcp: TcpListener,
    _local: UnixListener,
    _abstract: UnixListener,
}

impl Scene {
    fn new(user: User) -> Scene {
        let course = Course::copy_of(&[EXERCISE]);
        let folder = tempfile::tempdir().unwrap();
        support::open_to_all(folder.path());
        let (_, program) = user.numbers();
        let give = |path: &Path| {
            if nix::unistd::geteuid().is_root() {
                chown(path, Some(program), Some(program)).unwrap();
            }
        };
        for name in ["secrets", "temporary"] {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            give(&path);
        }
        for name in ["solution.rs", "github_env"] {
            let path = folder.path().join("secrets").join(name);
            fs::write(&path, "fn main() { /* the solution */ }\n").unwrap();
            give(&path);
        }
        // Root's checker stages programs there, and the runner, who is not root any more, makes its folder there.
        let temporary = folder.path().join("temporary");
        fs::set_permissions(temporary, fs::Permissions::from_mode(0o777)).unwrap();
        let mut neighbour = Command::new("sleep");
        neighbour.arg("4343");
        if nix::unistd::geteuid().is_root() {
            neighbour.uid(program).gid(program);
        }
        let local = UnixListener::bind(folder.path().join("local")).unwrap();
        fs::set_permissions(
            folder.path().join("local"),
            fs::Permissions::from_mode(0o777),
        )
        .unwrap();
        let name = abstract_name(folder.path());
        let address = SocketAddr::from_abstract_name(name).unwrap();
        Scene {
            user,
            course,
            neighbour: neighbour.spawn().unwrap(),
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            _local: local,
            _abstract: UnixListener::bind_addr(&address).unwrap(),
            folder,
        }
    }

    fn secret(&self, name: &str) -> String {
        let path = self.folder.path().join("secrets").join(name);
        path.to_str().unwrap().to_owned()
    }

    /// A program in a place where everybody can execute it.
    fn program(&self, original: &Path, name: &str) -> PathBuf {
        // The checker's own folder is in the way of nobody.
        let path = self.folder.path().join(name.replace('/', "%"));
        if !path.exists() {
            // By another process: a descriptor of this one would for a moment be in the children of other tests, and a
            // file which somebody can write cannot be executed (ETXTBSY).
            let mut copy = Command::new("cp");
            assert!(copy.arg(original).arg(&path).status().unwrap().success());
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        path
    }

    /// The fixture under this name.
    fn hostile(&self, name: &str) -> PathBuf {
        let checker = self.course.checker().get_program().to_owned();
        let fixture = Path::new(&checker).with_file_name("examples/hostile");
        self.program(&fixture, name)
    }

    fn command(&self, arguments: &[&str], isolation: Isolation, walls: Walls) -> Command {
        let checker = self.course.checker().get_program().to_owned();
        let checker = self.program(Path::new(&checker), "the_checker");
        let mut command = Command::new(checker);
        let (user, _) = self.user.numbers();
        if user != nix::unistd::geteuid().as_raw() {
            command.uid(user).gid(user);
        }
        command
            .current_dir(self.course.root())
            .arg(EXERCISE)
            .args(arguments)
            .env("HOME", "/nonexistent")
            .env("TMPDIR", self.folder.path().join("temporary"))
            .env("GITHUB_TOKEN", "s3cret")
            .env("GITHUB_ENV", self.secret("github_env"));
        if isolation == Isolation::Shared {
            command.arg("--isolation=shared");
        }
        match walls {
            Walls::Jail if !is_without_jail() => command.arg("--jail"),
            _ => command.arg("--tracing=off"),
        };
        command
    }

    /// Lets a hostile program be checked by one test; returns the report on that test.
    fn check(&self, name: &str, isolation: Isolation, walls: Walls) -> Value {
        let program = self.hostile(name);
        let arguments = [
            "--format=json",
            "--only",
            FIRST_TEST,
            "--program",
            program.to_str().unwrap(),
        ];
        let output = self.command(&arguments, isolation, walls).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
        report["exercises"][0]["tests"][0].clone()
    }

    /// What the program says of its attacks. It must have come to its end.
    fn findings(&self, name: &str, isolation: Isolation, walls: Walls) -> Vec<String> {
        let test = self.check(name, isolation, walls);
        let failure = &test["failure"];
        let said = failure["stderr"].as_str().unwrap_or_default();
        assert_eq!(
            failure["diagnosis"], "exited",
            "{name} {isolation:?}: {test}"
        );
        let is_finding = |line: &&str| line.starts_with("got ") || line.starts_with("held ");
        said.lines().filter(is_finding).map(str::to_owned).collect()
    }

    /// Nothing is left of a run.
    fn expect_clean(&mut self, name: &str) {
        // Neither a program nor a checker: all of this scene's are in its folder.
        let folder = self.folder.path().to_str().unwrap();
        assert_eq!(support::processes_with(folder), 0, "{name}");
        let left: Vec<_> = fs::read_dir(self.folder.path().join("temporary"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "{name}: {left:?}");
        assert_eq!(self.neighbour.try_wait().unwrap(), None, "{name}");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.neighbour.kill();
        let _ = self.neighbour.wait();
    }
}

fn abstract_name(folder: &Path) -> String {
    format!("hostile{}", folder.display()).replace('/', "-")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An attack that tells what it got.
struct Attack {
    name: &'static str,
    target: fn(&Scene) -> String,
    /// Whether it makes sense where it has no namespaces only.
    shared_only: bool,
    /// What comes through without a jail; empty for what no program gets anyway, jailed or not.
    without: &'static [&'static str],
}

const fn attack(name: &'static str, without: &'static [&'static str]) -> Attack {
    Attack {
        name,
        target: |_| String::new(),
        shared_only: false,
        without,
    }
}

const ATTACKS: &[Attack] = &[
    // 10, 12: the solution, the hidden tests, the checker, what belongs to others.
    Attack {
        target: |scene| scene.secret("solution.rs"),
        ..attack(
            "reads",
            &["the file", "its folder", "a symbolic link", "its old name"],
        )
    },
    // 4, 14: the results, $GITHUB_ENV.
    Attack {
        target: |scene| scene.secret("github_env"),
        ..attack("writes", &["append", "a file beside it", "cut", "remove"])
    },
    Attack {
        target: |scene| scene.secret("github_env"),
        ..attack("changes", &["mode", "times"])
    },
    // 9, 14: the environment is clean for every program.
    attack(
        "looks_around",
        &["/proc/self/status", "the list of processes"],
    ),
    // 4: and so are the descriptors.
    attack("finds_descriptors", &[]),
    // 2
    Attack {
        target: |scene| scene.neighbour.id().to_string(),
        ..attack(
            "signals",
            &[
                "kill",
                "its parent",
                "tkill",
                "tgkill",
                "sigqueue",
                "pidfd_send_signal",
                "by ownership of a socket",
            ],
        )
    },
    // 22
    Attack {
        target: |scene| scene.neighbour.id().to_string(),
        ..attack("signals_unseen", &["kill by an untraced child"])
    },
    // 13
    Attack {
        target: |scene| scene.neighbour.id().to_string(),
        ..attack(
            "spies",
            &[
                "environ",
                "mem",
                "cmdline",
                "cwd",
                "exe",
                "process_vm_readv",
                "ptrace",
            ],
        )
    },
    Attack {
        target: |scene| scene.neighbour.id().to_string(),
        ..attack(
            "slows",
            &[
                "setpriority of another",
                "setpriority of a user",
                "sched_setaffinity",
                "prlimit",
                "ioprio_set",
            ],
        )
    },
    // 30, 36
    Attack {
        target: |scene| scene.tcp.local_addr().unwrap().to_string(),
        shared_only: true,
        ..attack("connects", &["TCP", "UDP", "connected UDP"])
    },
    Attack {
        shared_only: true,
        ..attack("binds", &["127.0.0.1:0", "0.0.0.0:39999"])
    },
    // 31
    Attack {
        target: |scene| scene.folder.path().join("local").display().to_string(),
        ..attack(
            "calls_local",
            &["a socket at a path", "a pair of datagram sockets"],
        )
    },
    Attack {
        target: |scene| abstract_name(scene.folder.path()),
        ..attack("calls_abstract", &["an abstract socket"])
    },
    // 32
    attack(
        "takes_new_rights",
        &["a user namespace", "a user namespace by clone"],
    ),
    // 23, 24, 25
    attack("hides_its_calls", &["seccomp", "prctl"]),
    // 34
    Attack {
        target: |scene| scene.neighbour.id().to_string(),
        ..attack(
            "leaves_things",
            &["/dev/shm", "/tmp", "shared memory", "a message queue"],
        )
    },
    // 37: limits are the same for every program.
    attack("raises_its_limits", &[]),
    // 33: no program has a terminal.
    attack("types_for_its_user", &[]),
];

impl Attack {
    fn called(&self, scene: &Scene) -> String {
        match (self.target)(scene) {
            target if target.is_empty() => self.name.to_owned(),
            target => format!("{}+{target}", self.name),
        }
    }
}

#[test]
fn in_a_jail_an_attack_gets_nothing() {
    for &user in User::all() {
        for isolation in Isolation::ALL {
            let mut scene = Scene::new(user);
            for attack in ATTACKS {
                if attack.shared_only && isolation == Isolation::Namespaces {
                    continue;
                }
                let name = attack.called(&scene);
                let findings = scene.findings(&name, isolation, Walls::Jail);
                let got = findings.iter().filter(|line| line.starts_with("got "));
                let got: Vec<_> = got.collect();
                assert!(got.is_empty(), "{user:?} {isolation:?} {name}: {got:?}");
                let all_held = attack.name == "finds_descriptors" || !findings.is_empty();
                assert!(all_held, "{user:?} {isolation:?} {name} says nothing");
                scene.expect_clean(&name);
            }
            assert!(Path::new(&scene.secret("solution.rs")).is_file());
            let environment = fs::read_to_string(scene.secret("github_env")).unwrap();
            assert_eq!(environment, "fn main() { /* the solution */ }\n");
        }
    }
}

/// As a user whom nobody else is, since these attacks come through.
#[test]
fn without_a_jail_the_same_attacks_come_through() {
    for attack in ATTACKS {
        // Each in a scene of its own, which it may destroy.
        let scene = Scene::new(User::Ordinary);
        let name = attack.called(&scene);
        let findings = scene.findings(&name, Isolation::Shared, Walls::None);
        for expected in attack.without {
            let line = format!("got {expected}");
            assert!(findings.contains(&line), "{name}: {expected}: {findings:?}");
        }
        for folder in ["/dev/shm", "/tmp", "/var/tmp"] {
            let left = format!("{folder}/left-{}", scene.neighbour.id());
            let _ = fs::remove_file(left);
        }
    }
    remove_queues();
}

/// What `leaves_things` has left, under its key.
fn remove_queues() {
    const KEY: i32 = 0x6c61_6221;
    // SAFETY: takes numbers and null. What is not there is no trouble.
    unsafe {
        libc::shmctl(
            libc::shmget(KEY, 0, 0),
            libc::IPC_RMID,
            std::ptr::null_mut(),
        );
        libc::msgctl(libc::msgget(KEY, 0), libc::IPC_RMID, std::ptr::null_mut());
        libc::semctl(libc::semget(KEY, 0, 0), 0, libc::IPC_RMID);
    }
}

/// Everywhere, with what is left checked each time.
fn everywhere(name: &str, mut see: impl FnMut(&mut Scene, Isolation)) {
    for &user in User::all() {
        for isolation in Isolation::ALL {
            let mut scene = Scene::new(user);
            see(&mut scene, isolation);
            scene.expect_clean(name);
        }
    }
}

fn diagnosis(test: &Value) -> &str {
    assert_eq!(test["status"], "failed", "{test}");
    test["failure"]["diagnosis"].as_str().unwrap()
}

// 3
#[test]
fn a_signal_to_everybody_reaches_nobody_else() {
    let name = "signals_everybody";
    everywhere(name, |scene, isolation| {
        let test = scene.check(name, isolation, Walls::Jail);
        let said = test["failure"]["stderr"].as_str().unwrap_or_default();
        assert_eq!(diagnosis(&test), "exited", "{test}");
        // In a namespace, everybody is nobody but itself.
        let got = said.contains("got kill(-1)");
        assert!(!got || isolation == Isolation::Namespaces, "{test}");
    });
}

// 1
#[test]
fn one_that_multiplies_is_stopped_at_its_limit() {
    let name = "multiplies";
    everywhere(name, |scene, isolation| {
        let test = scene.check(name, isolation, Walls::Jail);
        let said = test["failure"]["stderr"].as_str().unwrap_or_default();
        let held = said.trim().strip_prefix("held 400 children: ");
        assert!(held.is_some(), "{isolation:?}: {test}");
        let made: u32 = held.unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!((1..=128).contains(&made), "{isolation:?}: {said}");
    });
}

// 26
#[test]
fn one_that_fills_the_disk_is_stopped() {
    let name = "fills_the_disk";
    everywhere(name, |scene, isolation| {
        let test = scene.check(name, isolation, Walls::Jail);
        let said = test["failure"]["stderr"].as_str().unwrap_or_default();
        assert_eq!(test["status"], "failed", "{test}");
        assert!(!said.contains("got "), "{isolation:?}: {test}");
    });
}

// 28
#[test]
fn one_that_takes_all_memory_is_stopped() {
    let name = "takes_all_memory";
    everywhere(name, |scene, isolation| {
        let start = Instant::now();
        let test = scene.check(name, isolation, Walls::Jail);
        assert_eq!(diagnosis(&test), "out-of-memory", "{isolation:?}: {test}");
        assert!(start.elapsed() < Duration::from_secs(20));
    });
}

// 21
#[test]
fn daemons_end_with_their_test() {
    let name = "leaves_daemons";
    everywhere(name, |scene, isolation| {
        let test = scene.check(name, isolation, Walls::Jail);
        diagnosis(&test);
    });
}

// 5, 7, 8, 27, 29
#[test]
fn one_that_does_nothing_right_fails() {
    for name in [
        "ends_well",
        "claims_success",
        "answers_the_same",
        "floods",
        "sleeps",
    ] {
        everywhere(name, |scene, isolation| {
            let program = scene.hostile(name);
            let arguments = ["--format=json", "--program", program.to_str().unwrap()];
            let arguments = match name {
                // Its first promise is kept, and the others are not.
                "answers_the_same" => [&arguments[..], &["--only", "sends a line back"]].concat(),
                _ => [&arguments[..], &["--only", FIRST_TEST]].concat(),
            };
            let output = scene
                .command(&arguments, isolation, Walls::Jail)
                .output()
                .unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(report["points"], 0, "{name} {isolation:?}: {report}");
            assert_eq!(report["status"], "failed", "{name} {isolation:?}: {report}");
            assert_eq!(output.status.code(), Some(1), "{name} {isolation:?}");
        });
    }
}

// 6
#[test]
fn what_it_prints_is_only_quoted() {
    let scene = Scene::new(User::Ordinary);
    let program = scene.hostile("claims_success");
    for format in ["human", "json", "junit"] {
        let format = format!("--format={format}");
        let arguments = [
            format.as_str(),
            "--color=always",
            "--program",
            program.to_str().unwrap(),
        ];
        let output = scene
            .command(&arguments, Isolation::Namespaces, Walls::Jail)
            .output()
            .unwrap();
        let printed = text(&output.stdout);
        for steering in ["\u{1b}]0;", "\u{1b}[2J", "\u{7}", "\r"] {
            assert!(!printed.contains(steering), "{format}: {printed}");
        }
        assert!(
            !printed.lines().any(|line| line.starts_with("::")),
            "{printed}"
        );
    }
}

// 11
#[test]
fn links_that_it_plants_lead_the_grader_nowhere() {
    for &user in User::all() {
        for isolation in Isolation::ALL {
            let mut scene = Scene::new(user);
            let folder = scene.folder.path().join("secrets").display().to_string();
            let name = format!("plants_links+{folder}");
            scene.check(&name, isolation, Walls::Jail);
            assert!(Path::new(&scene.secret("solution.rs")).is_file());
            scene.expect_clean(&name);
        }
    }
}

/// Beside each of the worst, a right program gets all its points.
#[test]
fn a_right_program_beside_a_hostile_one_gets_all_points() {
    for &user in User::all() {
        for isolation in Isolation::ALL {
            let mut scene = Scene::new(user);
            for name in ["spins_in_many", "signals_everybody", "floods", "multiplies"] {
                let attackers = scene.hostile(name);
                let right = scene.program(&SOLUTION, "right");
                let arguments = |program: &Path| {
                    ["--format=json", "--program"]
                        .map(str::to_owned)
                        .into_iter()
                        .chain([program.to_str().unwrap().to_owned()])
                        .collect::<Vec<_>>()
                };
                let start = |program: &Path, further: &[&str]| {
                    let arguments = arguments(program);
                    let arguments: Vec<&str> = arguments
                        .iter()
                        .map(String::as_str)
                        .chain(further.iter().copied())
                        .collect();
                    scene
                        .command(&arguments, isolation, Walls::Jail)
                        .stdout(Stdio::piped())
                        .spawn()
                        .unwrap()
                };
                let attacker = start(&attackers, &["--only", FIRST_TEST, "--jobs=1"]);
                // Its first process is at work by now, most of the time.
                thread::sleep(Duration::from_millis(300));
                let beside = start(&right, &[]);
                let output = beside.wait_with_output().unwrap();
                let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(
                    report["points"], report["max_points"],
                    "beside {name}, {user:?}, {isolation:?}: {report:#}"
                );
                let output = attacker.wait_with_output().unwrap();
                let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(report["status"], "failed", "{name} {isolation:?}: {report}");
                scene.expect_clean(name);
            }
        }
    }
}
