//! Which calls of a program stop it: a seccomp filter (seccomp(2)), as a program for the kernel's classic BPF machine.
//!
//! Calls which are not in the table of [`calls`](crate::observe::calls) run at their own speed.
//!
//! A splice from standard input, or to standard output or error, gets the answer EINVAL, which the manual has for files
//! that cannot be spliced, traced or not. The kernel keeps a pipe locked while splice(2) waits for the other file, and
//! a process that reads or writes that pipe then, or asks what is in it, sleeps uninterruptibly and cannot be killed. The
//! lab has the other ends of these pipes. `std::io::copy`, which tries splice first, goes on with read and write.

use std::mem::offset_of;

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W,
    sock_filter,
};

use super::registers::MACHINE;
use crate::{observe::calls::Row, sys};

/// x86_64 has a second set of numbers, for pointers of 32 bits; they begin here.
pub(super) const X32: u64 = 0x4000_0000;

/// A filter, ready to be installed.
#[derive(Clone, Debug)]
pub struct Filter(Vec<sock_filter>);

/// A call which a program does not get to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its number.
    pub call: libc::c_long,
    /// The answer.
    pub errno: i32,
    /// It is refused if all of this is true of its arguments.
    pub only_if: Vec<Condition>,
}

/// What must be true of the lower 32 bits of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its place.
    pub argument: usize,
    /// Which bits count.
    pub mask: u32,
    /// Whether they are to be equal to the value, or to differ from it.
    pub equal: bool,
    /// The value.
    pub value: u32,
}

const RETURN: u32 = BPF_RET | BPF_K;
const LOAD: u32 = BPF_LD | BPF_W | BPF_ABS;
const IF_EQUAL: u32 = BPF_JMP | BPF_JEQ | BPF_K;
const IF_NOT_BELOW: u32 = BPF_JMP | BPF_JGE | BPF_K;
const MASK: u32 = BPF_ALU | BPF_AND | BPF_K;
const LOAD_MACHINE: sock_filter = statement(LOAD, offset_of!(libc::seccomp_data, arch) as u32);
const LOAD_NUMBER: sock_filter = statement(LOAD, offset_of!(libc::seccomp_data, nr) as u32);
const GO_ON: sock_filter = statement(RETURN, libc::SECCOMP_RET_ALLOW);

const fn statement(code: u32, value: u32) -> sock_filter {
    jump(code, value, 0, 0)
}

const fn jump(code: u32, value: u32, if_true: u8, if_false: u8) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: if_true,
        jf: if_false,
        k: value,
    }
}

impl Filter {
    /// The filter that stops a program at every call of the table, and at every call for another kind of machine.
    pub fn of_the_table() -> Filter {
        let numbers = Row::traced()
            .map(|row| row.number)
            // The kernel's own way to go on with a sleep that a signal has interrupted.
            .chain([libc::SYS_restart_syscall]);
        Filter::stopping_at(numbers)
    }

    /// The filter that stops a program at these calls.
    pub(super) fn stopping_at(numbers: impl Iterator<Item = libc::c_long>) -> Filter {
        let stop = statement(RETURN, libc::SECCOMP_RET_TRACE);
        let no_such_call = statement(RETURN, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32);
        let mut program = vec![
            LOAD_MACHINE,
            jump(IF_EQUAL, MACHINE, 1, 0),
            stop,
            LOAD_NUMBER,
            jump(IF_NOT_BELOW, X32 as u32, 0, 1),
            stop,
            // Its flags lie in memory, where CLONE_UNTRACED cannot be taken away from them. The C library asks for
            // `clone` instead, as it does on older kernels.
            jump(IF_EQUAL, libc::SYS_clone3 as u32, 0, 1),
            no_such_call,
        ];
        program.extend(keeping_pipes_unlocked());
        for number in numbers {
            program.push(jump(IF_EQUAL, number as u32, 0, 1));
            program.push(stop);
        }
        program.push(GO_ON);
        Filter(program)
    }

    /// The filter for a program that is not traced. It stops nothing.
    pub fn of_the_untraced() -> Filter {
        let mut program = vec![
            LOAD_MACHINE,
            jump(IF_EQUAL, MACHINE, 1, 0),
            GO_ON,
            LOAD_NUMBER,
        ];
        program.extend(keeping_pipes_unlocked());
        program.push(GO_ON);
        Filter(program)
    }

    /// The same filter, which refuses these calls and all of other machines before it looks any further.
    #[must_use]
    pub fn refusing(self, refusals: &[Refusal]) -> Filter {
        let no_such_call = statement(RETURN, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32);
        let mut program = vec![
            LOAD_MACHINE,
            jump(IF_EQUAL, MACHINE, 1, 0),
            no_such_call,
            LOAD_NUMBER,
            jump(IF_NOT_BELOW, X32 as u32, 0, 1),
            no_such_call,
        ];
        for refusal in refusals {
            program.extend(refusal.steps());
        }
        program.extend(self.0);
        Filter(program)
    }

    /// Puts this thread and all that it starts under the filter, for ever. It needs no_new_privs (prctl(2)), and is
    /// async-signal-safe.
    pub fn install(&self) -> nix::Result<()> {
        sys::confine::install_filter(&self.0)
    }
}

impl Refusal {
    /// It begins and ends with the number of the call at hand.
    fn steps(&self) -> Vec<sock_filter> {
        let answer = statement(RETURN, libc::SECCOMP_RET_ERRNO | self.errno as u32);
        // Each condition takes three steps; behind them are the answer and the number again.
        let to_end = |left: usize| 3 * left as u8 + 1;
        let mut steps = Vec::new();
        for (index, condition) in self.only_if.iter().enumerate() {
            let left = self.only_if.len() - index - 1;
            let (if_true, if_false) = match condition.equal {
                true => (0, to_end(left)),
                false => (to_end(left), 0),
            };
            steps.push(load_argument(condition.argument));
            steps.push(statement(MASK, condition.mask));
            steps.push(jump(IF_EQUAL, condition.value, if_true, if_false));
        }
        steps.push(answer);
        steps.push(LOAD_NUMBER);
        let whole = steps.len() as u8;
        steps.insert(0, jump(IF_EQUAL, self.call as u32, 0, whole));
        steps
    }
}

/// The lower half of an argument; both machines have it first.
fn load_argument(index: usize) -> sock_filter {
    let place = offset_of!(libc::seccomp_data, args) + index * size_of::<u64>();
    statement(LOAD, place as u32)
}

/// Answers a splice at the lab's pipes. It begins and ends with the number of the call at hand.
fn keeping_pipes_unlocked() -> [sock_filter; 7] {
    let (from, to) = (load_argument(0), load_argument(2));
    const AFTER_STANDARD_ERROR: u32 = 3;
    [
        jump(IF_EQUAL, libc::SYS_splice as u32, 0, 6),
        from,
        jump(IF_NOT_BELOW, AFTER_STANDARD_ERROR, 0, 2),
        to,
        jump(IF_NOT_BELOW, AFTER_STANDARD_ERROR, 1, 0),
        statement(RETURN, libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32),
        LOAD_NUMBER,
    ]
}
