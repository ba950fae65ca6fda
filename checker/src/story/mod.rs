//! The story of a program that its author runs: its calls as they return, and between them what becomes of its TCP
//! sockets. It is told while it happens, for the own use; nothing is tested.

mod connections;
mod feed;
mod fold;
mod human;
mod json;
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
    feed::{Ear, Event, Feed, What},
    human::Human,
};
use crate::{
    arena::Attended,
    failure::{Attempt, LabError},
    observe::{calls::Call, tracer},
    report::layout::fold,
};

/// How often sockets are looked at without a call.
const TICK: Duration = Duration::from_millis(50);
/// After how long a call is told before it has returned.
const WAITS_US: u64 = 200_000;
/// How long processes that outlive the first one, and connections that are about to end, may take.
const LAST: Duration = Duration::from_millis(500);

/// What to run, and how to tell it.
#[derive(Debug)]
pub struct Story<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments, without its name.
    pub arguments: &'a [OsString],
    /// Only calls of these kinds; all if there are none.
    pub only: &'a [Call],
    /// Whether the output shows colours.
    pub has_colour: bool,
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

impl Story<'_> {
    /// Runs the program at this terminal, and tells its story to `output` until it has ended, with all that it has
    /// started. This process must have one thread only, and gives up root for ever.
    ///
    /// # Errors
    ///
    /// When the machine refuses to trace, the program cannot be started, or the story cannot be written.
    pub fn tell(&self, output: Box<dyn Write>) -> Result<End, LabError> {
        let signals = take_signals()?;
        let feed = Feed::new()?;
        let ear = Box::new(Ear(feed.clone()));
        let attended = Attended::start(self.program, self.arguments, ear)?;
        let mut telling = Telling {
            story: self,
            human: (!self.as_json).then(|| Human::new(self.width)),
            output: Some(output),
            trouble: None,
            waiting: HashSet::new(),
        };
        telling.begin();
        self.follow(&attended, &feed, &signals, &mut telling)?;
        let at_us = attended.tracer().now_us();
        let left_behind = attended.tracer().processes();
        attended.end()?;
        while telling.tell_some(&feed) {}
        let end = End {
            at_us,
            status: attended.tracer().ending().unwrap_or_default(),
            calls: attended.tracer().total(),
            left_behind,
        };
        telling.finish(&end);
        match telling.trouble {
            Some(error) => Err(LabError::io("could not write the story", &error)),
            None => Ok(end),
        }
    }

    /// Tells what happens until the program has ended.
    fn follow(
        &self,
        attended: &Attended,
        feed: &Arc<Feed>,
        signals: &SignalFd,
        telling: &mut Telling<'_>,
    ) -> Result<(), LabError> {
        let tracer = attended.tracer();
        let mut next_look = Instant::now() + TICK;
        let mut last = None;
        loop {
            let now = Instant::now();
            if now >= next_look {
                feed.look(tracer.now_us());
                telling.tell_waiting(tracer);
                next_look = now + TICK;
            }
            telling.tell_some(feed);
            if tracer.ending().is_some() {
                let deadline = *last.get_or_insert(now + LAST);
                let is_over = tracer.is_finished() && !feed.is_moving();
                if is_over || now >= deadline {
                    feed.look(tracer.now_us());
                    return Ok(());
                }
            }
            wait(feed, signals, (last.is_none()).then_some(tracer), next_look)?;
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
    feed: &Feed,
    signals: &SignalFd,
    ending: Option<&tracer::Tracer>,
    until: Instant,
) -> Result<(), LabError> {
    let mut files = vec![
        PollFd::new(feed.as_fd(), PollFlags::POLLIN),
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

/// A story while it is told.
struct Telling<'a> {
    story: &'a Story<'a>,
    /// For people; none for a story as data.
    human: Option<Human>,
    /// None when nobody reads any more: the program goes on.
    output: Option<Box<dyn Write>>,
    /// Why nothing more could be written, if it is no reader who has gone.
    trouble: Option<io::Error>,
    /// The calls which were told as waiting.
    waiting: HashSet<u64>,
}

impl Telling<'_> {
    fn begin(&mut self) {
        if self.human.is_none() {
            let arguments = self.story.arguments.iter();
            let arguments: Vec<String> = arguments
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            let line = json::beginning(self.story.program, &arguments);
            self.write(&format!("{line}\n"));
        }
    }

    /// Tells the next events that have come in; whether there were any.
    fn tell_some(&mut self, feed: &Feed) -> bool {
        let events = feed.take();
        let mut text = String::new();
        for event in &events {
            if let What::Act(tracer::Event::Returned(record)) = &event.what {
                self.waiting.remove(&record.sequence);
                if !self.is_wanted(record.call) {
                    continue;
                }
            }
            text.push_str(&self.render(event));
        }
        self.write(&text);
        !events.is_empty()
    }

    /// Tells the calls which have not returned for a while.
    fn tell_waiting(&mut self, tracer: &tracer::Tracer) {
        let now = tracer.now_us();
        let mut text = String::new();
        for record in tracer.in_progress() {
            if record.entered_us + WAITS_US <= now
                && self.is_wanted(record.call)
                && self.waiting.insert(record.sequence)
            {
                text.push_str(&self.render(&Event {
                    at_us: now,
                    what: What::Waits(Box::new(record)),
                }));
            }
        }
        if let Some(human) = &mut self.human {
            text.push_str(&human.tell_counted(now.saturating_sub(WAITS_US)));
        }
        self.write(&text);
    }

    fn is_wanted(&self, call: Call) -> bool {
        self.story.only.is_empty() || self.story.only.contains(&call)
    }

    fn render(&mut self, event: &Event) -> String {
        match &mut self.human {
            Some(human) => human.tell(event),
            None => format!("{}\n", json::event(event)),
        }
    }

    fn finish(&mut self, end: &End) {
        let text = match &mut self.human {
            None => format!("{}\n", json::end(end)),
            Some(human) => {
                let counted = human.tell_counted(u64::MAX);
                format!("{counted}{}", in_words(end, self.story.width))
            }
        };
        self.write(&text);
    }

    /// Whole lines in one call, so that what the program prints stands between lines.
    fn write(&mut self, text: &str) {
        let text = match self.story.has_colour {
            true => text.to_owned(),
            false => anstream::adapter::strip_str(text).to_string(),
        };
        if let Some(output) = &mut self.output
            && let Err(error) = output.write_all(text.as_bytes())
        {
            self.output = None;
            self.trouble = Some(error).filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
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
    let how = match self::human::ending(end.status.into_raw()) {
        killed if end.status.signal().is_some() => killed.replacen("is", "was", 1),
        ended => ended.replacen("ends", "has ended", 1),
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
