//! `checker trace` as it runs, and what it says.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::AsFd,
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::support::{Course, compiler::compile_c, removal::folder_until_exit};

/// No story of these tests takes a tenth of it.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub static FOLDER: LazyLock<PathBuf> = LazyLock::new(folder_until_exit);

/// The programs, compiled once.
pub static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = FOLDER.join("programs");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace/programs.c");
    compile_c(source, &program);
    program
});

/// `checker trace`, which runs.
pub struct Trace {
    pub child: Child,
    pub stdout: Stream<ChildStdout>,
    pub stderr: Stream<ChildStderr>,
}

/// What comes through a pipe, until a deadline.
pub struct Stream<R> {
    pipe: R,
    /// What has come and was not asked for.
    rest: String,
}

impl<R: Read + AsFd> Stream<R> {
    /// Up to the end of the line in which this text stands; or all of it.
    pub fn until(&mut self, text: Option<&str>) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let found = text.and_then(|text| self.rest.find(text));
            if let Some(end) = found.and_then(|at| Some(at + self.rest[at..].find('\n')? + 1)) {
                let rest = self.rest.split_off(end);
                return std::mem::replace(&mut self.rest, rest);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let mut files = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut files, PollTimeout::try_from(left).unwrap()).unwrap();
            assert!(ready > 0, "no {text:?}: {}", self.rest);
            let mut buffer = [0; 65_536];
            match self.pipe.read(&mut buffer).unwrap() {
                0 => {
                    assert_eq!(text, None, "{}", self.rest);
                    return std::mem::take(&mut self.rest);
                }
                // The story is cut anywhere, also within a letter: what is left of one comes next.
                count => self.take(&mut buffer[..count].to_vec()),
            }
        }
    }

    pub fn take(&mut self, bytes: &mut Vec<u8>) {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return self.rest.push_str(text),
                Err(_) => {
                    let mut byte = [0];
                    self.pipe.read_exact(&mut byte).unwrap();
                    bytes.push(byte[0]);
                }
            }
        }
    }
}

/// A test that fails leaves nothing running.
impl Drop for Trace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(options: &[&str], words: &[&str]) -> Command {
    let course = Course::real();
    let mut command = course.checker_command();
    command
        .args(["trace", "day2_2", "--program"])
        .arg(&*PROGRAMS)
        .args(options)
        .arg("--")
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Trace {
    pub fn of(options: &[&str], words: &[&str]) -> Trace {
        let mut child = command(options, words).spawn().unwrap();
        Trace {
            stdout: Stream {
                pipe: child.stdout.take().unwrap(),
                rest: String::new(),
            },
            stderr: Stream {
                pipe: child.stderr.take().unwrap(),
                rest: String::new(),
            },
            child,
        }
    }

    pub fn line(&mut self) -> String {
        self.stdout.until(Some("")).trim_end().to_owned()
    }

    /// A client of the server that has just said where it listens.
    pub fn connect(&mut self) -> TcpStream {
        let line = self.line();
        let address: SocketAddr = line.strip_prefix("listening ").unwrap().parse().unwrap();
        let client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client
    }

    /// Signals the checker alone, as `kill` does.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// The rest of the story, and the exit status.
    pub fn end(mut self) -> (String, i32) {
        let story = self.stderr.until(None);
        let deadline = Instant::now() + DEADLINE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            thread::yield_now();
        }
        (story, self.child.wait().unwrap().code().unwrap())
    }
}

/// Sends a line, reads it back, and ends the sending side; then reads the end.
pub fn talk(client: &mut TcpStream) {
    client.write_all(b"hello\n").unwrap();
    client.read_exact(&mut [0; 6]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
}

/// That these texts stand in the story in this order.
#[track_caller]
pub fn assert_order(story: &str, texts: &[&str]) {
    let mut rest = story;
    for text in texts {
        match rest.find(text) {
            Some(at) => rest = &rest[at + text.len()..],
            None => panic!("no {text:?} where it should be in\n{story}"),
        }
    }
}
