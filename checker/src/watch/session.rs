//! The session: what happens, and what it does then.

mod walk;

use std::{
    collections::BTreeMap, ffi::OsString, fs, io, ops::ControlFlow, os::fd::AsFd, path::PathBuf,
    time::Instant,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::prctl,
    unistd::read,
};

use super::{
    foreground,
    job::{self, Job},
    saves::{self, Saves},
    screen::Screen,
    signals::Signals,
    terminal::{Key, KeyMode, Kind},
};
use crate::{
    exercise::Exercise,
    failure::{Attempt, LabError},
    frontend::Frontend,
    last_report::LastReport,
    progress::Progress,
    starter::{self, Reset},
    worker::Cancel,
};

/// What the exit status of a check says.
const PASSED: i32 = 0;
const BROKEN: i32 = 3;

/// Exercises that are watched, of which one is the current one.
pub struct Session<'a> {
    root: PathBuf,
    /// Those that the user has named; none if the session goes through the course.
    named: Vec<&'static Exercise>,
    current: &'static Exercise,
    /// Those that `n` has left, in this order.
    left: Vec<&'static Exercise>,
    /// What every command is told besides.
    options: Vec<OsString>,
    cancel: &'a Cancel,
    kind: Kind,
    keys: Option<KeyMode>,
    signals: Signals,
    saves: Saves,
    screen: Screen,
    running: Option<Running>,
    /// A key that waits for the end of the command that runs.
    pending: Option<Key>,
    asks_for_reset: bool,
    /// What stands above the keys.
    word: Option<String>,
    /// What will stand there after the next check.
    later: Option<String>,
    /// What was last checked; missing where that came to no verdict.
    checked: BTreeMap<&'static str, String>,
    /// The seed of the last check: what explains all its failures gives the same bytes.
    seed: u64,
    /// What the user has typed for a trace.
    arguments: BTreeMap<&'static str, String>,
}

/// A command that runs.
struct Running {
    job: Job,
    /// The check of an exercise, and no other command.
    check: Option<&'static Exercise>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, Default)]
struct Ready {
    save: bool,
    signal: bool,
    cancelled: bool,
    input: bool,
    output: bool,
    end: bool,
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The user wants it: `q`, or the end of input.
    Wanted,
    /// It was cancelled: Ctrl-C.
    Cancelled,
}

impl<'a> Session<'a> {
    /// Watches these exercises; the one that comes next, and those after it, if none is named. `options` are for every
    /// command that it runs.
    ///
    /// # Errors
    ///
    /// When the terminal or the kernel refuses.
    pub fn begin(
        root: PathBuf,
        named: Vec<&'static Exercise>,
        current: &'static Exercise,
        mut options: Vec<OsString>,
        cancel: &'a Cancel,
    ) -> Result<Session<'a>, LabError> {
        prctl::set_child_subreaper(true)
            .attempt("could not become the subreaper of what a check leaves behind")?;
        let kind = Kind::of_this_process();
        let frontend = match kind.has_keys() {
            true => Frontend::Keys,
            false => Frontend::Saves,
        };
        options.push(frontend.option().into());
        let watched = match named.is_empty() {
            true => vec![current],
            false => named.clone(),
        };
        Ok(Session {
            signals: Signals::begin()?,
            saves: Saves::begin(&root, watched)?,
            keys: kind.has_keys().then(KeyMode::begin).transpose()?,
            screen: Screen::new(kind),
            root,
            named,
            current,
            left: Vec::new(),
            options,
            cancel,
            kind,
            running: None,
            pending: None,
            asks_for_reset: false,
            word: None,
            later: None,
            checked: BTreeMap::new(),
            seed: 0,
            arguments: BTreeMap::new(),
        })
    }

    /// Checks the current exercise, and again at every save, until the user ends it.
    ///
    /// # Errors
    ///
    /// When the lab itself fails.
    pub fn run(mut self) -> Result<End, LabError> {
        if let Kind::None { has_end } = self.kind {
            let end = match has_end {
                true => "Ctrl-C, or the end of input, ends it",
                false => "Ctrl-C ends it",
            };
            self.screen.say(&format!(
                "A check at every save. Input or output is no terminal, so there are no keys; {end}."
            ))?;
        }
        for exercise in self.named.clone() {
            self.remember(exercise);
        }
        self.check()?;
        let ended = loop {
            let ready = self.wait()?;
            if ready.cancelled {
                break End::Cancelled;
            }
            if self.take(ready)?.is_break() {
                break End::Wanted;
            }
        };
        match ended {
            End::Wanted => self.stop(),
            End::Cancelled => self.interrupt()?,
        }
        self.screen.erase()?;
        Ok(ended)
    }

    /// Ends the command that runs, and passes on what it says of its end: a check tells what is known by then.
    fn interrupt(&mut self) -> Result<(), LabError> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        let mut shown = Ok(());
        running.job.end_early(|said| {
            if shown.is_ok() {
                shown = self.screen.pass_on(said);
            }
        });
        shown?;
        self.screen.say("Interrupted.")
    }

    /// The one place in which the session waits.
    fn wait(&self) -> Result<Ready, LabError> {
        let watched = |file| PollFd::new(file, PollFlags::POLLIN);
        let stdin = io::stdin();
        let mut files = vec![
            watched(self.cancel.as_fd()),
            watched(self.signals.as_fd()),
            watched(self.saves.as_fd()),
        ];
        let has_input = self.keys.is_some() || self.kind == Kind::None { has_end: true };
        if has_input {
            files.push(watched(stdin.as_fd()));
        }
        if let Some(running) = &self.running {
            files.extend([watched(running.job.output()), watched(running.job.end())]);
        }
        let left = self
            .saves
            .end()
            .map(|end| end.saturating_duration_since(Instant::now()));
        // A timeout in whole milliseconds would come too early, again and again.
        let most = match left {
            Some(left) => u16::try_from(left.as_micros().div_ceil(1000))
                .map_or(PollTimeout::MAX, PollTimeout::from),
            None => PollTimeout::NONE,
        };
        match poll(&mut files, most) {
            Ok(_) | Err(Errno::EINTR) => (),
            Err(errno) => return Err(LabError::call("could not wait for a save", errno)),
        }
        let mut happened = files.iter().map(|file| file.any().unwrap_or(false));
        let mut next = || happened.next().unwrap_or(false);
        Ok(Ready {
            cancelled: next(),
            signal: next(),
            save: next(),
            input: has_input && next(),
            output: next(),
            end: next(),
        })
    }

    fn take(&mut self, ready: Ready) -> Result<ControlFlow<()>, LabError> {
        if ready.signal {
            self.obey_signals()?;
        }
        if ready.save {
            self.saves.take()?;
        }
        let saved = self.saves.finished()?;
        if !saved.is_empty() {
            self.after_save(&saved)?;
        } else if ready.output || ready.end {
            self.pass_on(ready.end)?;
        }
        if ready.input && self.read_keys()?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        match self.pending.take_if(|_| self.running.is_none()) {
            Some(key) => self.press(key),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    fn obey_signals(&mut self) -> Result<(), LabError> {
        let seen = self.signals.take();
        if seen.is_stopped() {
            self.screen.erase()?;
            if let Some(keys) = &self.keys {
                keys.leave();
            }
            self.signals.stop()?;
        }
        if (seen.is_stopped() || seen.is_continued())
            && let Some(keys) = &self.keys
        {
            keys.enter()?;
        }
        if let Some(running) = &self.running {
            running.job.resize();
            return Ok(());
        }
        // A pipe has no size.
        if seen.is_resized() || seen.is_stopped() || seen.is_continued() {
            self.show_keys()?;
        }
        Ok(())
    }

    /// Something was saved. The same sources have the same verdict: they are not checked again, unless the last check
    /// came to none.
    fn after_save(&mut self, saved: &[&'static Exercise]) -> Result<(), LabError> {
        let is_new = |one: &&'static Exercise| {
            let state = saves::state(&self.root, one);
            state.is_none() || state.as_ref() != self.checked.get(one.name)
        };
        let new: Vec<&'static Exercise> = saved.iter().copied().filter(is_new).collect();
        let is_current = |one: &&Exercise| one.name == self.current.name;
        match new.iter().find(|one| is_current(one)).or(new.first()) {
            Some(exercise) => {
                self.current = exercise;
                self.check()
            }
            None if self.running.is_none() => {
                self.word = Some("Saved without a change: the report above holds.".to_owned());
                self.later = None;
                self.show_keys()
            }
            None => Ok(()),
        }
    }

    /// Passes on what a command says, and takes in its end.
    fn pass_on(&mut self, has_ended: bool) -> Result<(), LabError> {
        let Some(running) = &self.running else {
            return Ok(());
        };
        loop {
            let said = running.job.said();
            self.screen.pass_on(&said)?;
            if said.is_empty() || !has_ended {
                break;
            }
        }
        match self.running.take_if(|_| has_ended) {
            Some(running) => {
                let status = running.job.status()?;
                if let Some(exercise) = running.check {
                    self.conclude(exercise, status);
                }
                self.show_keys()
            }
            None => Ok(()),
        }
    }

    /// A check has ended.
    fn conclude(&mut self, exercise: &'static Exercise, status: Option<i32>) {
        self.word = self.later.take();
        match status {
            None | Some(BROKEN) => _ = self.checked.remove(exercise.name),
            Some(PASSED) => {
                let next = match (self.next(), self.keys.is_some()) {
                    (None, _) => "All exercises are done.".to_owned(),
                    (Some(next), true) => format!("n goes on with {}.", next.name),
                    (Some(next), false) => format!("Next: {}.", next.name),
                };
                let word = format!("{} passes. {next}", exercise.name);
                self.word = Some(match self.word.take() {
                    Some(first) => format!("{first} {word}"),
                    None => word,
                });
            }
            Some(_) => (),
        }
    }

    fn show_keys(&mut self) -> Result<(), LabError> {
        self.screen.show_keys(self.word.as_deref())
    }

    /// Begins to check the current exercise. A check that still runs is void, and ends first.
    fn check(&mut self) -> Result<(), LabError> {
        self.seed = fastrand::u64(0..1_000_000);
        self.check_with(&[])
    }

    fn check_with(&mut self, options: &[&str]) -> Result<(), LabError> {
        let exercise = self.current;
        self.stop();
        self.asks_for_reset = false;
        self.word = None;
        if !self.remember(exercise) {
            self.word = Some(format!(
                "exercises/{}/src/main.rs is not there. The check begins when it is back.",
                exercise.name
            ));
            return self.show_keys();
        }
        self.screen.begin(exercise.name)?;
        let seed = self.seed.to_string();
        let arguments = [&[exercise.name, "--seed", &seed], options].concat();
        self.start(&arguments, Some(exercise))
    }

    /// Keeps in mind what an exercise is now; whether it is there.
    fn remember(&mut self, exercise: &'static Exercise) -> bool {
        match saves::state(&self.root, exercise) {
            Some(state) => _ = self.checked.insert(exercise.name, state),
            None => _ = self.checked.remove(exercise.name),
        }
        self.checked.contains_key(exercise.name)
    }

    fn start(
        &mut self,
        arguments: &[&str],
        check: Option<&'static Exercise>,
    ) -> Result<(), LabError> {
        let arguments: Vec<OsString> = arguments
            .iter()
            .map(OsString::from)
            .chain(self.options.iter().cloned())
            .collect();
        let job = Job::start(&self.root, &arguments, self.keys.is_some())?;
        self.running = Some(Running { job, check });
        Ok(())
    }

    /// Starts a command about the current exercise, which speaks below the report.
    fn start_below(&mut self, command: &str) -> Result<(), LabError> {
        self.screen.say("")?;
        self.start(&[command, self.current.name], None)
    }

    /// Ends the command that runs, completely.
    fn stop(&mut self) {
        if let Some(running) = self.running.take()
            && let Some(exercise) = running.check
        {
            self.checked.remove(exercise.name);
        }
    }

    /// Reads what was typed.
    fn read_keys(&mut self) -> Result<ControlFlow<()>, LabError> {
        let mut bytes = [0; 256];
        let count = match read(io::stdin(), &mut bytes) {
            Err(Errno::EINTR | Errno::EAGAIN) => return Ok(ControlFlow::Continue(())),
            // A terminal that has gone.
            Ok(0) | Err(_) => return Ok(ControlFlow::Break(())),
            Ok(count) => count,
        };
        if self.keys.is_none() {
            return Ok(ControlFlow::Continue(()));
        }
        for key in Key::all_of(&bytes[..count]) {
            let is_immediate = matches!(key, Key::Quit | Key::Next | Key::Previous | Key::All);
            if self.running.is_some() && !is_immediate {
                self.pending = Some(key);
            } else if self.press(key)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn press(&mut self, key: Key) -> Result<ControlFlow<()>, LabError> {
        let is_confirmed = std::mem::take(&mut self.asks_for_reset);
        if !matches!(key, Key::Next | Key::Previous) {
            self.word = None;
        }
        match key {
            Key::Quit => return Ok(ControlFlow::Break(())),
            Key::Hint => self.start_below("hint")?,
            Key::List => self.start_below("list")?,
            Key::All => self.check_with(&["--verbose"])?,
            Key::Trace => self.trace()?,
            Key::Chapter => self.read_chapter()?,
            Key::Next => self.go_on()?,
            Key::Previous => self.go_back()?,
            Key::Reset if is_confirmed => self.reset()?,
            Key::Reset => {
                self.asks_for_reset = true;
                self.word = Some(format!(
                    "Begin {} again? What you have written is kept. r: yes, any other key: no.",
                    self.current.name
                ));
                self.show_keys()?;
            }
            Key::Other => self.show_keys()?,
        }
        Ok(ControlFlow::Continue(()))
    }

    fn reset(&mut self) -> Result<(), LabError> {
        let word = match starter::reset(&self.root, self.current) {
            // What keeps it from being done is the user's to change: the session goes on.
            Err(error) => error.to_string(),
            Ok(Reset::Same) => format!("{} is the starter already.", self.current.name),
            Ok(Reset::Kept(folder)) => {
                let _ = Progress::load(&self.root).and_then(|mut progress| {
                    progress.forget(self.current);
                    progress.save(&self.root)
                });
                let shown = folder.strip_prefix(&self.root).unwrap_or(&folder);
                let word = format!("What was there is in {}.", shown.display());
                // The check begins by what was written just now.
                self.later = Some(word.clone());
                word
            }
        };
        self.word = Some(word);
        self.show_keys()
    }

    fn read_chapter(&mut self) -> Result<(), LabError> {
        let last = LastReport::load(&self.root).unwrap_or_default();
        let is_about_this =
            last.exercise() == Some(self.current.name) && last.explained(self.current).is_some();
        let mut command = job::command(&self.root);
        command.arg("read").args(&self.options);
        if !is_about_this {
            command.arg(self.current.name);
        }
        self.lend_terminal(|session| {
            session
                .screen
                .say("A save is checked when you have closed the chapter.")?;
            foreground::run(command, session.cancel)
        })
    }

    /// Asks for the program's arguments, and shows its calls.
    fn trace(&mut self) -> Result<(), LabError> {
        let name = self.current.name;
        let readme = self.root.join("exercises").join(name).join("README.md");
        let readme = fs::read_to_string(readme).unwrap_or_default();
        let known = match self.arguments.get(name) {
            Some(arguments) => arguments.clone(),
            None => foreground::example(&readme, name),
        };
        self.lend_terminal(|session| {
            session.screen.say(&format!(
                "Arguments of your program, as you type them in a shell ('two words', < file); Enter alone takes: {known}"
            ))?;
            let Some(line) = foreground::read_line(session.cancel)? else {
                return Ok(());
            };
            let arguments = match line.is_empty() {
                true => known,
                false => line,
            };
            let number = session.current.number();
            session
                .screen
                .say(&format!("$ cargo lab trace {number} -- {arguments}"))?;
            let command = foreground::trace(&session.root, name, &arguments);
            session.arguments.insert(name, arguments);
            foreground::run(command, session.cancel)
        })
    }

    /// Lends the terminal, as it was before, to another program, and takes it back. The kernel keeps what is saved meanwhile.
    fn lend_terminal(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), LabError>,
    ) -> Result<(), LabError> {
        self.screen.erase()?;
        if let Some(keys) = &self.keys {
            keys.leave();
        }
        let done = work(self);
        if let Some(keys) = &self.keys {
            keys.enter()?;
        }
        if let Err(error) = done {
            self.word = Some(error.to_string());
        }
        self.saves.take()?;
        if self.saves.end().is_some() {
            self.later = Some("You have saved meanwhile: this is the new program.".to_owned());
        }
        self.show_keys()
    }
}
