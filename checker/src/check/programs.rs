//! From exercises to programs: what cargo is asked to build, and why there is no program where there is none.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::mpsc::Sender,
};

use super::Step;
use crate::{
    compile::{self, Building, Ended, News, Toolchain},
    crew::Conditions,
    exercise::Exercise,
    failure::LabError,
    report::NoProgram,
    worker::RunError,
};

/// Begins to build these exercises, before anything else is known of the run: nothing of it takes longer. `None` if there
/// is nothing to build, or cargo cannot be started, which the run will tell.
pub fn begin(root: &Path, exercises: &[&Exercise], colour: bool) -> Option<Building> {
    let packages: BTreeSet<String> = exercises
        .iter()
        .filter(|exercise| has_manifest(root, exercise))
        .map(|exercise| exercise.name.to_owned())
        .collect();
    if packages.is_empty() {
        return None;
    }
    Building::begin(root, None, packages, colour).ok()
}

fn has_manifest(root: &Path, exercise: &Exercise) -> bool {
    let folder = root.join("exercises").join(exercise.name);
    folder.join("Cargo.toml").is_file()
}

/// Builds these exercises, and hands out each program, with the place of its exercise, as soon as it is there.
pub(super) fn build_and_hand_out(
    site: Site<'_>,
    exercises: &[&Exercise],
    begun: Option<Building>,
    steps: &Sender<Step>,
    send: &impl Fn(usize, &Path) -> Result<(), LabError>,
) -> Result<(), RunError> {
    let root = site.root;
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for (index, exercise) in exercises.iter().enumerate() {
        if has_manifest(root, exercise) {
            left.insert(exercise.name.to_owned(), index);
        } else {
            let file = format!("exercises/{}/Cargo.toml", exercise.name);
            let _ = steps.send(Step::NoProgram(index, NoProgram::MissingFile(file)));
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let packages: BTreeSet<String> = left.keys().cloned().collect();
    if site.confined.is_some() {
        // None of these packages has anything to do with another.
        return build_apart(site, packages, &mut left, steps, send);
    }
    // Files come and go.
    let begun = begun.filter(|building| *building.packages() == packages);
    let course = Workspace::Course(begun);
    let (ended, trouble) = build_and_send(site, &packages, course, &mut left, steps, send)?;
    trouble?;
    if let Ended::NotBegun(_) = ended {
        exonerate(root)?;
        return build_apart(site, packages, &mut left, steps, send);
    }
    Ok(())
}

/// Where and how something is built.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub root: &'a Path,
    pub colour: bool,
    /// In a cell, under these conditions, if nobody has read what is built.
    pub confined: Option<&'a Conditions>,
}

/// What cargo works on.
enum Workspace<'a> {
    /// The course itself, on which it may be at work already.
    Course(Option<Building>),
    /// A workspace apart from it.
    Apart(&'a Path),
}

/// One call of cargo. Packages that got their program are taken out of `left`, and so are those that cannot.
fn build_and_send(
    site: Site<'_>,
    packages: &BTreeSet<String>,
    workspace: Workspace<'_>,
    left: &mut BTreeMap<String, usize>,
    steps: &Sender<Step>,
    send: &impl Fn(usize, &Path) -> Result<(), LabError>,
) -> Result<(Ended, Result<(), LabError>), RunError> {
    let root = site.root;
    let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut trouble = Ok(());
    let (begun, apart) = match workspace {
        Workspace::Course(begun) => (begun, None),
        Workspace::Apart(folder) => (None, Some(folder)),
    };
    // In the course's own `target` is the checker, and whatever else is built of what somebody has read: nothing that a
    // build may write to in a cell, and neither is cargo's folder, whose settings the next build would follow.
    let own = root.join("target/jailed");
    let (workspace, target) = match (apart, site.confined) {
        (None, _) => (root, None),
        (Some(workspace), None) => (workspace, Some(compile::target_folder(root))),
        (Some(workspace), Some(_)) => (workspace, Some(own.join("target"))),
    };
    let confined = match (site.confined, &target) {
        (Some(conditions), Some(target)) => {
            let sources: Vec<PathBuf> = packages
                .iter()
                .map(|package| root.join("exercises").join(package))
                .chain([workspace.join("exercises")])
                .collect();
            let jobs = std::thread::available_parallelism().map_or(1, usize::from);
            let Conditions {
                isolation, cancel, ..
            } = conditions;
            let toolchain = Toolchain::find(&own)?;
            Some(toolchain.confine(workspace, target, &sources, jobs, *isolation, cancel)?)
        }
        _ => None,
    };
    let hear = |news| match news {
        News::Built {
            package,
            binary,
            path,
        } if binary == package => {
            if let Some(index) = left.remove(&package)
                && let Err(error) = send(index, &path)
            {
                trouble = Err(error);
            }
        }
        News::Message {
            package,
            target,
            is_error,
            text,
            ..
        } if target == package => {
            if is_error {
                errors.entry(package).or_default().push(text);
            } else if let Some(&index) = left.get(&package) {
                let _ = steps.send(Step::Warning(index, text));
            }
        }
        other => {
            let _ = steps.send(Step::News(other));
        }
    };
    let ended = match begun {
        Some(building) => building.follow(hear)?,
        None => compile::build(
            workspace,
            target.as_deref(),
            packages,
            site.colour,
            confined.as_ref(),
            hear,
        )?,
    };
    let Ended::Finished { success, said } = &ended else {
        return Ok((ended, trouble));
    };
    for package in packages {
        let Some(&index) = left.get(package) else {
            continue;
        };
        let reason = match errors.remove(package) {
            Some(messages) => {
                exonerate(root)?;
                NoProgram::DoesNotCompile(messages)
            }
            None if *success => missing_file(root, package).unwrap_or(NoProgram::NoBinary),
            // Another package failed, or cargo itself did. Alone, this one tells which.
            None if packages.len() > 1 => {
                let only = BTreeSet::from([package.clone()]);
                let again = apart.map_or(Workspace::Course(None), Workspace::Apart);
                let (_, result) = build_and_send(site, &only, again, left, steps, send)?;
                result?;
                continue;
            }
            None => {
                exonerate(root)?;
                match &confined {
                    // What cannot be built within the limits is nobody's fault but its author's.
                    Some(confined) => NoProgram::DoesNotCompile(confined.no_end(said)),
                    None => {
                        return Err(LabError {
                            detail: Some(said.trim().to_owned()).filter(|said| !said.is_empty()),
                            ..LabError::new(format!("cargo failed to build {package}"))
                        }
                        .into());
                    }
                }
            }
        };
        left.remove(package);
        let _ = steps.send(Step::NoProgram(index, reason));
    }
    Ok((ended, trouble))
}

/// A build can fail for reasons that are none of the student's: they are the lab's trouble.
fn exonerate(root: &Path) -> Result<(), LabError> {
    const ENOUGH: u64 = 1 << 20;
    let free = compile::free_space(root).unwrap_or(u64::MAX);
    if free < ENOUGH {
        return Err(LabError::call(
            format!("could not build in {}", root.display()),
            nix::errno::Errno::ENOSPC,
        ));
    }
    compile::linker()
}

/// Cargo reads all members of a workspace before it builds one, so that one broken manifest stops them all. Then each
/// exercise is built in a workspace of its own, and only the broken one has nothing to test.
fn build_apart(
    site: Site<'_>,
    packages: BTreeSet<String>,
    left: &mut BTreeMap<String, usize>,
    steps: &Sender<Step>,
    send: &impl Fn(usize, &Path) -> Result<(), LabError>,
) -> Result<(), RunError> {
    let root = site.root;
    for package in packages {
        let workspace = compile::lone_workspace(root, &package)
            .map_err(|error| LabError::io("could not make a workspace for one exercise", &error))?;
        let only = BTreeSet::from([package.clone()]);
        let apart = Workspace::Apart(workspace.path());
        let (ended, trouble) = build_and_send(site, &only, apart, left, steps, send)?;
        trouble?;
        let reason = match ended {
            Ended::NotBegun(said) => unbuilt(root, workspace.path(), &package, &said)?,
            Ended::Stopped(limit) => NoProgram::DoesNotCompile(vec![limit.to_string()]),
            Ended::Finished { .. } => continue,
        };
        if let Some(index) = left.remove(&package) {
            let _ = steps.send(Step::NoProgram(index, reason));
        }
    }
    Ok(())
}

/// What a student can do about a package that cargo does not build, which says `said` about it in a workspace of its
/// own. An error is what no student can mend in there: cargo builds none at all.
fn unbuilt(
    root: &Path,
    workspace: &Path,
    package: &str,
    said: &str,
) -> Result<NoProgram, LabError> {
    if let Some(gone) = missing_file(root, package) {
        return Ok(gone);
    }
    compile::control(root)?;
    Ok(match compile::package_name(workspace) {
        Some(found) if found != package => NoProgram::RenamedPackage(found),
        // The workspace is the lab's own; the student's is the course.
        _ => NoProgram::UnreadablePackage(
            said.replace(&*workspace.to_string_lossy(), &root.to_string_lossy()),
        ),
    })
}

/// The first file of a starter which is not there any more.
fn missing_file(root: &Path, package: &str) -> Option<NoProgram> {
    ["Cargo.toml", "src/main.rs"]
        .map(|file| format!("exercises/{package}/{file}"))
        .into_iter()
        .find(|file| !root.join(file).is_file())
        .map(NoProgram::MissingFile)
}
