//! fork, clone and exec, with nothing between them that could allocate.

use std::{
    ffi::{CStr, CString},
    marker::PhantomData,
    os::fd::{AsRawFd, OwnedFd},
    ptr,
};

use nix::{Result, errno::Errno};

/// An array of C strings as execve(2) takes it. To make one allocates.
#[derive(Debug)]
pub struct StringArray<'a> {
    /// Null stands at its end.
    pointers: Vec<*const libc::c_char>,
    strings: PhantomData<&'a [CString]>,
}

impl<'a> StringArray<'a> {
    /// The array of these strings.
    pub fn new(strings: &'a [CString]) -> StringArray<'a> {
        let pointers = strings.iter().map(|string| string.as_ptr());
        StringArray {
            pointers: pointers.chain([ptr::null()]).collect(),
            strings: PhantomData,
        }
    }
}

/// execve(2). It returns only if it fails.
pub fn exec(program: &CStr, argv: &StringArray<'_>, environment: &StringArray<'_>) -> Errno {
    // SAFETY: C strings and arrays of such with null at their end, which are alive during the call.
    unsafe {
        libc::execve(
            program.as_ptr(),
            argv.pointers.as_ptr(),
            environment.pointers.as_ptr(),
        );
    }
    Errno::last()
}

/// What a child does that is held behind a pipe: waits for a byte. It closes its own copy of the other end before, so that
/// the parent's end is the end of the file. ESRCH if that comes first.
pub fn pass_gate(wait: &OwnedFd, open: &OwnedFd) -> Result<()> {
    let mut byte = 0u8;
    // SAFETY: a byte which is alive during the call. This process is a copy whose only use of the other end is to close
    // it: its owner is in the parent.
    let read = unsafe {
        libc::close(open.as_raw_fd());
        libc::read(wait.as_raw_fd(), (&raw mut byte).cast(), 1)
    };
    match read {
        1 => Ok(()),
        _ => Err(Errno::ESRCH),
    }
}

/// fork(2): the child does `work` and ends: with status 0, if that returns.
///
/// # Safety
///
/// `work` makes async-signal-safe calls only, unless this process has one thread.
pub unsafe fn fork(work: impl Fn()) -> Result<i32> {
    // SAFETY: the child does `work` alone, as the caller has promised.
    match Errno::result(unsafe { libc::fork() })? {
        0 => end_after(&work),
        pid => Ok(pid),
    }
}

/// The same in a new pid namespace (CLONE_NEWPID), where the child is pid 1.
///
/// # Safety
///
/// As for [`fork`].
pub unsafe fn fork_into_pid_namespace(work: impl Fn()) -> Result<i32> {
    let flags = libc::c_long::from(libc::CLONE_NEWPID | libc::SIGCHLD);
    // SAFETY: with no stack of its own the child goes on with a copy of this one, as after fork(2).
    match Errno::result(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })? {
        0 => end_after(&work),
        pid => Ok(pid as i32),
    }
}

/// A child that has this process's memory, while this thread sleeps until it has called exec or has ended, as after
/// vfork(2). To copy a memory and to give the copy back takes as long as all else about the start of a program.
///
/// # Safety
///
/// `work` makes async-signal-safe calls only, and writes to nothing but its own stack, of 64 KiB, and errno.
pub unsafe fn fork_with_shared_memory<F: Fn()>(work: &F) -> Result<i32> {
    const STACK: usize = 64 << 10;
    extern "C" fn begin<F: Fn()>(work: *mut libc::c_void) -> libc::c_int {
        // SAFETY: the parent has passed a reference, and sleeps as long as it is used.
        end_after(unsafe { &*work.cast::<F>() })
    }
    let mut stack = vec![0u128; STACK / size_of::<u128>()];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end.cast();
    let work = ptr::from_ref(work).cast_mut().cast();
    // SAFETY: the child does `work` alone, as the caller has promised, and errno is that of this thread, which sleeps. The
    // stack grows downwards, and its end is aligned.
    Errno::result(unsafe { libc::clone(begin::<F>, top, flags, work) })
}

fn end_after(work: &impl Fn()) -> ! {
    work();
    super::exit(0)
}
