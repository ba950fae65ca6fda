//! ptrace(2) with any signal, and with what it says of a call.

use std::mem;

use nix::{Result, errno::Errno};

/// Until when a stopped thread runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The entry or the return of its next call, or another stop: PTRACE_SYSCALL.
    Call,
    /// Another stop: PTRACE_CONT.
    Stop,
}

/// What PTRACE_GET_SYSCALL_INFO says of a stopped thread.
#[derive(Clone, Copy, Debug)]
pub enum CallInfo {
    /// It is about to make a call, at which a seccomp filter has stopped it.
    Seccomp {
        /// The call's number.
        number: u64,
        /// Its arguments.
        arguments: [u64; 6],
        /// The kind of machine for which it is made, as AUDIT_ARCH_ has it.
        machine: u32,
        /// The instruction behind the call's own.
        instruction: u64,
        /// The end of the stack.
        stack: u64,
    },
    /// A call has returned this: negative for an errno.
    Exit(i64),
    /// It stands in no call.
    Other,
}

/// Lets a stopped thread run, with this signal (0 for none).
pub fn resume(tid: i32, until: Until, signal: i32) -> Result<()> {
    let request = match until {
        Until::Call => libc::PTRACE_SYSCALL,
        Until::Stop => libc::PTRACE_CONT,
    };
    // SAFETY: both requests take a signal's number and no pointer.
    let result = unsafe { libc::ptrace(request, tid, 0, libc::c_long::from(signal)) };
    Errno::result(result).map(drop)
}

/// Leaves a thread in its group stop, until SIGCONT: PTRACE_LISTEN.
pub fn listen(tid: i32) -> Result<()> {
    // SAFETY: the request takes no pointer.
    Errno::result(unsafe { libc::ptrace(libc::PTRACE_LISTEN, tid, 0, 0) }).map(drop)
}

/// Where a stopped thread stands. ESRCH if it has been killed meanwhile.
pub fn call_info(tid: i32) -> Result<CallInfo> {
    // SAFETY: plain integers and a union of such, for which all zeros are valid.
    let mut info: libc::ptrace_syscall_info = unsafe { mem::zeroed() };
    let size = mem::size_of_val(&info);
    // SAFETY: the kernel writes at most as many bytes as the third argument says.
    let result = unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, tid, size, &raw mut info) };
    Errno::result(result)?;
    Ok(match info.op {
        libc::PTRACE_SYSCALL_INFO_SECCOMP => {
            // SAFETY: `op` says which part of the union is filled.
            let entry = unsafe { info.u.seccomp };
            CallInfo::Seccomp {
                number: entry.nr,
                arguments: entry.args,
                machine: info.arch,
                instruction: info.instruction_pointer,
                stack: info.stack_pointer,
            }
        }
        // SAFETY: as above.
        libc::PTRACE_SYSCALL_INFO_EXIT => CallInfo::Exit(unsafe { info.u.exit.sval }),
        _ => CallInfo::Other,
    })
}

/// The general registers of a stopped thread.
#[cfg(target_arch = "x86_64")]
pub fn registers(tid: i32) -> Result<libc::user_regs_struct> {
    nix::sys::ptrace::getregs(nix::unistd::Pid::from_raw(tid))
}

/// Gives a stopped thread these registers.
#[cfg(target_arch = "x86_64")]
pub fn set_registers(tid: i32, registers: &libc::user_regs_struct) -> Result<()> {
    nix::sys::ptrace::setregs(nix::unistd::Pid::from_raw(tid), *registers)
}

/// The general registers of a stopped thread. ENOTSUP for a program for 32 bits, which has fewer, in another order.
#[cfg(target_arch = "aarch64")]
pub fn registers(tid: i32) -> Result<libc::user_regs_struct> {
    let mut registers = super::plain::zeroed();
    let size = move_set(libc::PTRACE_GETREGSET, tid, NT_PRSTATUS, &mut registers)?;
    match size == size_of::<libc::user_regs_struct>() {
        true => Ok(registers),
        false => Err(Errno::ENOTSUP),
    }
}

/// Gives a stopped thread these registers.
#[cfg(target_arch = "aarch64")]
pub fn set_registers(tid: i32, registers: &libc::user_regs_struct) -> Result<()> {
    move_set(libc::PTRACE_SETREGSET, tid, NT_PRSTATUS, &mut {
        *registers
    })
    .map(drop)
}

/// Gives a thread that is about to make a call another call to make; -1 for none. x86_64 has that in its registers.
#[cfg(target_arch = "aarch64")]
pub fn set_call(tid: i32, mut number: i32) -> Result<()> {
    const NT_ARM_SYSTEM_CALL: libc::c_int = 0x404;
    move_set(libc::PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &mut number).map(drop)
}

#[cfg(target_arch = "aarch64")]
const NT_PRSTATUS: libc::c_int = 1;

/// Reads or writes a set of registers; how many bytes it has.
#[cfg(target_arch = "aarch64")]
fn move_set<T: super::plain::Plain>(
    request: libc::c_uint,
    tid: i32,
    set: libc::c_int,
    registers: &mut T,
) -> Result<usize> {
    let mut place = libc::iovec {
        iov_base: std::ptr::from_mut(registers).cast(),
        iov_len: size_of::<T>(),
    };
    // SAFETY: the kernel reads or writes at most `iov_len` bytes of a value for which any bytes are valid, and writes the
    // length; both are alive during the call.
    Errno::result(unsafe { libc::ptrace(request, tid, set, &raw mut place) })?;
    Ok(place.iov_len)
}
