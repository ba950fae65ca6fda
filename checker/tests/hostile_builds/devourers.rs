//! Sources at which a compiler works without end, or which take all memory.

use std::time::Duration;

use crate::{
    PACKAGE, Scene, one_at_a_time, printed,
    support::{self, Isolation, idle::IdleTime},
};

/// What makes a compiler work without end, or take all memory: 19.
const DEVOURERS: &[(&str, &str)] = &[
    (
        "a constant without end",
        "#![allow(long_running_const_eval)]\n\
         const fn endless() -> u32 { let mut n = 0u32; loop { n = n.wrapping_add(1); if n == 0 { n = 1; } } }\n\
         const N: u32 = endless();\nfn main() { println!(\"{N}\"); }\n",
    ),
    (
        "a macro that doubles",
        "#![recursion_limit = \"4096\"]\n\
         macro_rules! twice { ($($t:tt)*) => { twice!($($t)* $($t)*) } }\n\
         fn main() { twice!(a b c d); }\n",
    ),
    (
        "8 GiB of constants",
        "static HUGE: [u8; 8 << 30] = [1; 8 << 30];\n\
         fn main() { println!(\"{}\", HUGE[std::env::args().count()]); }\n",
    ),
    (
        "a type that doubles",
        "fn grow<T: Clone>(depth: u32, value: T) {\n\
         if depth > 0 { grow(depth - 1, (value.clone(), value)); }\n}\n\
         fn main() { grow(40, ()); }\n",
    ),
];

#[test]
fn a_compiler_that_does_not_end_is_ended() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    // The dependencies are compiled in peace.
    let said = scene.build(300, Isolation::Namespaces);
    assert!(said.contains("finished true"), "{said}");
    for (way, source) in DEVOURERS {
        for isolation in Isolation::ALL {
            let path = format!("exercises/{PACKAGE}/src/main.rs");
            scene.course.write(&path, source);
            let start = IdleTime::start();
            let said = scene.build(2, isolation);
            let is_ended = said.contains("stopped TooLong")
                || said.contains("stopped TooMuch")
                || said.contains("finished false");
            assert!(is_ended, "{way} {isolation:?}: {said}");
            assert!(start.elapsed() < Duration::from_secs(30), "{way}");
            let root = scene.course.root().display().to_string();
            assert_eq!(support::processes_with(&root), 0, "{way} {isolation:?}");
        }
    }
}

#[test]
fn a_build_is_told_what_was_too_much() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    let said = scene.build(300, Isolation::Namespaces);
    assert!(said.contains("finished true"), "{said}");
    let (_, doubles) = DEVOURERS[1];
    // With each warning, the compiler repeats the line.
    let talkative: String = (0..3000).map(|n| format!("let x{n} = 0; ")).collect();
    let talkative = format!("fn main() {{ {talkative} }}\n");
    for (source, seconds, memory, because) in [
        (doubles, 100, 300, "it took more than 300 MiB of memory"),
        (doubles, 1, 8000, "it took longer than 1 s"),
        (
            &*talkative,
            100,
            8000,
            "the compiler had more than 16 MiB to say",
        ),
    ] {
        scene.write("src/main.rs", source);
        let output = scene.start(seconds, memory, Isolation::Namespaces).output();
        let said = printed(&output.unwrap());
        assert!(said.contains(because), "{said}");
    }
}
