//! A trace for people: a line a call, aligned, no wider than the terminal.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
};

use anstyle::{AnsiColor, Style};
use nix::errno::Errno;

use super::{
    queue::{Entry, EntryKind},
    repeats::Repeats,
    states,
};
use crate::{
    observe::{
        source::SourceLine,
        tracer::{self, Argument, CallOutcome, Record, TraceEvent},
    },
    report::{
        calls::{with_result, with_source},
        layout::fold,
        sanitize::clean,
    },
};

const DIM: Style = Style::new().dimmed();
const FAILED: Style = AnsiColor::Red.on_default();
const STATE: Style = AnsiColor::Cyan.on_default();

/// The columns of the time, and of a thread's number.
const TIME: usize = 10;
const NUMBER: usize = 8;

/// Renders entries as lines of text.
#[derive(Debug)]
pub(super) struct TextRenderer {
    width: usize,
    /// The first process.
    main: Option<i32>,
    /// Whether there is, or was, more than one thread.
    are_many: bool,
    threads: HashMap<i32, ThreadLines>,
    /// The errors that were explained.
    explained: HashSet<i32>,
}

/// What was written of one thread.
#[derive(Debug, Default)]
struct ThreadLines {
    repeats: Repeats,
    /// The call which it waits in, and its arguments when that was written.
    waits: Option<(u64, Vec<Argument>)>,
    /// When the last of its calls was counted.
    last_us: u64,
}

impl TextRenderer {
    pub fn new(width: usize) -> TextRenderer {
        TextRenderer {
            width,
            main: None,
            are_many: false,
            threads: HashMap::new(),
            explained: HashSet::new(),
        }
    }

    /// The lines for an entry; none if it is counted and written later.
    pub fn render(&mut self, entry: &Entry, source: Option<&SourceLine>) -> String {
        let mut text = String::new();
        let at = entry.at_us;
        match &entry.kind {
            EntryKind::Program(TraceEvent::Started { pid, tid, parent }) => {
                self.are_many |= self.main.is_some();
                let line = match (self.main.is_some(), pid == tid) {
                    (false, _) => format!("process {pid} starts"),
                    (true, true) => format!("process {pid} starts, made by {parent}"),
                    (true, false) => format!("thread {tid} of process {pid} starts"),
                };
                self.main.get_or_insert(*pid);
                self.remark(&mut text, at, *tid, &line);
            }
            EntryKind::Program(TraceEvent::Returned(record)) => {
                self.call(&mut text, at, record, source)
            }
            EntryKind::Program(TraceEvent::Signalled { tid, signal, .. }) => {
                self.flush_count(&mut text, *tid);
                let name = tracer::signal_name(*signal);
                self.remark(&mut text, at, *tid, &format!("{name} arrives"));
            }
            EntryKind::Program(TraceEvent::Ended { pid, tid, status }) => {
                self.flush_count(&mut text, *tid);
                let line = match pid == tid {
                    true => format!("process {pid} {}", ending(*status)),
                    false => format!("thread {tid} of process {pid} ends"),
                };
                self.remark(&mut text, at, *tid, &line);
                self.threads.remove(tid);
            }
            EntryKind::Waits(record) => {
                self.flush_count(&mut text, record.tid);
                let waits = (record.sequence, record.arguments.clone());
                self.threads.entry(record.tid).or_default().waits = Some(waits);
                let since = format!(" waits since {}", milliseconds(record.entered_us));
                let call = clean(&record.call_text());
                let (line, source) = with_source(&call, &since, source, self.room());
                let head = self.head(at, record.tid);
                let _ = writeln!(text, "{head}{line}{source}");
            }
            EntryKind::State(change) => {
                text.push_str(&self.flush_all_counts());
                for lines in self.threads.values_mut() {
                    lines.repeats.forget();
                }
                let who = match self.are_many {
                    true => format!("{:>1$} ", change.pid, NUMBER - 1),
                    false => String::new(),
                };
                let indent = " ".repeat(TIME + who.len());
                let first = format!("{}{who}", " ".repeat(TIME));
                let pieces = states::pieces(change);
                let folded = join(&pieces, self.width, &first, &indent);
                let _ = writeln!(text, "{STATE}{folded}{STATE:#}");
            }
            EntryKind::Missed(count) => {
                text.push_str(&self.flush_all_counts());
                let _ = writeln!(
                    text,
                    "{DIM}{:TIME$}… {count} calls came too fast to be told{DIM:#}",
                    ""
                );
            }
            EntryKind::Blind(error) => {
                let line = format!("the states of TCP cannot be seen here: {error}");
                let indent = " ".repeat(TIME);
                let _ = writeln!(text, "{}", fold(&line, self.width, &indent, &indent));
            }
        }
        text
    }

    /// What was counted and not written of threads that have done nothing since then.
    pub fn flush_counts_before(&mut self, before_us: u64) -> String {
        let mut text = String::new();
        let mut still: Vec<i32> = self.threads.keys().copied().collect();
        still.sort_unstable();
        for tid in still {
            if self.threads[&tid].last_us < before_us {
                // They may go on, and then there is nothing new to write.
                self.write_count(&mut text, tid);
            }
        }
        text
    }

    fn call(&mut self, text: &mut String, at: u64, record: &Record, source: Option<&SourceLine>) {
        let lines = self.threads.entry(record.tid).or_default();
        let waited = lines
            .waits
            .take_if(|(sequence, _)| *sequence == record.sequence)
            .map(|(_, arguments)| arguments);
        let goes_on = waited.is_none() && lines.repeats.continue_with(record);
        if !goes_on {
            self.flush_count(text, record.tid);
        }
        let lines = self.threads.entry(record.tid).or_default();
        if waited.is_some() {
            lines.repeats.forget();
        } else if lines.repeats.absorb(record) {
            lines.last_us = at;
            return;
        }
        let call = match &waited {
            Some(before) => resumed(record, before),
            None => record.call_text(),
        };
        let style = match record.outcome {
            CallOutcome::Returned(_) => Style::new(),
            CallOutcome::Failed(_) => FAILED,
            CallOutcome::InProgress | CallOutcome::Lost => DIM,
        };
        let result = record.outcome.to_string();
        // What has resumed was told with its line when it waited.
        let source = source.filter(|_| waited.is_none());
        let (line, source) = with_source(&clean(&call), &result, source, self.room());
        let head = self.head(at, record.tid);
        let _ = write!(text, "{head}{style}{line}{style:#}{source}");
        let remark = self.remark_on(record);
        if !remark.is_empty() {
            let used = line.chars().count() + 1 + remark.chars().count();
            let _ = match source.is_empty() && used <= self.room() {
                true => write!(text, " {DIM}{remark}{DIM:#}"),
                false => write!(text, "\n{:1$}{DIM}{remark}{DIM:#}", "", self.indent() + 2),
            };
        }
        text.push('\n');
    }

    /// What a call means that is not in its line.
    fn remark_on(&mut self, record: &Record) -> String {
        if record.refused {
            return "(the lab refuses what would hide the program)".to_owned();
        }
        if let Some(fault) = record.injected {
            return format!("({fault})");
        }
        match record.outcome {
            CallOutcome::Failed(errno) if self.explained.insert(errno) => {
                format!("({})", harness::sys::error_text(Errno::from_raw(errno)))
            }
            _ => String::new(),
        }
    }

    fn flush_all_counts(&mut self) -> String {
        self.flush_counts_before(u64::MAX)
    }

    /// Something else happens in a thread: the count is written, and what comes now is written again.
    fn flush_count(&mut self, text: &mut String, tid: i32) {
        self.write_count(text, tid);
        if let Some(lines) = self.threads.get_mut(&tid) {
            lines.repeats.forget();
        }
    }

    fn write_count(&mut self, text: &mut String, tid: i32) {
        let Some(lines) = self.threads.get_mut(&tid) else {
            return;
        };
        let Some(repeated) = lines.repeats.counted() else {
            return;
        };
        let at = lines.last_us;
        let line = match (repeated.calls, repeated.round) {
            (calls, 1) => format!("… {calls} more like this"),
            (calls, round) => format!("… {calls} more like the last {round}"),
        };
        self.remark(text, at, tid, &line);
    }

    /// A line which is no call.
    fn remark(&self, text: &mut String, at: u64, tid: i32, line: &str) {
        let head = self.head(at, tid);
        let line = with_result(line, "", self.room());
        let _ = writeln!(text, "{head}{DIM}{line}{DIM:#}");
    }

    /// The time in milliseconds; and which thread, where there are several.
    fn head(&self, at_us: u64, tid: i32) -> String {
        // The column holds a day; who waits longer loses the alignment.
        let time = format!("{:>9} ", milliseconds(at_us));
        match self.are_many {
            true => format!("{time}{tid:>7} "),
            false => time,
        }
    }

    fn indent(&self) -> usize {
        TIME + if self.are_many { NUMBER } else { 0 }
    }

    /// The columns that are left for a call.
    fn room(&self) -> usize {
        self.width.saturating_sub(self.indent())
    }
}

fn milliseconds(us: u64) -> String {
    format!("{}.{}", us / 1000, us / 100 % 10)
}

/// The return of a call that was written when it waited: what it has filled since then.
fn resumed(record: &Record, before: &[Argument]) -> String {
    let name = record.name();
    let arguments = record.arguments.iter().enumerate();
    let news: Vec<String> = arguments
        .filter(|(place, argument)| before.get(*place) != Some(argument) && is_news(argument))
        .map(|(_, argument)| argument.to_string())
        .collect();
    match news.is_empty() {
        true => format!("… {name} resumed"),
        false => format!("… {name} resumed: {}", news.join(", ")),
    }
}

/// Whether it is what the call has waited for: the length of an address is not, and the result tells the rest.
fn is_news(argument: &Argument) -> bool {
    match argument {
        Argument::Bytes(_)
        | Argument::Message { .. }
        | Argument::Address(_)
        | Argument::PollSet { .. } => true,
        Argument::Events(events) => !events.is_empty(),
        _ => false,
    }
}

/// Puts pieces side by side, and those for which there is no room on the next line.
fn join(pieces: &[String], width: usize, first: &str, indent: &str) -> String {
    let mut lines = vec![first.to_owned()];
    for piece in pieces {
        let line = lines.last_mut().expect("there is a first one");
        let is_empty = line.len() <= indent.len();
        let used = line.chars().count() + 2 + piece.chars().count();
        if is_empty {
            line.push_str(piece);
        } else if used <= width {
            line.push_str("  ");
            line.push_str(piece);
        } else {
            let deeper = format!("{indent}      ");
            lines.push(fold(piece, width, &deeper, &deeper));
        }
    }
    lines.join("\n")
}

/// How a process has ended, from what wait(2) tells.
fn ending(status: i32) -> String {
    match libc::WIFSIGNALED(status) {
        true => format!(
            "is killed by {}",
            tracer::signal_name(libc::WTERMSIG(status))
        ),
        false => format!("ends with status {}", libc::WEXITSTATUS(status)),
    }
}
