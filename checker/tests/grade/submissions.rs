//! Submissions of all kinds.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    io::Read,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    path::Path,
};

use crate::class::{
    Class, Deserves, NAME, RIGHT, STARTER, Tar, expect_deserved, finished, inside, solution_of,
};

fn add_right_and_wrong(class: &mut Class) {
    class.program("right", Deserves::All, RIGHT);
    let bare = class
        .add("right-bare", Deserves::All)
        .join(NAME)
        .join("src");
    fs::create_dir_all(&bare).unwrap();
    fs::write(bare.join("main.rs"), RIGHT).unwrap();
    let lone = class.add("right-lone", Deserves::All).join("src");
    fs::create_dir_all(&lone).unwrap();
    fs::write(lone.join("main.rs"), RIGHT).unwrap();
    class.zip(
        "right-zip.zip",
        Deserves::All,
        &[(&inside("src/main.rs"), RIGHT.as_bytes())],
    );
    let wrapped = format!("course-main/{}", inside("src/main.rs"));
    class.zip(
        "right-wrapped.zip",
        Deserves::All,
        &[(&wrapped, RIGHT.as_bytes()), ("__MACOSX/._x", b"x")],
    );
    class.tar("right-tar.tar.gz", Deserves::All, |archive| {
        raw_entry(
            archive,
            inside("src/main.rs").as_bytes(),
            tar::EntryType::Regular,
            "",
            RIGHT.as_bytes(),
        );
    });
    class.folder(
        "right-in-modules",
        Deserves::All,
        &[
            (
                "src/main.rs",
                "mod server;\nfn main() -> std::process::ExitCode { server::main() }\n",
            ),
            (
                "src/server.rs",
                &RIGHT.replace("fn main()", "pub fn main()"),
            ),
        ],
    );
    for mistake in [
        "never_closes",
        "dies_of_sigpipe",
        "answers_once",
        "waits_for_a_newline",
        "spins_at_the_end",
        "sends_lossy_text",
        "resets_to_close",
    ] {
        class.program(
            &format!("wrong-{mistake}"),
            Deserves::Mistake(mistake),
            &solution_of(mistake),
        );
    }
    class.program("starter", Deserves::Nothing, STARTER);
    class.program(
        "does-not-compile",
        Deserves::NoProgram,
        "fn main() { let port: u16 = \"80\"; }\n",
    );
    class.program("no-main", Deserves::NoProgram, "fn other() {}\n");
    class.program("not-text", Deserves::NoProgram, "\u{1b}[2J ::error::x \0");
    fs::create_dir(class.add("empty", Deserves::NoProgram)).unwrap();
}

fn add_hostile_layouts(class: &mut Class) {
    let solution = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../solutions")
        .join(NAME)
        .canonicalize()
        .unwrap();
    let main = |root: &Path| root.join("exercises").join(NAME).join("src/main.rs");
    let root = class.folder("link-to-a-file", Deserves::NoProgram, &[("src/x.rs", "")]);
    symlink(solution.join("src/main.rs"), main(&root)).unwrap();
    let root = class.folder("link-to-src", Deserves::NoProgram, &[("Cargo.toml", "")]);
    symlink(
        solution.join("src"),
        root.join("exercises").join(NAME).join("src"),
    )
    .unwrap();
    let root = class.add("link-to-a-crate", Deserves::NoProgram);
    fs::create_dir_all(root.join("exercises")).unwrap();
    symlink(&solution, root.join("exercises").join(NAME)).unwrap();
    symlink(&solution, class.add("link-itself", Deserves::NoProgram)).unwrap();
    let root = class.folder("pipe", Deserves::NoProgram, &[("src/x.rs", "")]);
    nix::unistd::mkfifo(&main(&root), nix::sys::stat::Mode::S_IRWXU).unwrap();

    let long = format!("{RIGHT}\n// {}\n", "x".repeat(300 << 10));
    class.program("huge-file", Deserves::NoProgram, &long);
    let root = class.folder("many-files", Deserves::All, &[("src/main.rs", RIGHT)]);
    for number in 0..1000 {
        fs::write(main(&root).with_file_name(format!("z{number}.rs")), "").unwrap();
    }
    let deep = "deep/".repeat(30);
    class.folder(
        "deep",
        Deserves::All,
        &[("src/main.rs", RIGHT), (&format!("src/{deep}x.rs"), "")],
    );
    let root = class.folder("not-utf-8", Deserves::All, &[("src/main.rs", RIGHT)]);
    fs::write(
        main(&root).with_file_name(OsStr::from_bytes(b"\xff.rs")),
        "",
    )
    .unwrap();

    class.zip(
        "climbs.zip",
        Deserves::All,
        &[
            ("../../climbed.rs", b"x"),
            (&inside("src/../../../../climbed.rs"), b"x"),
            ("/climbed.rs", b"x"),
            (&inside("src/main.rs"), RIGHT.as_bytes()),
        ],
    );
    class.zip(
        "nul.zip",
        Deserves::NoProgram,
        &[(&inside("src/main.rs\0.rs"), RIGHT.as_bytes())],
    );
    class.zip(
        "bomb.zip",
        Deserves::NoProgram,
        &[(&inside("src/main.rs"), &vec![b' '; 64 << 20])],
    );
    class.tar("bomb-tar.tar.gz", Deserves::NoProgram, |archive| {
        let mut header = tar::Header::new_gnu();
        header.set_size(200 << 20);
        header.set_path("junk").unwrap();
        header.set_cksum();
        archive
            .append(&header, std::io::repeat(0).take(200 << 20))
            .unwrap();
        raw_entry(
            archive,
            inside("src/main.rs").as_bytes(),
            tar::EntryType::Regular,
            "",
            RIGHT.as_bytes(),
        );
    });
    class.tar("tar-links.tar.gz", Deserves::NoProgram, |archive| {
        let target = solution.join("src/main.rs");
        let name = inside("src/main.rs");
        raw_entry(
            archive,
            name.as_bytes(),
            tar::EntryType::Symlink,
            target.to_str().unwrap(),
            b"",
        );
        raw_entry(
            archive,
            name.as_bytes(),
            tar::EntryType::Link,
            target.to_str().unwrap(),
            b"",
        );
        raw_entry(archive, b"/climbed.rs", tar::EntryType::Regular, "", b"x");
    });
    fs::write(
        class.add("no-archive.zip", Deserves::NoProgram),
        b"PK and nothing else",
    )
    .unwrap();
    class.tar("file-and-folder.tar.gz", Deserves::All, |archive| {
        raw_entry(
            archive,
            inside("src/main.rs").as_bytes(),
            tar::EntryType::Regular,
            "",
            RIGHT.as_bytes(),
        );
        raw_entry(
            archive,
            inside("src/main.rs/x.rs").as_bytes(),
            tar::EntryType::Regular,
            "",
            b"",
        );
    });
    class.program("::error::x [2J =1+1", Deserves::All, RIGHT);
    let known = class.deserved.remove("::error::x [2J =1+1").unwrap();
    class
        .deserved
        .insert("%3A%3Aerror%3A%3Ax %5B2J %3D1+1".to_owned(), known);
}

fn add_hostile_builds(class: &mut Class) {
    let mark = class.path("mark");
    let mark = mark.to_str().unwrap();
    let touch = format!("fn main() {{ std::fs::write({mark:?}, \"x\").unwrap(); }}\n");
    class.folder("build-script", Deserves::All, &[
        ("src/main.rs", RIGHT),
        ("build.rs", &touch),
        ("Cargo.toml", "[package]\nname = \"day2_2_echo_server\"\nbuild = \"build.rs\"\n[dependencies]\nevil = { path = \"evil\" }\n[patch.crates-io]\nnix = { path = \"evil\" }\n[workspace]\n"),
        ("evil/Cargo.toml", "[package]\nname = \"nix\"\nversion = \"0.31.3\"\n"),
        ("evil/build.rs", &touch),
        ("evil/src/lib.rs", ""),
    ]);
    let wrapper = class.path("wrapper");
    fs::write(&wrapper, format!("#!/bin/sh\ntouch {mark}\nexec \"$@\"\n")).unwrap();
    fs::set_permissions(&wrapper, Permissions::from_mode(0o755)).unwrap();
    let config = format!("[build]\nrustc-wrapper = {wrapper:?}\n");
    let root = class.folder(
        "cargo-config",
        Deserves::All,
        &[("src/main.rs", RIGHT), (".cargo/config.toml", &config)],
    );
    for folder in [root.clone(), root.join("exercises")] {
        fs::create_dir_all(folder.join(".cargo")).unwrap();
        fs::write(folder.join(".cargo/config.toml"), &config).unwrap();
        fs::write(
            folder.join("rust-toolchain.toml"),
            "[toolchain]\npath = \"/nowhere\"\n",
        )
        .unwrap();
    }
    let endless = "#![allow(long_running_const_eval)]\nconst X: () = loop {};\nfn main() { X }\n";
    class.program("compiles-for-ever", Deserves::NoProgram, endless);
    class.program(
        "large-static",
        Deserves::NoProgram,
        "static X: [u8; 1 << 36] = [1; 1 << 36];\nfn main() { println!(\"{}\", X[7]); }\n",
    );
    class.program(
        "says-it-passed",
        Deserves::Nothing,
        "fn main() { println!(\"test result: ok\\n::set-output name=x::y\"); }\n",
    );
    class.program("exits-at-once", Deserves::Nothing, "fn main() {}\n");
}

/// A tar entry as a student's own program could write it.
fn raw_entry(archive: &mut Tar, name: &[u8], kind: tar::EntryType, link: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    if !link.is_empty() {
        header.set_link_name(link).unwrap();
    }
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    archive.append(&header, content).unwrap();
}

#[test]
fn every_submission_gets_what_it_deserves() {
    let mut class = Class::new();
    add_right_and_wrong(&mut class);
    add_hostile_layouts(&mut class);
    add_hostile_builds(&mut class);
    assert!(class.deserved.len() >= 40, "{}", class.deserved.len());
    let (status, stdout, stderr) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    expect_deserved(&class, "out");
    for (name, path, because) in [
        ("link-to-a-file", "src/main.rs", "link"),
        ("climbs", "../../climbed.rs", "climbs-out"),
        ("not-utf-8", "%FF.rs", "bad-name"),
        ("pipe", "src/main.rs", "special"),
        ("bomb", "src/main.rs", "too-long"),
        ("bomb-tar", "", "too-much"),
        ("many-files", "z999.rs", "too-many"),
    ] {
        let refusals = class.graded("out", name)["refusals"].clone();
        let more = class.graded("out", name)["more_refusals"].as_u64().unwrap();
        let is_told = refusals.as_array().unwrap().iter().any(|refusal| {
            refusal["because"] == because
                && (more > 0
                    || refusal["path"]
                        .as_str()
                        .unwrap()
                        .replace("%2E", ".")
                        .ends_with(path))
        });
        assert!(is_told, "{name}: {refusals}");
    }
    assert!(
        !class.path("mark").exists(),
        "something of a submission has run while it was built"
    );
    let stray =
        ["climbed.rs", "class/climbed.rs", "out/climbed.rs"].map(|path| class.path(path).exists());
    assert_eq!(stray, [false; 3]);
    assert!(!Path::new("/climbed.rs").exists());
    assert_eq!(class.csv("out").lines().count(), class.deserved.len() + 1);
    for text in [&stdout, &stderr, &class.csv("out")] {
        assert!(!text.contains("::") && !text.contains('\u{1b}'), "{text}");
    }
    class.expect_clean();

    // Once more: nothing is left to do, and nothing is done.
    let before = class.results("out");
    let (status, again, _) = finished(&mut class.grade("out"));
    assert_eq!((status, again), (Some(0), stdout));
    assert_eq!(class.results("out"), before);
}
