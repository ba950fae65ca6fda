//! Builds a package of a workspace in a cell, as a grader does, and prints what came of it: the checker's tests let it
//! build hostile crates (see tests/hostile_builds.rs). Arguments: workspace, package, seconds, namespaces or shared.

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use checker::{
    arena::{Isolation, warden},
    compile::{self, Ended, News},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    match arguments.as_slice() {
        [_, command, sentence] if command == warden::COMMAND => {
            ExitCode::from(warden::run(sentence))
        }
        [_, root, package, seconds, isolation] => build(
            Path::new(root),
            package,
            Duration::from_secs(seconds.parse().expect("a number")),
            match isolation.as_str() {
                "shared" => Isolation::Shared,
                _ => Isolation::Namespaces,
            },
        ),
        _ => ExitCode::from(2),
    }
}

fn build(root: &Path, package: &str, time: Duration, isolation: Isolation) -> ExitCode {
    let target = root.join("target");
    let sources: Vec<PathBuf> = vec![root.join("exercises")];
    let mut cell = compile::cell(root, &target, &sources, isolation).expect("a cell");
    cell.jail.time = time;
    let packages = [package.to_owned()].into();
    let ended = compile::build(
        root,
        Some(&target),
        &packages,
        false,
        Some(&cell),
        |news| match news {
            News::Built { path, .. } => println!("built {}", path.display()),
            News::Message { text, .. } => println!("message {text}"),
            News::Progress(_) => (),
        },
    );
    match ended {
        Ok(Ended::Finished { success, said }) => println!("finished {success}\n{said}"),
        Ok(Ended::NotBegun(said)) => println!("not begun\n{said}"),
        Ok(Ended::Stopped(stopped)) => println!("stopped {stopped:?}"),
        Err(error) => println!("trouble {error}"),
    }
    ExitCode::SUCCESS
}
