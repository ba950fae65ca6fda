//! `checker trace`: the calls of a program that its author runs, as they return, and between them what becomes of its TCP
//! sockets. They are written while it runs; nothing is tested.

mod connections;
mod hostile;
mod human;
mod json;
mod queue;
mod repeats;
mod states;

use std::{
    collections::HashSet,
    ffi::OsString,
    io::{self, Write},
    os::{fd::AsFd, unix::process::ExitStatusExt},
    path::Path,
    process::ExitStatus,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
};

use self::{
    human::TextRenderer,
    queue::{Entry, EntryKind, EventQueue, QueueListener},
};
use crate::{
    failure::{Attempt, LabError},
    observe::{
        calls::Call,
        source::{SourceLine, SourceLines},
        tracer::{self, Record, TraceEvent, Tracer},
    },
    report::{layout::fold, links::Links},
    sandbox::Attended,
};

/// How often sockets are looked at without a call.
const TICK: Duration = Duration::from_millis(50);
/// After how long a call is written before it has returned.
const WAITS_US: u64 = 200_000;
/// How long processes that outlive the first one, and connections that are about to end, may take.
const LAST: Duration = Duration::from_millis(500);

/// What to run, and how to show it.
#[derive(Debug)]
pub struct Session<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments, without its name.
    pub arguments: &'a [OsString],
    /// Only calls of these kinds; all if there are none.
    pub only: &'a [Call],
    /// Whether its calls do as little as the kernel may do.
    pub is_hostile: bool,
    /// Whether the output shows colours.
    pub has_colour: bool,
    /// What becomes a link, if the terminal knows links.
    pub links: Option<Links>,
    /// As data, and not for people.
    pub as_json: bool,
    /// The width of the terminal, in columns.
    pub width: usize,
}

/// How the program has ended.
#[derive(Debug)]
pub struct End {
    /// When, in microseconds since its start.
    pub at_us: u64,
    /// How.
    pub status: ExitStatus,
    /// How many calls it has made, of those at which a tracer looks.
    pub calls: u64,
    /// Processes which it has left behind, and which have been ended.
    pub left_behind: Vec<i32>,
}

impl Session<'_> {
    /// Runs the program at this terminal, and writes its trace to `output` until it has ended, with all that it has
    /// started. This process must have one thread only, and gives up root for ever.
    ///
    /// # Errors
    ///
    /// When the machine refuses to trace, the program cannot be started, or the trace cannot be written.
    pub fn run(&self, writer: Box<dyn Write>) -> Result<End, LabError> {
        let signals = take_signals()?;
        let queue = EventQueue::new()?;
        let listener = Box::new(QueueListener(queue.clone()));
        let faults = match self.is_hostile {
            true => hostile::faults(),
            false => Vec::new(),
        };
        let attended = Attended::start(self.program, self.arguments, listener, faults)?;
        let mut output = Output {
            session: self,
            renderer: (!self.as_json).then(|| TextRenderer::new(self.width)),
            writer: Some(writer),
            error: None,
            waiting: HashSet::new(),
            source: None,
        };
        output.begin();
        self.follow(&attended, &queue, &signals, &mut output)?;
        let at_us = attended.tracer().now_us();
        let left_behind = attended.tracer().processes();
        attended.end()?;
        while output.write_entries(&queue, attended.tracer()) {}
        let end = End {
            at_us,
            status: (attended.tracer().ending())
                .ok_or_else(|| LabError::new("the tracer of the program has failed"))?,
            calls: attended.tracer().total(),
            left_behind,
        };
        output.finish(&end);
        match output.error {
            Some(error) => Err(LabError::io("could not write the trace", &error)),
            None => Ok(end),
        }
    }

    /// Writes what happens until the program has ended.
    fn follow(
        &self,
        attended: &Attended,
        queue: &Arc<EventQueue>,
        signals: &SignalFd,
        output: &mut Output<'_>,
    ) -> Result<(), LabError> {
        let tracer = attended.tracer();
        let mut next_look = Instant::now() + TICK;
        let mut last = None;
        loop {
            let now = Instant::now();
            if now >= next_look {
                queue.refresh_sockets(tracer.now_us());
                output.write_waiting(tracer);
                next_look = now + TICK;
            }
            output.write_entries(queue, tracer);
            if tracer.ending().is_some() {
                let deadline = *last.get_or_insert(now + LAST);
                let is_over = tracer.is_finished() && !queue.is_moving();
                if is_over || now >= deadline {
                    queue.refresh_sockets(tracer.now_us());
                    return Ok(());
                }
            }
            wait(
                queue,
                signals,
                (last.is_none()).then_some(tracer),
                next_look,
            )?;
            while let Ok(Some(signal)) = signals.read_signal() {
                let is_from_terminal = signal.ssi_code == libc::SI_KERNEL;
                if let Ok(number) = Signal::try_from(signal.ssi_signo.cast_signed()) {
                    attended.pass_on(number, is_from_terminal);
                }
            }
        }
    }
}

/// Sleeps until something has happened, or until the next look.
fn wait(
    queue: &EventQueue,
    signals: &SignalFd,
    ending: Option<&Tracer>,
    until: Instant,
) -> Result<(), LabError> {
    let mut files = vec![
        PollFd::new(queue.as_fd(), PollFlags::POLLIN),
        PollFd::new(signals.as_fd(), PollFlags::POLLIN),
    ];
    files.extend(ending.map(|tracer| PollFd::new(tracer.as_fd(), PollFlags::POLLIN)));
    let left = until.saturating_duration_since(Instant::now());
    let limit = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::ZERO);
    match poll(&mut files, limit) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(errno) => Err(LabError::call("could not wait for the program", errno)),
    }
}

/// From now on, the signals that ask for an end are read, and not delivered: they are meant for the program.
fn take_signals() -> Result<SignalFd, LabError> {
    const ATTEMPT: &str = "could not take the signals for the program";
    let asks: SigSet = [
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
        Signal::SIGHUP,
    ]
    .into_iter()
    .collect();
    asks.thread_block().attempt(ATTEMPT)?;
    SignalFd::with_flags(&asks, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).attempt(ATTEMPT)
}

/// A trace while it is written.
struct Output<'a> {
    session: &'a Session<'a>,
    /// For people; none for a trace as data.
    renderer: Option<TextRenderer>,
    /// None when there is no reader any more: the program goes on.
    writer: Option<Box<dyn Write>>,
    /// Why nothing more could be written, if it is no reader who has gone.
    error: Option<io::Error>,
    /// The calls which were written as waiting.
    waiting: HashSet<u64>,
    /// The lines of the program's source, once a call was written.
    source: Option<SourceLines>,
}

impl Output<'_> {
    fn begin(&mut self) {
        if self.renderer.is_none() {
            let arguments = self.session.arguments.iter();
            let arguments: Vec<String> = arguments
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            let line = json::beginning(self.session.program, &arguments);
            self.write(&format!("{line}\n"));
        }
    }

    /// Writes the next entries; whether there were any.
    fn write_entries(&mut self, queue: &EventQueue, tracer: &Tracer) -> bool {
        let entries = queue.take();
        let mut text = String::new();
        for entry in &entries {
            if let EntryKind::Program(TraceEvent::Returned(record)) = &entry.kind {
                self.waiting.remove(&record.sequence);
                if !self.is_wanted(record.call) {
                    continue;
                }
            }
            text.push_str(&self.render(entry, tracer));
        }
        self.write(&text);
        !entries.is_empty()
    }

    /// Writes the calls which have not returned for a while.
    fn write_waiting(&mut self, tracer: &Tracer) {
        let now = tracer.now_us();
        let mut text = String::new();
        for record in tracer.in_progress() {
            if record.entered_us + WAITS_US <= now
                && self.is_wanted(record.call)
                && self.waiting.insert(record.sequence)
            {
                let entry = Entry {
                    at_us: now,
                    kind: EntryKind::Waits(Box::new(record)),
                };
                text.push_str(&self.render(&entry, tracer));
            }
        }
        if let Some(renderer) = &mut self.renderer {
            text.push_str(&renderer.flush_counts_before(now.saturating_sub(WAITS_US)));
        }
        self.write(&text);
    }

    fn is_wanted(&self, call: Call) -> bool {
        self.session.only.is_empty() || self.session.only.contains(&call)
    }

    fn render(&mut self, entry: &Entry, tracer: &Tracer) -> String {
        let source = match &entry.kind {
            EntryKind::Program(TraceEvent::Returned(record)) | EntryKind::Waits(record) => {
                self.source_of(record, tracer)
            }
            _ => None,
        };
        match &mut self.renderer {
            Some(renderer) => renderer.render(entry, source.as_ref()),
            None => format!("{}\n", json::entry(entry, source.as_ref())),
        }
    }

    fn source_of(&mut self, record: &Record, tracer: &Tracer) -> Option<SourceLine> {
        if record.frames.is_empty() {
            return None;
        }
        let lines = match &mut self.source {
            Some(lines) => lines,
            none => none.insert(SourceLines::read(&*tracer.program()?)),
        };
        lines.innermost(&record.frames)
    }

    fn finish(&mut self, end: &End) {
        let text = match &mut self.renderer {
            None => format!("{}\n", json::end(end)),
            Some(renderer) => {
                let counted = renderer.flush_counts_before(u64::MAX);
                format!("{counted}{}", in_words(end, self.session.width))
            }
        };
        self.write(&text);
    }

    /// Whole lines in one call, so that what the program prints stands between lines.
    fn write(&mut self, text: &str) {
        let text = match (self.session.has_colour, &self.session.links) {
            (true, Some(links)) => links.add(text),
            (true, None) => text.to_owned(),
            (false, _) => anstream::adapter::strip_str(text).to_string(),
        };
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.write_all(text.as_bytes())
        {
            self.writer = None;
            self.error = Some(error).filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        }
    }
}

impl End {
    /// As shells have it: the exit status, or 128 and the number of the signal that killed the program.
    pub fn exit_status(&self) -> u8 {
        let killed = self.status.signal().map(|signal| 128 + signal);
        let status = killed.or(self.status.code()).unwrap_or_default();
        u8::try_from(status).unwrap_or(u8::MAX)
    }
}

fn in_words(end: &End, width: usize) -> String {
    let how = match end.status.signal() {
        Some(signal) => format!("was killed by {}", tracer::signal_name(signal)),
        None => format!(
            "has ended with status {}",
            end.status.code().unwrap_or_default()
        ),
    };
    let calls = match end.calls {
        1 => "1 call".to_owned(),
        calls => format!("{calls} calls"),
    };
    let seconds = end.at_us as f64 / 1e6;
    let mut text = format!("The program {how} after {seconds:.1} s and {calls}.");
    if !end.left_behind.is_empty() {
        let numbers: Vec<String> = end.left_behind.iter().map(ToString::to_string).collect();
        let numbers = numbers.join(", ");
        text.push_str(&format!(
            " What it has left behind is ended with it: process {numbers}."
        ));
    }
    fold(&text, width, "", "") + "\n"
}
