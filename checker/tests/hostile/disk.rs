//! Programs that fill the disk (26).

use std::time::Duration;

use super::{
    control, diagnosis, everywhere,
    scene::{Scene, User, Walls},
    support::{Isolation, idle::IdleTime},
};

/// Where the folder of a test is a file system of its own, this is how much fits in.
const ROOM: u64 = 64 << 20;

/// How many it has got of what it wanted, in its own words: `held 4096 MiB: 67108864 bytes`; if it got to say so, before
/// its test was ended.
fn got(said: &str) -> Option<u64> {
    let held = said.lines().find(|line| line.starts_with("held "))?;
    let (_, got) = held.split_once(": ")?;
    Some(got.split(' ').next()?.parse().unwrap())
}

#[test]
fn in_namespaces_its_folder_takes_no_more_than_fits_in() {
    for &user in User::all() {
        let mut scene = Scene::new(user);
        for (name, most) in [
            ("fills_the_disk+4096", ROOM),
            ("makes_many_files+5000", 4096),
        ] {
            let test = scene.check(name, Isolation::Namespaces, Walls::Jail);
            let said = test["failure"]["stderr"].as_str().unwrap();
            match got(said) {
                Some(got) => assert!((most / 2..=most).contains(&got), "{user:?}: {said}"),
                None => assert_eq!(diagnosis(&test), "disk-filled", "{user:?}: {test}"),
            }
            scene.expect_clean(name);
        }
    }
    control("fills_the_disk+80", "80 MiB");
    control("makes_many_files+5000", "5000 files");
}

#[test]
fn a_full_folder_is_what_the_report_tells_of() {
    for name in ["fills_and_stays", "makes_many_files+5000"] {
        let mut scene = Scene::new(User::Ordinary);
        let test = scene.check(name, Isolation::Namespaces, Walls::Jail);
        assert_eq!(diagnosis(&test), "disk-filled", "{test}");
        let symptom = test["failure"]["symptom"].as_str().unwrap();
        assert!(symptom.contains("filled its folder"), "{symptom}");
        scene.expect_clean(name);
    }
}

/// Without a file system of its own it is watched.
#[test]
fn one_that_fills_the_disk_is_stopped() {
    let name = "fills_the_disk+4096";
    everywhere(name, |scene, isolation| {
        let start = IdleTime::start();
        let test = scene.check(name, isolation, Walls::Jail);
        let said = test["failure"]["stderr"].as_str().unwrap_or_default();
        let diagnosis = diagnosis(&test);
        assert!(!said.contains("got "), "{isolation:?}: {test}");
        if isolation == Isolation::Shared {
            assert_eq!(diagnosis, "disk-filled", "{test}");
        }
        assert!(start.elapsed() < Duration::from_secs(20));
    });
}
