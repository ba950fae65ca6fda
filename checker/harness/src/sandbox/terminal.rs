//! A program at its author's terminal, started to be watched and not to be tested: in this machine's network, with the
//! terminal, the directory and the environment of the user who started the checker.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, getpgrp},
};

use super::{
    end_descendants,
    exec::Image,
    folder::Folder,
    launch::{Group, Preparation},
    privileges,
};
use crate::{
    beneath::AccessError,
    failure::{Attempt, LabError},
    observe::tracer::{Injection, TraceListener, Tracer},
    sys,
};

/// A program that runs at a terminal. It ends with this process.
#[derive(Debug)]
pub struct Attended {
    tracer: Tracer,
    group: Group,
    /// Where root's program lies for the unprivileged user.
    _copy: Option<Folder>,
}

impl Attended {
    /// Starts a program, traced for `listener`. This process must have one thread only, and gives up root for ever: the
    /// program runs as the user that the checker has then. The signals which the caller has blocked are not blocked in
    /// the program. `faults` are injected into its calls.
    ///
    /// # Errors
    ///
    /// When the file cannot be executed, or the machine refuses to trace it.
    pub fn start(
        program: &Path,
        arguments: &[OsString],
        listener: Box<dyn TraceListener>,
        faults: Vec<Injection>,
    ) -> Result<Attended, LabError> {
        let attempt = format!("could not start {}", program.display());
        let program = program.canonicalize().attempt(&attempt)?;
        let (program, copy) = become_unprivileged(program)?;
        nix::sys::prctl::set_child_subreaper(true)
            .attempt("could not become the subreaper of what the program leaves behind")?;
        let group = match is_in_foreground() {
            true => Group::Checkers,
            false => Group::Own,
        };
        let environment: Vec<(OsString, OsString)> = env::vars_os().collect();
        let preparation = Preparation::at_a_terminal(group);
        let tracer = Image::new(&program, arguments, &environment, preparation)
            .and_then(|image| image.start_here(listener, Box::new(|_| faults)))
            .attempt(&attempt)?;
        Ok(Attended {
            tracer,
            group,
            _copy: copy,
        })
    }

    /// Sees its calls.
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Passes on a signal which the checker got in its place. What a terminal sends goes to all processes in its
    /// foreground, so that the program may have it already.
    pub fn pass_on(&self, signal: Signal, is_from_terminal: bool) {
        let pid = self.tracer.pid();
        let whom = match (self.group, is_from_terminal) {
            (Group::Checkers, true) => return,
            (_, true) => Pid::from_raw(-pid),
            (_, false) => Pid::from_raw(pid),
        };
        if self.tracer.ending().is_none() {
            // It may have ended in this moment.
            let _ = kill(whom, signal);
        }
    }

    /// Ends it, and all that it has started, and waits until they are gone. What its tracer recorded stays.
    ///
    /// # Errors
    ///
    /// When some are still there after ten seconds, because the kernel does not let go of them.
    pub fn end(&self) -> Result<(), LabError> {
        let tracing = self.tracer.end();
        // Only now: a waiter beside the tracer would take the child's stops away from it.
        tracing.and(end_descendants())
    }
}

/// Gives up root, if this process has it. Returns where the program lies for the user that is left.
fn become_unprivileged(program: PathBuf) -> Result<(PathBuf, Option<Folder>), LabError> {
    if !privileges::is_root() || privileges::is_open_to_all(&program) {
        privileges::give_up_root()?;
        return Ok((program, None));
    }
    let attempt = "could not copy the program to where an unprivileged user can run it";
    // Opened as root, and copied into a folder of the other, who can remove it again.
    let mut original = File::open(&program).attempt(attempt)?;
    privileges::give_up_root()?;
    let folder = Folder::temporary()?;
    let name = program.file_name().unwrap_or_default();
    let failed = |error: AccessError| error.attempting(attempt);
    let file = folder.directory().make_file(name, 0o700).map_err(failed)?;
    file.change_permissions(0o755).map_err(failed)?;
    io::copy(&mut original, &mut file.into_file()).attempt(attempt)?;
    Ok((folder.path().join(name), Some(folder)))
}

/// Whether this process is in the foreground of a terminal: what is typed there is meant for it.
fn is_in_foreground() -> bool {
    let Ok(terminal) = File::open("/dev/tty") else {
        return false;
    };
    sys::foreground_group(terminal) == Ok(getpgrp().as_raw())
}
