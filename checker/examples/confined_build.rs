//! Builds a package of a workspace in a jail, as a grader does, and prints what came of it: the checker's tests let it
//! build hostile crates (see tests/hostile_builds). Arguments: workspace, package, seconds,
//! memory in MiB, namespaces or shared.

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use checker::{
    build::{
        Toolchain,
        cargo::{CargoEnd, CargoEvent, Workspace},
    },
    sandbox::Isolation,
    worker::{self, Cancel},
};

fn main() -> ExitCode {
    if let Some(status) = worker::dispatch(checker::JOBS) {
        return status;
    }
    let arguments: Vec<String> = env::args().collect();
    match arguments.as_slice() {
        [_, root, package, seconds, memory, isolation] => build(
            Path::new(root),
            package,
            Duration::from_secs(seconds.parse().expect("a number")),
            memory.parse().expect("a number"),
            match isolation.as_str() {
                "shared" => Isolation::Shared,
                _ => Isolation::Namespaces,
            },
        ),
        _ => ExitCode::from(2),
    }
}

fn build(
    root: &Path,
    package: &str,
    time: Duration,
    memory: u64,
    isolation: Isolation,
) -> ExitCode {
    let target = root.join("target");
    let sources: Vec<PathBuf> = vec![root.join("exercises")];
    let toolchain = Toolchain::find(&root.join("toolchain")).expect("a toolchain");
    let mut confined = toolchain
        .confine(root, &target, &sources, 2, isolation)
        .expect("a confinement");
    confined.confinement.time = time;
    confined.confinement.memory = memory << 20;
    let packages = [package.to_owned()].into();
    let workspace = Workspace {
        confined: Some(confined),
        ..Workspace::new(root, target, &Cancel::new().expect("an eventfd"))
    };
    let end = workspace.build(&packages, |event| match event {
        CargoEvent::Built { path, .. } => println!("built {}", path.display()),
        CargoEvent::Message { text, .. } => println!("message {text}"),
        CargoEvent::Compiled(_) => (),
    });
    match end {
        Ok(CargoEnd::Finished { success, said }) => println!("finished {success}\n{said}"),
        Ok(CargoEnd::NotBegun(said)) => println!("not begun\n{said}"),
        Ok(CargoEnd::Stopped(stopped)) => println!("stopped {stopped:?}\n{stopped}"),
        Err(error) => println!("trouble {error:?}"),
    }
    ExitCode::SUCCESS
}
