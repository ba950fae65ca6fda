//! The registers of a stopped thread: all that differs between processors.
//!
//! | | x86_64 | aarch64 |
//! |---|---|---|
//! | number of the call | `orig_rax`, and `rax` when the call is made again | a register set of its own; x8 when made again |
//! | arguments | rdi, rsi, rdx, r10, r8, r9 | x0 … x5 |
//! | result | `rax` | x0, which is the first argument, too |
//! | length of the call's instruction | 2 bytes | 4 bytes |
//!
//! A number is changed at the entry and a result at the return only: elsewhere some processors do not heed it.

use std::{io, mem};

use nix::errno::Errno;

/// The machine as seccomp(2) and PTRACE_GET_SYSCALL_INFO name it.
#[cfg(target_arch = "x86_64")]
pub(super) const MACHINE: u32 = 0xc000_003e;
/// The machine as seccomp(2) and PTRACE_GET_SYSCALL_INFO name it.
#[cfg(target_arch = "aarch64")]
pub(super) const MACHINE: u32 = 0xc000_00b7;

/// The number of a call that the kernel does not make.
const NONE: u64 = u64::MAX;

#[derive(Clone, Copy)]
pub(super) struct Registers {
    thread: i32,
    user: libc::user_regs_struct,
    #[cfg(target_arch = "aarch64")]
    number: Option<i32>,
}

#[cfg(target_arch = "x86_64")]
impl Registers {
    pub fn read(thread: i32) -> nix::Result<Registers> {
        // SAFETY: plain integers, for which all zeros are valid.
        let mut user: libc::user_regs_struct = unsafe { mem::zeroed() };
        // SAFETY: PTRACE_GETREGS writes one such structure, which is alive during the call.
        let result = unsafe { libc::ptrace(libc::PTRACE_GETREGS, thread, 0, &raw mut user) };
        Errno::result(result)?;
        Ok(Registers { thread, user })
    }

    pub fn write(&self) -> nix::Result<()> {
        // SAFETY: PTRACE_SETREGS reads one such structure, which is alive during the call.
        let result =
            unsafe { libc::ptrace(libc::PTRACE_SETREGS, self.thread, 0, &raw const self.user) };
        Errno::result(result).map(drop)
    }

    pub fn set_argument(&mut self, index: usize, value: u64) {
        *match index {
            0 => &mut self.user.rdi,
            1 => &mut self.user.rsi,
            2 => &mut self.user.rdx,
            3 => &mut self.user.r10,
            4 => &mut self.user.r8,
            _ => &mut self.user.r9,
        } = value;
    }

    /// At the entry: which call is made.
    pub fn set_number(&mut self, number: i64) {
        self.user.orig_rax = number as u64;
    }

    /// At the return: what the program gets. The first argument is in another register.
    pub fn set_result(&mut self, value: i64) {
        self.user.rax = value as u64;
    }

    /// At the return of a call whose arguments or whose number had been changed: what the program had there. The
    /// number matters if the kernel makes the call again after a signal.
    pub fn restore(&mut self, number: i64, arguments: &[u64; 6]) {
        for (index, &value) in arguments.iter().enumerate() {
            self.set_argument(index, value);
        }
        if self.user.orig_rax != NONE {
            self.user.orig_rax = number as u64;
        }
    }

    /// At the return: goes back to before the call, which the program makes again when it goes on.
    pub fn go_back(&mut self, entry: &Entry) {
        self.user.rax = entry.number as u64;
        self.user.orig_rax = NONE;
        self.user.rip = entry.pointer - 2;
    }

    /// Goes from before a call to behind it, without making it.
    pub fn go_behind(&mut self, entry: &Entry) {
        self.user.rip = entry.pointer;
    }
}

#[cfg(target_arch = "aarch64")]
impl Registers {
    const NT_PRSTATUS: libc::c_int = 1;
    const NT_ARM_SYSTEM_CALL: libc::c_int = 0x404;

    pub fn read(thread: i32) -> nix::Result<Registers> {
        // SAFETY: plain integers, for which all zeros are valid.
        let mut user: libc::user_regs_struct = unsafe { mem::zeroed() };
        let mut place = libc::iovec {
            iov_base: (&raw mut user).cast(),
            iov_len: mem::size_of_val(&user),
        };
        // SAFETY: PTRACE_GETREGSET writes at most `iov_len` bytes to a structure which is alive during the call.
        let result = unsafe {
            libc::ptrace(
                libc::PTRACE_GETREGSET,
                thread,
                Registers::NT_PRSTATUS,
                &raw mut place,
            )
        };
        Errno::result(result)?;
        // A program for 32 bits has fewer registers, in another order.
        if place.iov_len != mem::size_of_val(&user) {
            return Err(Errno::ENOTSUP);
        }
        Ok(Registers {
            thread,
            user,
            number: None,
        })
    }

    pub fn write(&self) -> nix::Result<()> {
        let mut user = self.user;
        self.write_set(
            Registers::NT_PRSTATUS,
            (&raw mut user).cast(),
            mem::size_of_val(&user),
        )?;
        if let Some(mut number) = self.number {
            self.write_set(
                Registers::NT_ARM_SYSTEM_CALL,
                (&raw mut number).cast(),
                mem::size_of_val(&number),
            )?;
        }
        Ok(())
    }

    fn write_set(
        &self,
        set: libc::c_int,
        start: *mut libc::c_void,
        length: usize,
    ) -> nix::Result<()> {
        let place = libc::iovec {
            iov_base: start,
            iov_len: length,
        };
        // SAFETY: PTRACE_SETREGSET reads `iov_len` bytes from a value of the caller, which is alive during the call.
        let result =
            unsafe { libc::ptrace(libc::PTRACE_SETREGSET, self.thread, set, &raw const place) };
        Errno::result(result).map(drop)
    }

    pub fn set_argument(&mut self, index: usize, value: u64) {
        self.user.regs[index] = value;
    }

    /// At the entry: which call is made.
    pub fn set_number(&mut self, number: i64) {
        self.number = Some(number as i32);
    }

    /// At the return: what the program gets, in the place of the first argument.
    pub fn set_result(&mut self, value: i64) {
        self.user.regs[0] = value as u64;
    }

    /// At the return of a call whose arguments had been changed: what the program had there, but for the first, where
    /// the result is. The number in x8 was never changed.
    pub fn restore(&mut self, _number: i64, arguments: &[u64; 6]) {
        self.user.regs[1..6].copy_from_slice(&arguments[1..]);
    }

    /// At the return: goes back to before the call, which the program makes again when it goes on.
    pub fn go_back(&mut self, entry: &Entry) {
        self.user.regs[0] = entry.arguments[0];
        self.user.pc = entry.pointer - 4;
        self.number = Some(NONE as i32);
    }

    /// Goes from before a call to behind it, without making it.
    pub fn go_behind(&mut self, entry: &Entry) {
        self.user.pc = entry.pointer;
    }
}

impl Registers {
    /// At the entry: no call is made.
    pub fn skip(&mut self) {
        self.set_number(NONE as i64);
    }
}

/// Where a thread stands in a call, as PTRACE_GET_SYSCALL_INFO (ptrace(2), Linux 5.3) tells it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Position {
    /// Before the call.
    Entry(Entry),
    /// Behind it, with its result: negative for an errno.
    Return(i64),
}

/// A call about to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub number: i64,
    pub arguments: [u64; 6],
    /// The instruction behind the call's own.
    pub pointer: u64,
    /// Where the stack ends.
    pub stack: u64,
    /// Whether it is a call of this machine, and not one of 32 bits.
    pub native: bool,
}

/// Asks where a stopped thread stands. It fails with ESRCH if the thread has been killed meanwhile.
pub(super) fn position(thread: i32) -> io::Result<Position> {
    // SAFETY: plain integers and a union of such, for which all zeros are valid.
    let mut info: libc::ptrace_syscall_info = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes at most as many bytes as the third argument says.
    let result = unsafe {
        libc::ptrace(
            libc::PTRACE_GET_SYSCALL_INFO,
            thread,
            mem::size_of_val(&info),
            &raw mut info,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    match info.op {
        libc::PTRACE_SYSCALL_INFO_SECCOMP => {
            // SAFETY: `op` says which part of the union is filled.
            let entry = unsafe { info.u.seccomp };
            Ok(Position::Entry(Entry {
                number: entry.nr as i64,
                arguments: entry.args,
                pointer: info.instruction_pointer,
                stack: info.stack_pointer,
                native: info.arch == MACHINE && entry.nr < super::filter::X32,
            }))
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            // SAFETY: as above.
            Ok(Position::Return(unsafe { info.u.exit.sval }))
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
