//! A trace as data: one JSON object a line, as `checker/trace.schema.json` describes them.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    End,
    connections::{Side, StateChange},
    queue::{Entry, EntryKind},
    states,
};
use crate::observe::{
    source::SourceLine,
    tracer::{self, CallOutcome, Record, TraceEvent},
};

/// The first line: what the others are.
pub(super) fn beginning(program: &Path, arguments: &[String]) -> Value {
    json!({
        "event": "begin",
        "version": 1,
        "program": program.to_string_lossy(),
        "arguments": arguments,
    })
}

/// One entry; if it is a call, with its line in the source, where that is known.
pub(super) fn entry(entry: &Entry, source: Option<&SourceLine>) -> Value {
    let at = entry.at_us;
    match &entry.kind {
        EntryKind::Program(TraceEvent::Started { pid, tid, parent }) => json!({
            "event": "start", "at_us": at, "pid": pid, "tid": tid, "parent": parent,
        }),
        EntryKind::Program(TraceEvent::Returned(record)) => call(at, record, source),
        EntryKind::Waits(record) => call(at, record, source),
        EntryKind::Program(TraceEvent::Signalled { pid, tid, signal }) => json!({
            "event": "signal", "at_us": at, "pid": pid, "tid": tid, "signal": tracer::signal_name(*signal),
        }),
        EntryKind::Program(TraceEvent::Ended { pid, tid, status }) => {
            let is_killed = libc::WIFSIGNALED(*status);
            json!({
                "event": "end", "at_us": at, "pid": pid, "tid": tid,
                "status": (!is_killed).then(|| libc::WEXITSTATUS(*status)),
                "signal": is_killed.then(|| tracer::signal_name(libc::WTERMSIG(*status))),
            })
        }
        EntryKind::State(change) => state_change(at, change),
        EntryKind::Missed(count) => json!({ "event": "missed", "at_us": at, "count": count }),
        EntryKind::Blind(error) => {
            json!({ "event": "blind", "at_us": at, "reason": error.to_string() })
        }
    }
}

/// The last line.
pub(super) fn end(end: &End) -> Value {
    json!({
        "event": "finish",
        "at_us": end.at_us,
        "exit_status": end.exit_status(),
        "calls": end.calls,
        "left_behind": end.left_behind,
    })
}

fn call(at_us: u64, record: &Record, source: Option<&SourceLine>) -> Value {
    let (outcome, result, errno) = match record.outcome {
        CallOutcome::InProgress => ("waits", None, None),
        CallOutcome::Returned(result) => ("returned", Some(result), None),
        CallOutcome::Failed(errno) => ("failed", None, Some(tracer::errno_name(errno))),
        CallOutcome::Lost => ("lost", None, None),
    };
    let arguments = record.arguments.iter().map(ToString::to_string);
    let arguments: Vec<String> = arguments.collect();
    json!({
        "event": "call",
        "at_us": at_us,
        "sequence": record.sequence,
        "entered_us": record.entered_us,
        "returned_us": record.returned_us,
        "pid": record.pid,
        "tid": record.tid,
        "call": record.call,
        "name": record.name(),
        "arguments": arguments,
        "descriptor": record.descriptor(),
        "data": record.data(),
        "address": record.address().map(ToString::to_string),
        "outcome": outcome,
        "result": result,
        "errno": errno,
        "refused": record.refused,
        "injected": record.injected.map(|fault| fault.to_string()),
        "source": source,
        "text": record.to_string(),
    })
}

fn state_change(at_us: u64, change: &StateChange) -> Value {
    json!({
        "event": "state",
        "at_us": at_us,
        "pid": change.pid,
        "descriptor": change.descriptor,
        "local": change.local.to_string(),
        "peer": (change.peer.port() != 0).then(|| change.peer.to_string()),
        "side": match change.side {
            Side::Client => "client",
            Side::Server => "server",
            Side::Unknown => "unknown",
        },
        "from": change.from.map(|state| state.to_string()),
        "to": change.to.to_string(),
        "meaning": states::meaning(change),
    })
}
