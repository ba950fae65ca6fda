//! What a program written in Rust calls before its `main`, which its author has not written.
//!
//! The standard library sees that the three standard descriptors are open, ignores SIGPIPE, asks the C library where its
//! stack ends (which reads /proc/self/maps), and prepares for SIGSEGV and SIGBUS, by which it knows an overflow of the
//! stack. SIGBUS comes last.

use super::{Argument, CallOutcome, Record};
use crate::observe::calls::Call;

/// How many records, of all that a program has made, are exec and Rust's start. None where the program is not Rust's,
/// has not come to `main`, or its first calls are not kept any more.
pub fn before_main(records: &[Record]) -> usize {
    let Some(first) = records.first().filter(|record| record.sequence == 0) else {
        return 0;
    };
    let mut maps = None;
    let start: Vec<&Record> = records
        .iter()
        .take_while(|record| record.pid == first.pid && is_of_start(record, &mut maps))
        .collect();
    let is_sigbus = |record: &&Record| is_action_for(record, libc::SIGBUS);
    match start.iter().position(is_sigbus) {
        // It asks for what is set, and then sets what it wants; a program may do the same after it.
        Some(asks) => {
            asks + start[asks..]
                .iter()
                .take(2)
                .take_while(|r| is_sigbus(r))
                .count()
        }
        None => 0,
    }
}

/// Whether this can be a call of the start. `maps` is the descriptor of /proc/self/maps while it is open.
fn is_of_start(record: &Record, maps: &mut Option<i32>) -> bool {
    if record.injected.is_some() || record.is_in_progress() {
        return false;
    }
    let is_maps = maps.is_some() && record.descriptor() == *maps;
    match record.call {
        Call::Exec => record.sequence == 0,
        Call::Poll => record.sequence == 1 && record.numbers[1] == 3,
        Call::SigAction => [libc::SIGPIPE, libc::SIGSEGV, libc::SIGBUS]
            .into_iter()
            .any(|signal| is_action_for(record, signal)),
        Call::Open => {
            if let CallOutcome::Returned(descriptor) = record.outcome {
                *maps = i32::try_from(descriptor).ok();
            }
            record
                .arguments
                .iter()
                .any(|one| matches!(one, Argument::Path(path) if path == b"/proc/self/maps"))
        }
        Call::Read => is_maps,
        Call::Close => {
            *maps = None;
            is_maps
        }
        _ => false,
    }
}

fn is_action_for(record: &Record, signal: i32) -> bool {
    record.call == Call::SigAction && record.numbers[0] == signal as u64
}
