//! Programs that leave something else in the place of the file which the checker reads: whatever it is, it is not
//! followed, its content is in no report, and it is the program's failure and not the lab's.

use std::{
    fs::{self, File, OpenOptions},
    io::Read,
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
    sync::LazyLock,
    time::Duration,
};

use serde_json::Value;

use super::{
    scene::{Scene, User, Walls, text},
    support::{
        Course, Isolation,
        machine::{Refusal, refuse},
        processes_with, wait_until,
    },
};

pub const COPY: &str = "day1_1_file_copy";
const READS_THE_FILE: &str = "copies bytes of every value";

static SOLUTION: LazyLock<PathBuf> = LazyLock::new(|| Course::real().built_solution(COPY));

/// What nobody may see. Every row of a dump holds it, wherever that begins.
const MARK: &str = "SEKRET";

/// All forms in which a report could tell it.
fn tells(mark: &str, printed: &str) -> bool {
    let bytes = mark.as_bytes();
    let list = |each: fn(&u8) -> String, between: &str| {
        bytes.iter().map(each).collect::<Vec<_>>().join(between)
    };
    let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    [
        mark.to_owned(),
        list(|byte| format!("{byte:02x}"), " "),
        list(|byte| format!("{byte:02x}"), ""),
        list(u8::to_string, ", "),
        list(u8::to_string, ","),
    ]
    .iter()
    .any(|form| printed.contains(form))
}

const FORMATS: [&str; 7] = [
    "human",
    "json",
    "junit",
    "github",
    "markdown",
    "gradescope",
    "classroom50",
];

/// Lets a program be checked by one test; returns all that the checker prints in this format.
fn printed(scene: &Scene, name: &str, isolation: Isolation, format: &str) -> String {
    let program = scene.hostile(name);
    let format = format!("--format={format}");
    let arguments = [
        format.as_str(),
        "--color=always",
        "--verbose",
        "--only",
        READS_THE_FILE,
        "--program",
        program.to_str().unwrap(),
    ];
    let output = scene
        .command(COPY, &arguments, isolation, Walls::Jail)
        .output()
        .unwrap();
    text(&output.stdout) + &text(&output.stderr)
}

fn check(scene: &Scene, name: &str, isolation: Isolation) -> Value {
    scene.check_by((COPY, READS_THE_FILE), name, isolation, Walls::Jail)
}

/// Secrets which the checker could read, and the program could not: files, pipes and processes.
fn targets(scene: &Scene) -> Vec<String> {
    let secret = scene.path("secrets/marked");
    fs::write(&secret, MARK.repeat(50)).unwrap();
    // The same user's as the program, so that nothing but the link is wrong about it.
    let others = fs::metadata(scene.secret("solution.rs")).unwrap();
    chown(&secret, Some(others.uid()), Some(others.gid())).unwrap();
    let pipe = scene.path("secrets/pipe");
    if !pipe.exists() {
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::from_bits_truncate(0o666)).unwrap();
    }
    [
        secret.to_str().unwrap(),
        pipe.to_str().unwrap(),
        "/proc/self/environ",
        "/proc/self/mem",
        "/proc/self/exe",
        "/etc/shadow",
        "/dev/zero",
        "/dev/tty",
    ]
    .map(str::to_owned)
    .into()
}

#[test]
fn a_link_in_the_place_of_the_file_leads_the_checker_nowhere() {
    super::everywhere("leaves_link", |scene, isolation| {
        for target in targets(scene) {
            let test = check(scene, &format!("leaves_link+{target}"), isolation);
            assert_eq!(super::diagnosis(&test), "not-a-file", "{target}: {test}");
            let symptom = test["failure"]["symptom"].as_str().unwrap();
            assert!(
                symptom.contains("a symbolic link in the place of"),
                "{symptom}"
            );
            for secret in [MARK, "s3cret"] {
                assert!(!tells(secret, &test.to_string()), "{target}: {test}");
            }
        }
    });
    // As the lab opened it before: by its name.
    let scene = Scene::new(User::Ordinary);
    let place = scene.path("temporary/copy");
    for target in targets(&scene) {
        left_bare(&scene, &format!("leaves_link+{target}"));
        let kind = fs::metadata(&place).unwrap().file_type();
        let first = || {
            let mut byte = [0];
            OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
                .open(&place)
                .and_then(|mut file| file.read_exact(&mut byte))
        };
        match target.as_str() {
            "/dev/tty" => assert!(kind.is_char_device()),
            // Who opens it waits for ever.
            pipe if pipe.ends_with("pipe") => assert!(kind.is_fifo()),
            // What the checker may read of it depends on who that is.
            "/etc/shadow" => assert!(kind.is_file()),
            "/proc/self/mem" => assert!(File::open(&place).is_ok()),
            marked if marked.ends_with("marked") => {
                assert!(tells(MARK, &fs::read_to_string(&place).unwrap()));
            }
            _ => first().unwrap(),
        }
        fs::remove_file(&place).unwrap();
    }
}

/// The program with nobody around it, which leaves something in the folder of the scene.
fn left_bare(scene: &Scene, name: &str) {
    let mut bare = scene.bare(name);
    let status = bare.arg("copy").stdin(Stdio::null()).stdout(Stdio::null());
    assert!(status.status().unwrap().success(), "{name}");
}

#[test]
fn no_output_of_the_checker_tells_what_is_behind_a_link() {
    let scene = Scene::new(User::Ordinary);
    let secret = targets(&scene).remove(0);
    for format in FORMATS {
        let told = printed(
            &scene,
            &format!("leaves_link+{secret}"),
            Isolation::Shared,
            format,
        );
        assert!(!tells(MARK, &told), "{format}: {told}");
        // What the program has written itself is told, so that it would be found.
        let own = printed(
            &scene,
            &format!("leaves_copy+{MARK}"),
            Isolation::Shared,
            format,
        );
        let is_told = tells(MARK, &own);
        assert!(is_told || format == "classroom50", "{format}: {own}");
    }
}

#[test]
fn whatever_is_there_is_the_programs_failure() {
    super::everywhere("leaves…", |scene, isolation| {
        let closed: &[&str] = match isolation {
            Isolation::Namespaces => &["wrong-mode", ""],
            Isolation::Shared => &["wrong-mode"],
        };
        for (name, expected) in [
            ("leaves_loop", &["not-a-file"][..]),
            ("leaves_directory", &["not-a-file"]),
            ("leaves_fifo", &["not-a-file"]),
            ("leaves_socket", &["not-a-file"]),
            ("leaves_sparse", &["extra-bytes", "wrong-bytes"]),
            // What it has written is right, and the lab may read it where it has a namespace of its own.
            ("leaves_closed", closed),
            ("leaves_hard_link", &["linked-file"]),
            ("leaves_closed_folder", closed),
        ] {
            let test = check(scene, name, isolation);
            let diagnosis = test["failure"]["diagnosis"].as_str().unwrap_or_default();
            assert!(
                expected.contains(&diagnosis),
                "{isolation:?} {name}: {test}"
            );
        }
        // A jail does not let it have a name for it; without one, it is another user's or the program's to read.
        let secret = scene.secret("solution.rs");
        let test = check(scene, &format!("leaves_hard_link+{secret}"), isolation);
        assert_eq!(
            test["failure"]["diagnosis"], "missing-bytes",
            "{isolation:?}: {test}"
        );
        // Some file systems have no leases.
        let test = check(scene, "leaves_lease", isolation);
        if test["status"] != "passed" {
            assert_eq!(super::diagnosis(&test), "file-exchanged", "{test}");
        }
    });
    let scene = Scene::new(User::Ordinary);
    let place = scene.path("temporary/copy");
    let left = |name: &str| {
        let _ = fs::remove_file(&place);
        left_bare(&scene, name);
        fs::read(&place).map_err(|error| error.raw_os_error().unwrap())
    };
    assert_eq!(left("leaves_loop"), Err(libc::ELOOP));
    assert_eq!(left("leaves_socket"), Err(libc::ENXIO));
    assert_eq!(
        left(&format!("leaves_hard_link+{}", scene.secret("solution.rs"))).unwrap(),
        super::scene::SECRET.as_bytes()
    );
    let _ = fs::remove_file(&place);
    left_bare(&scene, "leaves_sparse");
    assert!(place.metadata().unwrap().len() >= 64 << 20);
    assert_eq!(left("leaves_directory"), Err(libc::EISDIR));
}

#[test]
fn a_name_that_is_exchanged_all_the_time_leads_nowhere() {
    super::everywhere("leaves_exchange", |scene, isolation| {
        let secret = targets(scene).remove(0);
        let name = format!("leaves_exchange+{secret}");
        for _ in 0..5 {
            let test = check(scene, &name, isolation);
            assert!(!tells(MARK, &test.to_string()), "{test}");
            // Now and then the right file is there at each look.
            if test["status"] != "passed" {
                let diagnosis = super::diagnosis(&test);
                let is_known = ["not-a-file", "file-exchanged"].contains(&diagnosis);
                assert!(is_known, "{isolation:?}: {test}");
            }
        }
    });
    // Who reads by the name gets the secret before long.
    let scene = Scene::new(User::Ordinary);
    let secret = targets(&scene).remove(0);
    let name = format!("leaves_exchange+{secret}");
    let program = scene.hostile(&name).display().to_string();
    let place = scene.path("temporary/copy");
    let limit = Duration::from_secs(60);
    wait_until("the secret is read", limit, || {
        if processes_with(&program) == 0 {
            let _ = fs::remove_file(scene.path("temporary/link"));
            left_bare(&scene, &name);
        }
        let mut looks = (0..1000).map(|_| fs::read(&place));
        looks.any(|read| read.is_ok_and(|got| tells(MARK, &text(&got))))
    });
    wait_until("the exchange is over", limit, || {
        processes_with(&program) == 0
    });
}

/// Where there is no openat2, or a filter refuses it.
#[test]
fn without_openat2_it_is_the_same() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let refusal = [Refusal {
            errno,
            ..Refusal::of(libc::SYS_openat2)
        }];
        for isolation in Isolation::ALL {
            let mut scene = Scene::new(User::Ordinary);
            let secret = targets(&scene).remove(0);
            let report = |program: &Path, only: &str| -> Value {
                let arguments = [
                    "--format=json",
                    "--only",
                    only,
                    "--program",
                    program.to_str().unwrap(),
                ];
                let mut command = scene.command(COPY, &arguments, isolation, Walls::Jail);
                refuse(&mut command, &[&refusal]);
                let output = command.output().unwrap();
                serde_json::from_slice(&output.stdout)
                    .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
            };
            let right = scene.program(&SOLUTION, "right");
            let right = report(&right, "");
            assert_eq!(right["points"], right["max_points"], "{right:#}");
            for (name, expected) in [
                (format!("leaves_link+{secret}"), "not-a-file"),
                ("leaves_loop".to_owned(), "not-a-file"),
                ("leaves_hard_link".to_owned(), "linked-file"),
            ] {
                let report = report(&scene.hostile(&name), READS_THE_FILE);
                let test = &report["exercises"][0]["tests"][0];
                assert_eq!(super::diagnosis(test), expected, "{test}");
                assert!(!tells(MARK, &report.to_string()), "{report}");
            }
            scene.expect_clean("without openat2");
        }
    }
}
