//! What the textbook shows in terminals: commands that are typed, and what comes.
//!
//! A line `NAME$ COMMAND` is typed in the terminal of that name, `^C` is the key, and the lines behind it are what comes
//! there. A line `NAME:` says that the next ones come in that terminal. Ports and PIDs are other ones each time: the first
//! time a port is shown behind a colon, or a PID behind `PID`, it stands for the one that comes. `/tmp` stands for a folder
//! of the test.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::{Ipv6Addr, UdpSocket},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{SigHandler, Signal, killpg, signal},
    unistd::Pid,
};

use crate::support::environment::command;

/// What makes a shell one in a terminal. Its descriptors are 0, 1 and 2: the test may have been started with more. And
/// Ctrl-C ends the whole line, also when it comes as one command has ended and the next one has not begun.
const AS_IN_A_TERMINAL: &str = "exec 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; trap 'exit 130' INT";
/// How long a line may take that is due. On a busy machine a program may start late.
const PATIENCE: Duration = Duration::from_secs(60);

/// One line of a session, for the terminal of this name.
#[derive(Debug)]
enum Line {
    Typed { terminal: String, command: String },
    Shown { terminal: String, text: String },
}

/// The lines of a session, in order.
#[derive(Debug)]
pub struct Session(Vec<Line>);

/// Whether there is OpenBSD's nc, which can half-close (`-N`).
fn has_nc() -> bool {
    let said = command("nc").arg("-h").output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stderr).contains("OpenBSD"))
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase())
}

impl Session {
    /// Reads a session from a block of the text.
    pub fn of(text: &str) -> Result<Session, String> {
        let mut lines = Vec::new();
        let mut current: Option<String> = None;
        for line in text.lines() {
            let typed = line.split_once('$').filter(|(name, _)| is_name(name));
            let turned = line.strip_suffix(':').filter(|name| is_name(name));
            if let Some((name, typed)) = typed {
                current = Some(name.to_owned());
                lines.push(Line::Typed {
                    terminal: name.to_owned(),
                    command: typed.trim().to_owned(),
                });
            } else if let Some(name) = turned {
                current = Some(name.to_owned());
            } else {
                let terminal = current.clone();
                lines.push(Line::Shown {
                    terminal: terminal.ok_or("the session begins without a command")?,
                    text: line.to_owned(),
                });
            }
        }
        Ok(Session(lines))
    }

    /// What this machine lacks for it.
    pub fn lacks(&self) -> Option<&'static str> {
        let commands = self.0.iter().filter_map(|line| match line {
            Line::Typed { command, .. } => Some(command),
            Line::Shown { .. } => None,
        });
        let has = |part: &str| commands.clone().any(|command| command.contains(part));
        if has("nc ") && !has_nc() {
            return Some("OpenBSD's nc");
        }
        let has_ipv6 = || UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        (has("::") && !has_ipv6()).then_some("IPv6")
    }

    /// Types it, with the programs of this folder, and compares what comes. `tmp` stands for `/tmp`: it has what earlier
    /// sessions have left there.
    pub fn play(&self, programs: &Path, tmp: &Path) -> Result<(), String> {
        let tmp = tmp.display().to_string();
        let own = |text: &str| text.replace("/tmp", &tmp);
        let mut numbers = Numbers::default();
        let mut terminals: BTreeMap<&str, Running> = BTreeMap::new();
        for line in &self.0 {
            match line {
                Line::Typed { terminal, command } if command == "^C" => {
                    let running = terminals.get_mut(&**terminal);
                    running.ok_or("^C without a command")?.interrupt();
                }
                Line::Typed { terminal, command } => {
                    if let Some(before) = terminals.remove(&**terminal) {
                        before.expect_end()?;
                    }
                    if !command.is_empty() {
                        let command = with_programs(&numbers.in_command(&own(command)), programs);
                        let running = Running::start(&command, Path::new(&tmp));
                        terminals.insert(terminal, running);
                    }
                }
                Line::Shown { terminal, text } => {
                    let running = terminals.get(&**terminal);
                    let came = running.ok_or("nothing runs there")?.next_line()?;
                    numbers.compare(&own(text), &came)?;
                }
            }
        }
        Ok(())
    }
}

/// The command with the paths of the stages in place of cargo.
fn with_programs(command: &str, programs: &Path) -> String {
    let mut words = command.split(' ').peekable();
    let mut result = Vec::new();
    while let Some(word) = words.next() {
        if word == "cargo" && words.peek() == Some(&"run") {
            let stage = words
                .by_ref()
                .skip_while(|word| *word != "--example")
                .nth(1);
            result.push(
                programs
                    .join(stage.unwrap_or_default())
                    .display()
                    .to_string(),
            );
            words.next_if_eq(&"--");
        } else {
            result.push(word.to_owned());
        }
    }
    result.join(" ")
}

/// A command in a terminal. It is ended with all its processes when this is dropped.
struct Running {
    child: Child,
    lines: Receiver<String>,
    command: String,
}

impl Running {
    fn start(typed: &str, folder: &Path) -> Running {
        let mut shell: Command = command("bash");
        // A shell that starts the tests in the background lets them ignore SIGINT, and so would all that they start.
        // SAFETY: signal is async-signal-safe, and the default action takes no handler away.
        unsafe {
            shell.pre_exec(|| Ok(signal(Signal::SIGINT, SigHandler::SigDfl).map(drop)?));
        }
        let mut child = shell
            .args(["-c", &format!("{AS_IN_A_TERMINAL}; {typed}")])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Running {
            child,
            lines,
            command: typed.to_owned(),
        }
    }

    fn next_line(&self) -> Result<String, String> {
        let line = self.lines.recv_timeout(PATIENCE);
        line.map_err(|error| format!("`{}`: {error}, and a line is due", self.command))
    }

    /// Waits until it has ended, without a further line.
    fn expect_end(mut self) -> Result<(), String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Err(format!("`{}` says more: {line}", self.command)),
            Err(RecvTimeoutError::Timeout) => Err(format!("`{}` does not end", self.command)),
            Err(RecvTimeoutError::Disconnected) => {
                self.child.wait().unwrap();
                Ok(())
            }
        }
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    fn interrupt(&self) {
        let _ = killpg(self.group(), Signal::SIGINT);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = killpg(self.group(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Which port or PID came for which one of the text.
#[derive(Default)]
struct Numbers(BTreeMap<String, String>);

impl Numbers {
    /// The command with the numbers that came.
    fn in_command(&self, command: &str) -> String {
        let came = |part| self.0.get(part).map_or(part, String::as_str);
        parts(command).into_iter().map(came).collect()
    }

    /// Compares a line with what came; learns the numbers that are new.
    fn compare(&mut self, shown: &str, came: &str) -> Result<(), String> {
        let differs = || format!("the text shows {shown:?}, and {came:?} comes");
        let (shown_parts, came_parts) = (parts(shown), parts(came));
        if shown_parts.len() != came_parts.len() {
            return Err(differs());
        }
        // The largest number that may be another one each time.
        let mut largest = None;
        for (shown, came) in shown_parts.into_iter().zip(came_parts) {
            let varies = |text: &str| {
                text.parse::<u32>()
                    .is_ok_and(|number| Some(number) <= largest)
            };
            let expected = match varies(shown) && varies(came) {
                true => self
                    .0
                    .entry(shown.to_owned())
                    .or_insert_with(|| came.to_owned()),
                false => shown,
            };
            if expected != came {
                return Err(differs());
            }
            largest = match shown {
                _ if shown.ends_with(':') => Some(u32::from(u16::MAX)),
                _ if shown.ends_with("PID ") => Some(u32::MAX),
                _ => None,
            };
        }
        Ok(())
    }
}

/// A line as numbers and what is between them.
fn parts(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut begin = 0;
    let digit = |at: usize| line.as_bytes()[at].is_ascii_digit();
    for at in 1..line.len() {
        if digit(at) != digit(at - 1) {
            parts.push(&line[begin..at]);
            begin = at;
        }
    }
    parts.push(&line[begin..]);
    parts
}
