//! What a program can learn from where it lies: nothing about the class, and nothing about others in it.

use std::fs;

use crate::{
    class::{Class, Deserves, finished},
    support::files_below,
};

/// Tells all that it knows of its place, and whether its own file holds a text, which comes backwards so that it is not
/// in the file because of this.
const TELLTALE: &str = r#"
use std::fmt::Write;

fn main() {
    let mut told = String::new();
    let backwards: Vec<u8> = b"BACKWARDS".iter().rev().copied().collect();
    let own = std::fs::read("/proc/self/exe").or_else(|_| std::fs::read(std::env::args().next().unwrap()));
    let own = own.unwrap_or_default();
    let _ = writeln!(told, "own file: {} bytes", own.len() / own.len().max(1));
    let _ = writeln!(told, "own file tells: {}", own.windows(backwards.len()).any(|part| part == backwards));
    let _ = writeln!(told, "arguments {:?}", std::env::args().collect::<Vec<_>>());
    let _ = writeln!(told, "exe {:?}", std::fs::read_link("/proc/self/exe"));
    let _ = writeln!(told, "cwd {:?} {:?}", std::env::current_dir(), std::fs::read_link("/proc/self/cwd"));
    let _ = writeln!(told, "root {:?}", std::fs::read_link("/proc/self/root"));
    let _ = writeln!(told, "environment {:?}", std::env::vars_os().collect::<Vec<_>>());
    let _ = writeln!(told, "file {} in {}", file!(), env!("CARGO_MANIFEST_DIR"));
    for file in ["environ", "cmdline", "maps", "mountinfo"] {
        let _ = writeln!(told, "{file} {:?}", std::fs::read_to_string(format!("/proc/self/{file}")));
    }
    let _ = writeln!(told, "parent {:?}", std::fs::read_to_string(format!("/proc/{}/cmdline", std::os::unix::process::parent_id())));
    // At once, since the test reads the first line only.
    print!("{told}");
    panic!("all told");
}
"#;

#[test]
fn a_program_learns_neither_where_the_class_lies_nor_who_is_in_it() {
    const OTHER: &str = "wilhelmina";
    let mut class = Class::new();
    let place = class
        .path("")
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let backwards: String = place.chars().rev().collect();
    let source = TELLTALE.replace("BACKWARDS", &backwards);
    class.program("mallory", Deserves::Nothing, &source);
    // What the compiler says is read as well.
    let says = "compile_error!(concat!(env!(\"CARGO_MANIFEST_DIR\"), file!()));\nfn main() {}\n";
    class.program("compiler", Deserves::NoProgram, says);
    fs::create_dir(class.add(OTHER, Deserves::NoProgram)).unwrap();
    // The worst place for temporary files.
    let beside = class.path("tmp");
    fs::create_dir(&beside).unwrap();
    for isolation in ["namespaces", "shared"] {
        let argument = format!("--isolation={isolation}");
        let mut grade = class.grade(isolation);
        grade.env("TMPDIR", &beside).arg("--jobs=2").arg(argument);
        let (status, stdout, stderr) = finished(&mut grade);
        assert_eq!(status, Some(0), "{stdout}{stderr}");
        assert!(stderr.contains("tells where the class lies"), "{stderr}");
        assert_eq!(fs::read_dir(&beside).unwrap().count(), 0);
        let mut told = 0;
        for file in files_below(&class.path(isolation)) {
            let text = fs::read_to_string(&file).unwrap();
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            if !["mallory", "compiler"].contains(&name.as_str()) {
                continue;
            }
            for secret in [&place, OTHER] {
                assert!(!text.contains(secret), "{}: {text}", file.display());
            }
            let tells = ["/exercises/day2_2_echo_server", "own file tells: false"];
            let is_all = file.extension() == Some("json".as_ref());
            told += usize::from(is_all && tells.iter().any(|words| text.contains(words)));
        }
        // They had something to tell.
        assert_eq!(told, 2, "{isolation}");
    }
}
