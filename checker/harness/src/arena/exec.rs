//! fork and exec, with nothing between them that could allocate or look anything up: the lab may have other threads, and
//! most children share its memory until their exec.

use std::{
    ffi::{CString, OsStr},
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    process::{ChildStderr, ChildStdin, ChildStdout},
    ptr,
};

use nix::{fcntl::OFlag, unistd::pipe2};

use super::{jail::Prepared, launch::Preparation};
use crate::observe::tracer::{Bounds, Filter, Held, Listener, Tracer};

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
    /// Its tracer, if it is traced. Only that knows how it ends; whoever else waits for it takes away what the tracer
    /// waits for.
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
    /// Nobody.
    Untraced,
    /// A tracer, which tells them to a listener if there is one, and keeps the program within bounds.
    Traced(Option<Box<dyn Listener>>, Bounds),
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

    /// Starts it with pipes as its standard input, output and error.
    pub fn start(self, follow: Follow) -> io::Result<Started> {
        let (in_read, in_write) = pipe()?;
        let (out_read, out_write) = pipe()?;
        let (err_read, err_write) = pipe()?;
        let (pid, tracer) = self.run(Some([in_read, out_write, err_write]), follow)?;
        Ok(Started {
            pid,
            stdin: Some(in_write.into()),
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

    /// Starts it with the checker's own standard input, output and error, and traces it.
    pub fn start_here(self, listener: Box<dyn Listener>) -> io::Result<Tracer> {
        let (_, tracer) = self.run(None, Follow::Traced(Some(listener), Bounds::default()))?;
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
            Follow::Traced(listener, bounds) => {
                let (wait, open) = pipe()?;
                let gate = Gate { wait, open };
                let tracer = Tracer::start_for(listener, bounds, move || {
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
                // SAFETY: the child has not been waited for; null asks for no status.
                unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
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
        let pointers = |words: &[CString]| -> Vec<*const libc::c_char> {
            let words = words.iter().map(|word| word.as_ptr());
            words.chain([ptr::null()]).collect()
        };
        let child = Child {
            image: self,
            ends,
            gate,
            arguments: &pointers(&self.arguments),
            environment: &pointers(&self.environment),
        };
        match gate {
            // It waits for its parent, which has to go on meanwhile.
            Some(_) => child.copy_memory(),
            None => child.borrow_memory(),
        }
    }
}

/// What a child needs from its first instant on.
struct Child<'a> {
    image: &'a Image,
    ends: &'a Ends,
    gate: Option<&'a Gate>,
    /// C strings, with null at the end; and so is the environment.
    arguments: &'a [*const libc::c_char],
    environment: &'a [*const libc::c_char],
}

impl Child<'_> {
    /// How much stack it gets where it borrows the memory, in bytes: it needs some hundred.
    const STACK: usize = 64 << 10;

    /// Makes it with a copy of this process's memory.
    fn copy_memory(&self) -> io::Result<i32> {
        // SAFETY: the child makes async-signal-safe calls only, and does not return.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            // SAFETY: this is the child.
            0 => unsafe { self.exec() },
            pid => Ok(pid),
        }
    }

    /// Makes it with the memory of this process, whose thread sleeps until the child has called exec or has ended, as
    /// after vfork(2). To copy a memory and to give the copy back takes as long as all else about a start.
    fn borrow_memory(&self) -> io::Result<i32> {
        extern "C" fn begin(child: *mut libc::c_void) -> libc::c_int {
            // SAFETY: `borrow_memory` has passed it, and sleeps as long as it is used. This is the child.
            unsafe { (*child.cast::<Child<'_>>()).exec() }
        }
        let mut stack = vec![0u128; Child::STACK / size_of::<u128>()];
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        // SAFETY: the child makes async-signal-safe calls only, does not return, and writes to nothing but its own stack
        // and the errno of this thread, which sleeps. The stack grows downwards, and its end is aligned.
        let pid = unsafe {
            let top = stack.as_mut_ptr_range().end;
            libc::clone(
                begin,
                top.cast(),
                flags,
                ptr::from_ref(self).cast_mut().cast(),
            )
        };
        match pid {
            -1 => Err(io::Error::last_os_error()),
            pid => Ok(pid),
        }
    }

    /// Becomes the program, or reports why not.
    ///
    /// # Safety
    ///
    /// Only in the child.
    unsafe fn exec(&self) -> ! {
        // SAFETY: see above.
        let error = unsafe { self.try_exec() };
        let errno = error.raw_os_error().unwrap_or(libc::EIO).to_ne_bytes();
        // SAFETY: async-signal-safe calls, with bytes on this stack.
        unsafe {
            let report = self.ends.failure.as_raw_fd();
            libc::write(report, errno.as_ptr().cast(), errno.len());
            libc::_exit(127)
        }
    }

    /// # Safety
    ///
    /// As [`Child::exec`].
    unsafe fn try_exec(&self) -> io::Error {
        let Child {
            image, ends, gate, ..
        } = self;
        // SAFETY: async-signal-safe calls, with C strings and arrays of them that live as long as this.
        unsafe {
            for (number, end) in (0..).zip(ends.stdio.iter().flatten()) {
                if libc::dup2(end.as_raw_fd(), number) < 0 {
                    return io::Error::last_os_error();
                }
            }
            if let Some(folder) = &image.folder
                && libc::fchdir(folder.as_raw_fd()) != 0
            {
                return io::Error::last_os_error();
            }
            if let Err(error) = image.preparation.apply() {
                return error;
            }
            if let Some(jail) = &image.jail
                && let Err(error) = jail.apply()
            {
                return error;
            }
            if let Some(gate) = gate
                && let Err(error) = gate.pass()
            {
                return error;
            }
            // Without a tracer and a jail nothing but splice depends on it, and some containers refuse it.
            if let Err(error) = ends.filter.install()
                && (gate.is_some() || image.jail.is_some())
            {
                return error;
            }
            libc::execve(
                image.program.as_ptr(),
                self.arguments.as_ptr(),
                self.environment.as_ptr(),
            );
            io::Error::last_os_error()
        }
    }
}

impl Gate {
    /// Waits until the tracer is there.
    ///
    /// # Safety
    ///
    /// Only between fork and exec.
    unsafe fn pass(&self) -> io::Result<()> {
        let mut byte = 0u8;
        // SAFETY: async-signal-safe calls, with a byte on this stack. The own copy of the gate's other end is closed, so
        // that the parent's end is the end of the file.
        let read = unsafe {
            libc::close(self.open.as_raw_fd());
            libc::read(self.wait.as_raw_fd(), (&raw mut byte).cast(), 1)
        };
        match read {
            1 => Ok(()),
            _ => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        }
    }
}

/// A pipe for a child, with none of the numbers 0, 1 and 2: those are to be taken by others.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
    Ok((above_stdio(read)?, above_stdio(write)?))
}

fn above_stdio(file: OwnedFd) -> io::Result<OwnedFd> {
    if file.as_raw_fd() > 2 {
        return Ok(file);
    }
    // SAFETY: takes numbers, makes a new descriptor.
    let copy = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
    match copy {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: the kernel has just made it, and nobody else knows it.
        copy => Ok(unsafe { OwnedFd::from_raw_fd(copy) }),
    }
}

/// Text for the kernel; a NUL in it is an error.
pub(super) fn c_string(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}
