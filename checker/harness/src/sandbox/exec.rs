//! fork and exec, with nothing between them that could allocate or look anything up: the lab may have other threads, and
//! most children share its memory until their exec.

use std::{
    ffi::{CString, OsStr},
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    process::{ChildStderr, ChildStdin, ChildStdout},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    unistd::{dup2_stderr, dup2_stdin, dup2_stdout, fchdir, pipe2},
};

use super::{jail::Prepared, launch::Preparation};
use crate::{
    observe::tracer::{Bounds, EarlyFaults, Filter, Held, TraceListener, Tracer},
    sys::{self, exec::StringArray},
};

/// A program that runs.
#[derive(Debug)]
pub struct Started {
    pid: i32,
    /// The end of its standard input.
    pub stdin: Option<ChildStdin>,
    /// The end of its standard output.
    pub stdout: Option<ChildStdout>,
    /// The end of its standard error.
    pub stderr: Option<ChildStderr>,
    /// Its tracer, if it is traced. Only that may wait for the program (waitpid(2)) and knows how it ends.
    pub tracer: Option<Tracer>,
}

impl Started {
    /// Its number as the lab sees it.
    pub fn id(&self) -> u32 {
        self.pid.cast_unsigned()
    }
}

/// What becomes a process, prepared so that the child only makes system calls.
pub(super) struct Image {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    /// Where it starts, if not where the checker is.
    pub folder: Option<OwnedFd>,
    pub preparation: Preparation,
    /// The pid namespace in which it starts, if that is another.
    pub namespace: Option<OwnedFd>,
    /// What it is locked into, if it is.
    pub jail: Option<Prepared>,
}

/// Who sees the calls of a program.
pub(super) enum Follow {
    /// Not traced.
    Untraced,
    /// A tracer, which tells them to a listener if there is one, keeps the program within bounds, and injects
    /// faults from its first call on.
    Traced(Option<Box<dyn TraceListener>>, Bounds, EarlyFaults),
}

/// What the child brings into its exec: its ends of the pipes, and its filter.
struct Ends {
    /// What becomes its standard input, output and error, if it does not keep the checker's.
    stdio: Option<[OwnedFd; 3]>,
    /// Where it reports the errno if exec fails.
    failure: OwnedFd,
    filter: Filter,
}

/// The gate at which a child waits until it is traced.
struct Gate {
    wait: OwnedFd,
    open: OwnedFd,
}

impl Image {
    /// `program` with these arguments, its own name before them, and this environment, `NAME=value`.
    pub fn new(
        program: &Path,
        arguments: &[impl AsRef<OsStr>],
        environment: &[(impl AsRef<OsStr>, impl AsRef<OsStr>)],
        preparation: Preparation,
    ) -> io::Result<Image> {
        let variable = |(name, value): (&OsStr, &OsStr)| {
            Ok(CString::new(
                [name.as_bytes(), b"=", value.as_bytes()].concat(),
            )?)
        };
        let name = c_string(program.as_os_str())?;
        let rest = arguments.iter().map(|argument| c_string(argument.as_ref()));
        Ok(Image {
            arguments: std::iter::once(Ok(name.clone()))
                .chain(rest)
                .collect::<io::Result<_>>()?,
            environment: environment
                .iter()
                .map(|(name, value)| variable((name.as_ref(), value.as_ref())))
                .collect::<io::Result<_>>()?,
            folder: None,
            program: name,
            preparation,
            namespace: None,
            jail: None,
        })
    }

    /// Starts it with a pipe as its standard error, this standard input, its own end first, and this standard output, the
    /// lab's end first.
    pub fn start(
        self,
        stdin: (OwnedFd, Option<OwnedFd>),
        stdout: (OwnedFd, OwnedFd),
        follow: Follow,
    ) -> io::Result<Started> {
        let (in_read, in_write) = stdin;
        let (out_read, out_write) = stdout;
        let (err_read, err_write) = pipe()?;
        let (pid, tracer) = self.run(Some([in_read, out_write, err_write]), follow)?;
        Ok(Started {
            pid,
            stdin: in_write.map(Into::into),
            stdout: Some(out_read.into()),
            stderr: Some(err_read.into()),
            tracer,
        })
    }

    /// Starts it with these as its standard input, output and error.
    pub fn start_with(self, stdio: [OwnedFd; 3]) -> io::Result<i32> {
        let (pid, _) = self.run(Some(stdio), Follow::Untraced)?;
        Ok(pid)
    }

    /// Starts it with the checker's own standard input, output and error, and traces it with these faults.
    pub fn start_here(
        self,
        listener: Box<dyn TraceListener>,
        faults: EarlyFaults,
    ) -> io::Result<Tracer> {
        let follow = Follow::Traced(Some(listener), Bounds::default(), faults);
        let (_, tracer) = self.run(None, follow)?;
        tracer.ok_or_else(|| io::Error::other("the program runs without a tracer"))
    }

    fn run(self, stdio: Option<[OwnedFd; 3]>, follow: Follow) -> io::Result<(i32, Option<Tracer>)> {
        let (failure_read, failure) = pipe()?;
        let ends = Ends {
            stdio,
            failure,
            filter: self.filter(&follow),
        };
        let (pid, tracer) = match follow {
            Follow::Untraced => {
                let pid = self.fork(&ends, None)?;
                drop(ends);
                (pid, None)
            }
            Follow::Traced(listener, bounds, faults) => {
                let (wait, open) = pipe()?;
                let gate = Gate { wait, open };
                let tracer = Tracer::start(listener, bounds, faults, move || {
                    let pid = self.fork(&ends, Some(&gate))?;
                    Ok(Held {
                        pid,
                        gate: gate.open,
                    })
                })?;
                (tracer.pid(), Some(tracer))
            }
        };
        // The child's ends are closed by now, so that this ends with the exec, or with the child.
        let mut report = Vec::new();
        File::from(failure_read).read_to_end(&mut report)?;
        if let Ok(errno) = <[u8; 4]>::try_from(report.as_slice()) {
            if tracer.is_none() {
                let _ = sys::wait(pid, 0);
            }
            return Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno)));
        }
        Ok((pid, tracer))
    }

    fn filter(&self, follow: &Follow) -> Filter {
        let filter = match follow {
            Follow::Untraced => Filter::of_the_untraced(),
            Follow::Traced(..) => Filter::of_the_table(),
        };
        match &self.jail {
            None => filter,
            Some(jail) => filter.refusing(jail.refusals()),
        }
    }

    /// Makes the child, which belongs to the calling thread: it ends with that.
    fn fork(&self, ends: &Ends, gate: Option<&Gate>) -> io::Result<i32> {
        if let Some(namespace) = &self.namespace {
            nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWPID)?;
        }
        let child = ExecPlan {
            image: self,
            ends,
            gate,
            argv: StringArray::new(&self.arguments),
            environment: StringArray::new(&self.environment),
        };
        let work = || child.exec();
        // SAFETY: the child makes async-signal-safe calls only, and writes to nothing but its own stack.
        let pid = unsafe {
            match gate {
                // It waits for its parent, which has to go on meanwhile.
                Some(_) => sys::exec::fork(work),
                None => sys::exec::fork_with_shared_memory(&work),
            }
        };
        Ok(pid?)
    }
}

/// What a child needs from its first instant on. All that it does is async-signal-safe.
struct ExecPlan<'a> {
    image: &'a Image,
    ends: &'a Ends,
    gate: Option<&'a Gate>,
    argv: StringArray<'a>,
    environment: StringArray<'a>,
}

impl ExecPlan<'_> {
    /// Becomes the program, or reports why not.
    fn exec(&self) -> ! {
        let errno = self.try_exec().unwrap_or_else(|errno| errno) as i32;
        let _ = nix::unistd::write(&self.ends.failure, &errno.to_ne_bytes());
        sys::exit(127)
    }

    /// Returns only what exec has failed with.
    fn try_exec(&self) -> nix::Result<Errno> {
        let ExecPlan { image, ends, .. } = self;
        if let Some([stdin, stdout, stderr]) = &ends.stdio {
            dup2_stdin(stdin)?;
            dup2_stdout(stdout)?;
            dup2_stderr(stderr)?;
        }
        if let Some(folder) = &image.folder {
            fchdir(folder)?;
        }
        image.preparation.apply()?;
        if let Some(jail) = &image.jail {
            jail.apply()?;
        }
        if let Some(gate) = self.gate {
            sys::exec::pass_gate(&gate.wait, &gate.open)?;
        }
        // Without a tracer and a jail nothing but splice depends on it, and some containers refuse it.
        let is_needed = self.gate.is_some() || image.jail.is_some();
        ends.filter.install().or_else(|errno| match is_needed {
            true => Err(errno),
            false => Ok(()),
        })?;
        Ok(sys::exec::exec(
            &image.program,
            &self.argv,
            &self.environment,
        ))
    }
}

/// A pipe for a child, with none of the numbers 0, 1 and 2: those are to be taken by others.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
    Ok((above_stdio(read)?, above_stdio(write)?))
}

pub(super) fn above_stdio(file: OwnedFd) -> io::Result<OwnedFd> {
    if file.as_raw_fd() > 2 {
        return Ok(file);
    }
    Ok(sys::dup_above_stdio(file)?)
}

/// Text for the kernel; a NUL in it is an error.
pub(super) fn c_string(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}
