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

use nix::errno::Errno;

use super::{frames::Values, unwind::REGISTERS};
use crate::sys::ptrace::{self, CallInfo};

/// The machine as seccomp(2) and PTRACE_GET_SYSCALL_INFO name it.
#[cfg(target_arch = "x86_64")]
pub(super) const MACHINE: u32 = 0xc000_003e;
/// The machine as seccomp(2) and PTRACE_GET_SYSCALL_INFO name it.
#[cfg(target_arch = "aarch64")]
pub(super) const MACHINE: u32 = 0xc000_00b7;

/// The end of the stack, by the numbers of DWARF.
#[cfg(target_arch = "x86_64")]
pub(super) const STACK: usize = 7;
/// The end of the stack, by the numbers of DWARF.
#[cfg(target_arch = "aarch64")]
pub(super) const STACK: usize = 31;
/// Where a function returns to: on x86_64 no register, and on the stack.
#[cfg(target_arch = "x86_64")]
pub(super) const RETURN_ADDRESS: usize = 16;
/// Where a function returns to.
#[cfg(target_arch = "aarch64")]
pub(super) const RETURN_ADDRESS: usize = 30;
/// What a function gives back as it has got it: rbx, rbp, r12 … r15.
#[cfg(target_arch = "x86_64")]
pub(super) const KEPT_BY_CALLS: &[usize] = &[3, 6, 12, 13, 14, 15];
/// What a function gives back as it has got it: x19 … x29.
#[cfg(target_arch = "aarch64")]
pub(super) const KEPT_BY_CALLS: &[usize] = &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29];
/// The bits of an address. Above them, a return address of aarch64 may have a signature.
pub(super) const ADDRESS: u64 = (1 << 48) - 1;

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
        let user = ptrace::registers(thread)?;
        Ok(Registers { thread, user })
    }

    pub fn write(&self) -> nix::Result<()> {
        ptrace::set_registers(self.thread, &self.user)
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
        self.user.rip = entry.next_instruction - 2;
    }

    /// Goes from before a call to behind it, without making it.
    pub fn go_behind(&mut self, entry: &Entry) {
        self.user.rip = entry.next_instruction;
    }

    /// The registers by the numbers of DWARF (System V ABI, AMD64, figure 3.36), and the instruction pointer.
    pub fn for_unwinding(&self) -> (Values, u64) {
        let user = &self.user;
        let known = [
            user.rax, user.rdx, user.rcx, user.rbx, user.rsi, user.rdi, user.rbp, user.rsp,
            user.r8, user.r9, user.r10, user.r11, user.r12, user.r13, user.r14, user.r15,
        ];
        let mut values = [None; REGISTERS];
        for (place, value) in values.iter_mut().zip(known) {
            *place = Some(value);
        }
        (Values(values), user.rip)
    }
}

#[cfg(target_arch = "aarch64")]
impl Registers {
    pub fn read(thread: i32) -> nix::Result<Registers> {
        Ok(Registers {
            thread,
            user: ptrace::registers(thread)?,
            number: None,
        })
    }

    pub fn write(&self) -> nix::Result<()> {
        ptrace::set_registers(self.thread, &self.user)?;
        match self.number {
            Some(number) => ptrace::set_call(self.thread, number),
            None => Ok(()),
        }
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
        self.user.pc = entry.next_instruction - 4;
        self.number = Some(NONE as i32);
    }

    /// Goes from before a call to behind it, without making it.
    pub fn go_behind(&mut self, entry: &Entry) {
        self.user.pc = entry.next_instruction;
    }

    /// The registers by the numbers of DWARF, which are their own, and the instruction pointer.
    pub fn for_unwinding(&self) -> (Values, u64) {
        let mut values = [None; REGISTERS];
        for (place, value) in values.iter_mut().zip(self.user.regs) {
            *place = Some(value);
        }
        values[STACK] = Some(self.user.sp);
        (Values(values), self.user.pc)
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
    pub next_instruction: u64,
    /// Where the stack ends.
    pub stack: u64,
    /// Whether it is a call of this machine, and not one of 32 bits.
    pub native: bool,
}

/// Asks where a stopped thread stands. It fails with ESRCH if the thread has been killed meanwhile.
pub(super) fn position(thread: i32) -> nix::Result<Position> {
    match ptrace::call_info(thread)? {
        CallInfo::Seccomp {
            number,
            arguments,
            machine,
            instruction,
            stack,
        } => Ok(Position::Entry(Entry {
            number: number as i64,
            arguments,
            next_instruction: instruction,
            stack,
            native: machine == MACHINE && number < super::filter::X32,
        })),
        CallInfo::Exit(result) => Ok(Position::Return(result)),
        CallInfo::Other => Err(Errno::ENOTSUP),
    }
}
