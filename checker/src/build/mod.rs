//! From packages to programs: each package that is built here gets a program, or the reason why there is none.
//!
//! ```text
//! build ─ site ─ template    where packages are built: in the course, or in the workspace of a submission
//!   │           └ dependencies   what all submissions need, compiled once and kept
//!   ├─ cargo ─ confined      one call of cargo, and what it says
//!   └─ host                  whether this machine can build at all
//! ```

pub mod cargo;
mod confined;
mod dependencies;
pub mod host;
pub mod site;
pub mod template;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::{
    exercise::Exercise,
    failure::LabError,
    report::NoProgram,
    worker::{Cancel, RunError},
};

use cargo::{Building, CargoEnd, CargoEvent, Workspace};
use site::{Site, has_manifest};

pub use confined::{Confined, Toolchain};

/// How much of the compiler's messages about one package is kept of a confined build, in bytes.
const MOST_MESSAGES: usize = 64 << 10;

/// What happens while packages are built.
#[derive(Debug)]
pub enum BuildEvent {
    /// Cargo has compiled one more package, of those that are wanted or of their dependencies.
    Compiled(String),
    /// The compiler warns about this package.
    Warning(String, String),
    /// This package is done: it has this program, or none. Comes once for each package.
    Done(String, Result<PathBuf, NoProgram>),
}

/// Begins to build these exercises of the course, before anything else is known of the run: nothing of it takes longer.
/// `None` if there is nothing to build, or cargo cannot be started, which [`run`] will tell.
pub fn begin(
    root: &Path,
    exercises: &[&Exercise],
    colour: bool,
    cancel: &Cancel,
) -> Option<Building> {
    let packages: BTreeSet<String> = exercises
        .iter()
        .filter(|exercise| has_manifest(root, exercise.name))
        .map(|exercise| exercise.name.to_owned())
        .collect();
    if packages.is_empty() {
        return None;
    }
    let course = Workspace {
        colour,
        ..Workspace::course(root, cancel)
    };
    course.begin(packages).ok()
}

/// Builds these packages, and tells what becomes of each as soon as it is known. `begun` is a call of cargo on the same
/// packages that is at work already.
///
/// Where the site has a workspace with all of them, one call of cargo builds them. What that call leaves undecided is
/// built alone: one broken manifest, or a cargo that dies, says nothing about the other packages.
///
/// # Errors
///
/// When the lab cannot build, which says nothing about any package: there is no compiler, the disk is full, a dependency
/// is missing; and when it is cancelled.
pub fn run(
    site: &Site<'_>,
    packages: impl IntoIterator<Item = String>,
    begun: Option<Building>,
    on_event: &mut dyn FnMut(BuildEvent),
) -> Result<(), RunError> {
    let mut left = BTreeSet::new();
    for package in packages {
        match site.missing_manifest(&package) {
            Some(reason) => on_event(BuildEvent::Done(package, Err(reason))),
            None => _ = left.insert(package),
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let mut shared = site.shared();
    if let Some(workspace) = shared {
        // Files may have come and gone since it began.
        let begun = begun.filter(|building| *building.packages() == left);
        let is_alone = left.len() == 1;
        let call = Call::make(workspace, left, begun, on_event)?;
        if site.can_separate() && matches!(call.end, CargoEnd::NotBegun(_)) {
            // Cargo reads all members of a workspace before it builds one.
            host::rule_out_failure(&workspace.target)?;
            shared = None;
            left = call.left;
        } else {
            left = call.decide(site, workspace, is_alone, on_event)?;
        }
    }
    for package in left {
        let own;
        let workspace = match shared {
            Some(workspace) => workspace,
            None => {
                own = site.separate(&package)?;
                &own.workspace
            }
        };
        let call = Call::make(workspace, BTreeSet::from([package]), None, on_event)?;
        call.decide(site, workspace, true, on_event)?;
    }
    Ok(())
}

/// What one call of cargo said about the packages that have no program of it.
struct Call {
    left: BTreeSet<String>,
    /// The compiler's errors, by package.
    errors: BTreeMap<String, Vec<String>>,
    end: CargoEnd,
}

impl Call {
    /// Calls cargo, and tells of each program as soon as it is linked.
    fn make(
        workspace: &Workspace,
        packages: BTreeSet<String>,
        begun: Option<Building>,
        on_event: &mut dyn FnMut(BuildEvent),
    ) -> Result<Call, RunError> {
        let most = match workspace.confined {
            Some(_) => MOST_MESSAGES,
            None => usize::MAX,
        };
        let mut left = packages.clone();
        let mut room: BTreeMap<String, usize> = BTreeMap::new();
        let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let on_cargo = |event| match event {
            CargoEvent::Built {
                package,
                binary,
                path,
            } if binary == package && workspace.may_have_built(&path) => {
                if left.remove(&package) {
                    on_event(BuildEvent::Done(package, Ok(path)));
                }
            }
            CargoEvent::Message {
                package,
                target,
                is_error,
                text,
                ..
            } if target == package && left.contains(&package) => {
                let room = room.entry(package.clone()).or_insert(most);
                match cut(text, room) {
                    None => (),
                    Some(text) if is_error => errors.entry(package).or_default().push(text),
                    Some(text) => on_event(BuildEvent::Warning(package, text)),
                }
            }
            CargoEvent::Compiled(name) => on_event(BuildEvent::Compiled(name)),
            CargoEvent::Built { .. } | CargoEvent::Message { .. } => (),
        };
        let end = match begun {
            Some(building) => building.follow(&workspace.cancel, on_cargo)?,
            None => workspace.build(&packages, on_cargo)?,
        };
        Ok(Call { left, errors, end })
    }

    /// Tells why the packages that are left have no program. Returns those of which this call does not say it, because
    /// of the others: alone, each will show its own reason.
    fn decide(
        mut self,
        site: &Site<'_>,
        workspace: &Workspace,
        is_alone: bool,
        on_event: &mut dyn FnMut(BuildEvent),
    ) -> Result<BTreeSet<String>, LabError> {
        let mut undecided = BTreeSet::new();
        for package in std::mem::take(&mut self.left) {
            let errors = self.errors.remove(&package);
            let reason = match (&self.end, errors) {
                (CargoEnd::Finished { .. } | CargoEnd::NotBegun(_), Some(errors)) => {
                    host::rule_out_failure(&workspace.target)?;
                    NoProgram::DoesNotCompile(errors)
                }
                (CargoEnd::Finished { success: true, .. }, None) => {
                    site.missing_file(&package).unwrap_or(NoProgram::NoBinary)
                }
                _ if !is_alone => {
                    undecided.insert(package);
                    continue;
                }
                (CargoEnd::Finished { said, .. }, None) => {
                    host::rule_out_failure(&workspace.target)?;
                    site::unfinished(workspace, &package, said)?
                }
                (CargoEnd::NotBegun(said), None) => site.unreadable(workspace, &package, said)?,
                (CargoEnd::Stopped(limit), _) => {
                    host::rule_out_failure(&workspace.target)?;
                    NoProgram::DoesNotCompile(vec![limit.to_string()])
                }
            };
            on_event(BuildEvent::Done(package, Err(reason)));
        }
        Ok(undecided)
    }
}

/// As much of a text as there is room for; `None` when there was none left.
fn cut(mut text: String, room: &mut usize) -> Option<String> {
    if *room == 0 {
        return None;
    }
    let mut end = text.len().min(*room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end < text.len() {
        text.truncate(end);
        text.push_str("\n… and more\n");
        *room = 0;
    } else {
        *room -= end;
    }
    Some(text)
}
