//! A call that was made is shown with its line in the source, or with none; never with a wrong one.
//!
//! The programs are `source_lines/places.c` and `places.rs`: what each call writes stands at the end of its line.

mod support;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use checker::{
    observe::{
        calls::Call,
        source::{SourceLine, SourceLines},
        tracer::Record,
    },
    sandbox::{Isolation, Launch, Sandbox},
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use support::{
    environment::command,
    removal::{folder_until_exit, remove_at_exit},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/source_lines");

/// The ways to compile the program in Rust.
const RUST: [(&str, &[&str]); 4] = [
    ("full", &["-g", "-Copt-level=0"]),
    ("tables", &["-Cdebuginfo=line-tables-only", "-Copt-level=0"]),
    ("fast", &["-g", "-Copt-level=3"]),
    ("stripped", &["-g", "-Cstrip=symbols"]),
];

/// Where the programs lie and run.
struct Scene {
    folder: PathBuf,
    sandbox: Sandbox,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let folder = folder_until_exit();
    // Who has entered the sandbox may not be able to run rustc any more.
    for (name, options) in RUST {
        let program = folder.join(name);
        assert!(compile("rustc", "places.rs", &program, options), "{name}");
    }
    let sandbox = Sandbox::enter(Isolation::Shared).unwrap();
    remove_at_exit(sandbox.folder());
    Scene { folder, sandbox }
});

/// What a call has written, and where.
type Written = (String, Option<SourceLine>);

/// Compiles a program in the folder of its source; whether that went well.
fn compile(compiler: &str, source: &str, program: &Path, options: &[&str]) -> bool {
    let output = command(compiler)
        .current_dir(FOLDER)
        .args(options)
        .args([source, "-o"])
        .arg(program)
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    output.status.success()
}

/// The program in C, compiled in this way. `None` if this compiler cannot do it.
fn compile_c(name: &str, options: &[&str]) -> Option<PathBuf> {
    let program = SCENE.sandbox.folder().join(name);
    compile("cc", "places.c", &program, options).then_some(program)
}

/// Runs a program to its end, traced.
fn run(program: &Path) -> (Vec<Record>, SourceLines) {
    let launch = Launch {
        traced: true,
        ..Launch::new([""; 0])
    };
    let started = launch.start(program, &SCENE.sandbox).unwrap();
    let tracer = started.tracer.as_ref().unwrap();
    let limit = PollTimeout::try_from(Duration::from_secs(30)).unwrap();
    let mut ended = [PollFd::new(
        std::os::fd::AsFd::as_fd(tracer),
        PollFlags::POLLIN,
    )];
    assert_eq!(
        poll(&mut ended, limit).unwrap(),
        1,
        "{:?}",
        tracer.records()
    );
    let lines = SourceLines::read(&tracer.program().unwrap());
    (tracer.records(), lines)
}

/// What a program has written, and where in the source.
fn written_by(program: &Path) -> Vec<Written> {
    let (records, lines) = run(program);
    written(&records, &lines)
}

fn written(records: &[Record], lines: &SourceLines) -> Vec<Written> {
    let writes = records.iter().filter(|record| record.call == Call::Write);
    let written = writes.map(|record| {
        let start = &record.data().unwrap().start;
        let text = String::from_utf8_lossy(start).trim().to_owned();
        // What the standard library says of a panic.
        let is_panic = text.starts_with("thread '");
        let text = if is_panic { "panicked" } else { &text };
        (text.to_owned(), lines.innermost(&record.frames))
    });
    written
        .filter(|(text, _)| !text.starts_with("note: "))
        .collect()
}

/// The line of a source at whose end this stands.
fn line_of(source: &str, mark: &str) -> SourceLine {
    let text = fs::read_to_string(Path::new(FOLDER).join(source)).unwrap();
    let mark = format!("// {mark}");
    let place = text.lines().position(|line| line.ends_with(&mark));
    SourceLine {
        file: source.to_owned(),
        line: place.unwrap_or_else(|| panic!("no {mark} in {source}")) as u32 + 1,
    }
}

/// Asserts that each line is the right one; returns of which texts one is known.
fn right_ones(source: &str, written: &[Written], what: &str) -> Vec<String> {
    let known = written.iter().filter_map(|(text, line)| {
        let line = line.as_ref()?;
        assert_eq!(*line, line_of(source, text), "{text}, {what}");
        Some(text.clone())
    });
    known.collect()
}

#[test]
fn a_call_of_a_c_program_has_the_line_of_its_author() {
    let ways = [
        ["-O0", "-g"],
        ["-O1", "-g"],
        ["-O2", "-g"],
        ["-O0", "-gdwarf-3"],
        ["-O0", "-gdwarf-4"],
        ["-no-pie", "-g"],
        ["-fno-omit-frame-pointer", "-g"],
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let options = [way[0], way[1], "-U_FORTIFY_SOURCE", "-pthread"];
        let program = compile_c(&format!("c{number}"), &options).unwrap();
        let written = written_by(&program);
        assert_eq!(
            right_ones("places.c", &written, &way.join(" ")),
            [
                "main", "say", "deep", "compare", "thread", "handler", "puts", "child", "again"
            ],
            "{way:?}: {written:?}"
        );
        // Another program in the place of this one has no lines of it.
        assert!(written.contains(&("other".to_owned(), None)), "{written:?}");
    }
}

#[test]
fn where_a_program_does_not_tell_there_is_no_line() {
    for (number, way) in [["-O2", "-pthread"], ["-g", "-s"]].into_iter().enumerate() {
        let program = compile_c(&format!("none{number}"), &way).unwrap();
        let written = written_by(&program);
        assert!(written.len() > 8, "{written:?}");
        assert!(
            written.iter().all(|(_, line)| line.is_none()),
            "{written:?}"
        );
    }
    // Not every machine can do these, and not each of them tells; what is told is right.
    for (number, way) in [
        ["-g", "-static"],
        ["-g", "-static-pie"],
        ["-g", "-fno-asynchronous-unwind-tables"],
        ["-g", "-gz"],
        ["-g", "-Wl,--no-eh-frame-hdr"],
        ["-O2", "-D_FORTIFY_SOURCE=2"],
    ]
    .into_iter()
    .enumerate()
    {
        let options = [way[0], way[1], "-g", "-pthread"];
        if let Some(program) = compile_c(&format!("odd{number}"), &options) {
            let written = written_by(&program);
            assert!(written.len() > 8, "{way:?}: {written:?}");
            right_ones("places.c", &written, &way.join(" "));
        }
    }
}

#[test]
fn a_call_of_a_rust_program_has_the_line_of_its_author() {
    for (name, _) in &RUST[..2] {
        let (records, lines) = run(&SCENE.folder.join(name));
        let written = written(&records, &lines);
        assert_eq!(
            right_ones("places.rs", &written, name),
            ["println", "eprint", "closure", "thread", "drop", "panicked"],
            "{name}: {written:?}"
        );
    }
    // Of what an optimizer has moved, what is told is right.
    let written = written_by(&SCENE.folder.join("fast"));
    right_ones("places.rs", &written, "optimized");
    let stripped = written_by(&SCENE.folder.join("stripped"));
    assert!(
        stripped.iter().all(|(_, line)| line.is_none()),
        "{stripped:?}"
    );
}

#[test]
fn broken_debug_information_gives_no_line_and_no_trouble() {
    let program = compile_c("whole", &["-g", "-pthread"]).unwrap();
    let (records, _) = run(&program);
    let whole = fs::read(&program).unwrap();
    // Code and data stand before the debug information.
    let debug = whole.len() / 3;
    let path = SCENE.sandbox.folder().join("broken");
    let mut chance = fastrand::Rng::with_seed(4711);
    for round in 0..300 {
        let mut broken = whole.clone();
        for _ in 0..=round % 20 {
            let place = chance.usize(if round % 2 == 0 { 0 } else { debug }..broken.len());
            broken[place] = chance.u8(..);
        }
        if round % 7 == 0 {
            broken.truncate(chance.usize(..broken.len()));
        }
        fs::write(&path, &broken).unwrap();
        let lines = SourceLines::read(&File::open(&path).unwrap());
        for record in &records {
            lines.innermost(&record.frames);
        }
    }
}
