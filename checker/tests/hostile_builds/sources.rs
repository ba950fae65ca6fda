//! Source files that take in a file of others while they are compiled or linked. No linker can be made to write one: what
//! it is told on its command line, cargo has told it.

use std::{fs, path::Path};

use crate::{
    CONTROL, IN_CELL, SECRET, Scene, one_at_a_time,
    support::{Isolation, environment::command, skipped::skipped},
};

/// Each shows what it got in its program, or in what the compiler says. 15 and 16.
const THIEVES: &[(&str, &str)] = &[
    (
        "include_str!",
        "fn main() { println!(\"{}\", include_str!(\"SECRET_FILE\")); }\n",
    ),
    (
        "include_bytes!",
        "fn main() { println!(\"{:?}\", include_bytes!(\"SECRET_FILE\")); }\n",
    ),
    (
        "include!",
        "mod stolen { include!(\"SECRET_FILE\"); }\nfn main() { println!(\"{}\", stolen::SECRET); }\n",
    ),
    (
        "#[path]",
        "#[path = \"SECRET_FILE\"] mod stolen;\nfn main() { println!(\"{}\", stolen::SECRET); }\n",
    ),
    (
        "env!",
        "fn main() { println!(\"{}\", env!(\"GITHUB_TOKEN\")); }\n",
    ),
    (
        "option_env!",
        "fn main() { println!(\"{:?}\", option_env!(\"GITHUB_TOKEN\")); }\n",
    ),
    (
        "doc = include_str!",
        "#![doc = include_str!(\"SECRET_FILE\")]\n\
         macro_rules! told { ($($text:tt)*) => { println!(\"{}\", concat!($($text)*)) } }\n\
         fn main() { told!(include_str!(\"SECRET_FILE\")); }\n",
    ),
    // The assembler.
    (
        ".incbin",
        "std::arch::global_asm!(\".globl stolen\", \"stolen: .incbin \\\"SECRET_FILE\\\"\");\nUSE_IT",
    ),
    (
        ".include",
        "std::arch::global_asm!(\".include \\\"SECRET_FILE\\\"\");\nfn main() {}\n",
    ),
];

/// The same by the linker, whose names of libraries can be paths.
const LINKED: &[(&str, &str)] = &[
    (
        "#[link], an archive",
        "#[link(name = \"UP/SECRET_ARCHIVE\", modifiers = \"+verbatim\")]\nUSE_IT",
    ),
    (
        "#[link], a complaint about a text",
        "#[link(name = \"UP/SECRET_WORD\", modifiers = \"+verbatim\")]\nUSE_IT",
    ),
    (
        "#[link], a linker script",
        "#[link(name = \"UP/OWN_FOLDER/script.rs\", modifiers = \"+verbatim\")]\nUSE_IT",
    ),
];

/// Only rustc's own linker heeds this one, where it is the default.
const BY_SECTION: (&str, &str) = (
    ".deplibs",
    "std::arch::global_asm!(\".section .deplibs,\\\"MS\\\",@llvm_dependent_libraries,1\",\n\
     \".asciz \\\"SECRET_ARCHIVE\\\"\", \".text\");\nUSE_IT",
);

const USE_IT: &str = "unsafe extern \"C\" { static stolen: u8; }\n\
                      fn main() { println!(\"{}\", (&raw const stolen).addr()); }\n";

impl Scene {
    /// Makes an archive and a text for a linker, each with the secret in it.
    fn prepare_for_linkers(&self) {
        let folder = self.folder.path();
        let code = format!("const char stolen[] = \"{SECRET}\";\n");
        fs::write(folder.join("secret.c"), code).unwrap();
        fs::write(folder.join("secret.txt"), SECRET).unwrap();
        for (program, arguments) in [
            ("cc", ["-c", "secret.c", "-o", "secret.o"]),
            ("ar", ["rc", "secret.a", "secret.o", "secret.o"]),
        ] {
            let mut command = command(program);
            let status = command.args(arguments).current_dir(folder).status();
            assert!(status.unwrap().success(), "{program}");
        }
        let script = format!("INPUT({})\n", self.secret("secret.a"));
        self.write("src/script.rs", &script);
    }

    fn write_thief(&self, source: &str) {
        let own = self.course.root().join("exercises").join(crate::PACKAGE);
        let source = source
            .replace("USE_IT", USE_IT)
            .replace("SECRET_ARCHIVE", &self.secret("secret.a"))
            .replace("SECRET_WORD", &self.secret("secret.txt"))
            .replace("OWN_FOLDER", &own.join("src").display().to_string())
            // Linkers look for a library in some folder.
            .replace("UP/", &"../".repeat(30));
        self.write("src/main.rs", &source);
    }

    /// The source shows the secret when it is built without a cell, and does not in one.
    fn expect_theft_to_fail(&self, way: &str, secret: &str) {
        for isolation in Isolation::ALL {
            let said = self.build(100, isolation);
            assert!(said.contains("finished "), "{way} {isolation:?}: {said}");
            let is_known = self.is_known(secret, &said, IN_CELL);
            assert!(!is_known, "{way} {isolation:?}: {said}");
        }
        let said = self.build_without_a_cell();
        assert!(
            self.is_known(secret, &said, CONTROL),
            "{way} is no attack: {said}"
        );
    }
}

#[test]
fn sources_take_in_no_file_of_others() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    for (way, source) in THIEVES {
        scene.write_thief(source);
        scene.expect_theft_to_fail(way, SECRET);
    }
    // All of these failures have been theirs.
    scene.write_thief("fn main() {}\n");
    assert!(
        scene
            .build(100, Isolation::Namespaces)
            .contains("finished true")
    );
}

#[test]
fn linkers_take_in_no_file_of_others() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    scene.prepare_for_linkers();
    for (way, source) in LINKED {
        scene.write_thief(source);
        scene.expect_theft_to_fail(way, SECRET);
    }
    scene.write_thief(BY_SECTION.1);
    match scene.build_without_a_cell().contains("Finished") {
        true => scene.expect_theft_to_fail(BY_SECTION.0, SECRET),
        false => skipped("the linker here heeds no .deplibs"),
    }
}

#[test]
fn sources_take_in_no_file_of_the_machine() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    for path in ["/etc/passwd", "/etc/shadow"] {
        // What nobody but root can read, nobody else's compiler can.
        let Ok(text) = fs::read_to_string(path) else {
            assert!(!nix::unistd::geteuid().is_root() || !Path::new(path).exists());
            skipped(format_args!("{path}, which these tests may not read"));
            continue;
        };
        let line = text.lines().next().unwrap();
        scene.write_thief(&format!(
            "fn main() {{ println!(\"{{:?}}\", include_bytes!({path:?})); }}\n"
        ));
        scene.expect_theft_to_fail(path, line);
    }
}
