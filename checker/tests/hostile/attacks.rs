//! The attacks that tell what they got, each with its control: what the same program gets where nothing holds it. A
//! probe that would fail anyway proves nothing.

use std::{fs, path::Path, thread};

use super::{
    scene::{SECRET, SHARED_FOLDERS, Scene, User, Walls, findings_in, is_root, text},
    support::{Isolation, skipped::skipped},
};

/// An attack that tells what it got.
struct Attack {
    name: &'static str,
    target: fn(&Scene) -> String,
    /// Whether it makes sense where it has no namespaces only.
    shared_only: bool,
    /// What comes through without a jail.
    without: &'static [&'static str],
    /// What no program gets from the checker, jailed or not, but from a careless grader.
    careless: &'static [&'static str],
    /// What comes through without a jail on some machines, and is refused by others to everybody: by an older kernel or
    /// another one, by a setting, by a file system.
    perhaps: &'static [&'static str],
}

const fn attack(name: &'static str, without: &'static [&'static str]) -> Attack {
    Attack {
        name,
        target: |_| String::new(),
        shared_only: false,
        without,
        careless: &[],
        perhaps: &[],
    }
}

/// All the ways to read a file.
const READ: &[&str] = &[
    "the file",
    "its folder",
    "a symbolic link",
    "a hard link",
    "by executing it",
    "its old name",
];

const ATTACKS: &[Attack] = &[
    // 10, 12: the solution, the hidden tests, the checker, what belongs to others.
    Attack {
        target: |scene| scene.secret("solution.rs"),
        ..attack("reads", READ)
    },
    // 12: where a checkout keeps its token and its history, and a job what it hands on.
    Attack {
        target: |scene| scene.secret(".git/config"),
        ..attack("reads", READ)
    },
    Attack {
        target: |scene| scene.secret("_temp/artifact.zip"),
        ..attack("reads", READ)
    },
    // 4, 14: the results, $GITHUB_ENV.
    Attack {
        target: |scene| scene.secret("github_env"),
        ..attack("writes", &["append", "a file beside it", "cut", "remove"])
    },
    Attack {
        target: |scene| scene.secret("github_env"),
        perhaps: &[
            "attributes",
            "attributes by setxattrat",
            "attributes by removexattrat",
            "flags",
        ],
        ..attack("changes", &["mode", "times"])
    },
    // 9, 14: the environment is clean for every program.
    Attack {
        careless: &["a variable"],
        perhaps: &["the list of mounts"],
        ..attack(
            "looks_around",
            &[
                "/proc/self/status",
                "the list of processes",
                "its parent's command line",
            ],
        )
    },
    // 4: and so are the descriptors.
    Attack {
        careless: &["a descriptor"],
        ..attack("finds_descriptors", &[])
    },
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
    Attack {
        target: |scene| scene.neighbour.id().to_string(),
        ..attack(
            "stops",
            &[
                "SIGSTOP",
                "SIGSTOP by tgkill",
                "SIGSTOP by pidfd_send_signal",
                "SIGSTOP of its grader",
            ],
        )
    },
    // 22
    Attack {
        target: |scene| scene.neighbour.id().to_string(),
        ..attack("signals_unseen", &["kill by an untraced child"])
    },
    // 13. Yama keeps some of it from everybody.
    Attack {
        target: |scene| scene.neighbour.id().to_string(),
        perhaps: &["process_vm_readv", "ptrace", "pidfd_getfd"],
        ..attack(
            "spies",
            &[
                "environ",
                "mem",
                "cmdline",
                "maps",
                "root/etc/passwd",
                "cwd",
                "exe",
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
    // 30
    Attack {
        target: |scene| scene.tcp.local_addr().unwrap().to_string(),
        shared_only: true,
        ..attack("connects", &["TCP", "UDP", "connected UDP"])
    },
    Attack {
        shared_only: true,
        perhaps: &["[::1]:0", "[::]"],
        ..attack("binds", &["127.0.0.1:0", "0.0.0.0"])
    },
    // 31
    Attack {
        target: |scene| scene.path("local").display().to_string(),
        ..attack(
            "calls_local",
            &[
                "a socket at a path",
                "the same from below",
                "a pair of datagram sockets",
            ],
        )
    },
    Attack {
        target: Scene::abstract_name,
        ..attack("calls_abstract", &["an abstract socket"])
    },
    // 32
    Attack {
        careless: &["root", "setuid programs"],
        perhaps: &["a user namespace by clone", "a mount namespace by clone"],
        ..attack(
            "takes_new_rights",
            &["a user namespace", "a mount namespace"],
        )
    },
    // 23, 24, 25
    Attack {
        perhaps: &["io_uring", "x32", "int 0x80"],
        ..attack("hides_its_calls", &["seccomp", "prctl"])
    },
    // 28: memory that no limit counts.
    attack("hoards_in_nameless_files", &["a file in memory"]),
    // 34
    Attack {
        target: |scene| scene.neighbour.id().to_string(),
        perhaps: &["a queue of POSIX", "a key"],
        ..attack(
            "leaves_things",
            &[
                "/dev/shm",
                "/tmp",
                "/var/tmp",
                "shared memory",
                "a message queue",
                "a semaphore",
            ],
        )
    },
    // 37: limits are the same for every program.
    Attack {
        // A root without CAP_SYS_RESOURCE, as in some containers, is refused this.
        perhaps: &["processes"],
        careless: &["memory", "files"],
        ..attack("raises_its_limits", &[])
    },
    // 33: no program has a terminal.
    Attack {
        careless: &["the terminal", "TIOCSTI"],
        ..attack("types_for_its_user", &[])
    },
];

impl Attack {
    fn called(&self, scene: &Scene) -> String {
        match (self.target)(scene) {
            target if target.is_empty() => self.name.to_owned(),
            target => format!("{}+{target}", self.name),
        }
    }

    /// Whether something that it tells has a control, or a reason to have none.
    fn knows(&self, finding: &str) -> bool {
        [self.without, self.careless, self.perhaps]
            .concat()
            .iter()
            .any(|known| finding.starts_with(&format!("held {known}:")))
    }
}

#[test]
fn in_a_jail_an_attack_gets_nothing() {
    let all = |user, isolation| {
        let mut scene = Scene::new(user);
        for attack in ATTACKS {
            if attack.shared_only && isolation == Isolation::Namespaces {
                continue;
            }
            let name = attack.called(&scene);
            let findings = scene.findings(&name, isolation, Walls::Jail);
            assert!(!findings.is_empty(), "{user:?} {isolation:?} {name}");
            for finding in findings {
                let known = attack.knows(&finding);
                assert!(known, "{user:?} {isolation:?} {name}: {finding}");
            }
            scene.expect_clean(&name);
        }
        assert!(Path::new(&scene.secret("solution.rs")).is_file());
        let environment = fs::read_to_string(scene.secret("github_env")).unwrap();
        assert_eq!(environment, SECRET);
    };
    thread::scope(|scope| {
        for &user in User::all() {
            for isolation in Isolation::ALL {
                scope.spawn(move || all(user, isolation));
            }
        }
    });
}

fn expect_got(name: &str, expected: &[&str], findings: &[String]) {
    for expected in expected {
        let line = format!("got {expected}");
        assert!(findings.contains(&line), "{name}: {expected}: {findings:?}");
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
        expect_got(&name, attack.without, &findings);
        // And what would be left of it is noticed.
        match attack.name {
            "stops" => assert!(scene.condition().state == "T", "{name}"),
            "slows" => assert!(scene.condition() != scene.condition, "{name}"),
            "leaves_things" => assert_eq!(scene.things_left().len(), 6, "{name}"),
            _ => (),
        }
        for folder in SHARED_FOLDERS {
            let left = format!("{folder}/left-{}", scene.neighbour.id());
            let _ = fs::remove_file(left);
        }
        remove_queues(scene.key());
    }
}

#[test]
fn from_a_careless_grader_the_rest_comes_through() {
    if !is_root() {
        // Nobody else has all of it to give.
        return skipped("only root can be so careless");
    }
    let scene = Scene::new(User::Ordinary);
    for attack in ATTACKS.iter().filter(|attack| !attack.careless.is_empty()) {
        let findings = findings_in(&text(&scene.careless(attack.name).stderr));
        expect_got(attack.name, attack.careless, &findings);
    }
}

/// What `leaves_things` has left, under its key.
fn remove_queues(key: i32) {
    // SAFETY: takes numbers and null. What is not there is no trouble.
    unsafe {
        libc::shmctl(
            libc::shmget(key, 0, 0),
            libc::IPC_RMID,
            std::ptr::null_mut(),
        );
        libc::msgctl(libc::msgget(key, 0), libc::IPC_RMID, std::ptr::null_mut());
        libc::semctl(libc::semget(key, 0, 0), 0, libc::IPC_RMID);
    }
}
