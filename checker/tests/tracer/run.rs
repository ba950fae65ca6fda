//! The programs of the tests, and the ways in which one runs.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    process::ExitStatus,
    sync::LazyLock,
    time::{Duration, Instant},
};

use checker::{
    observe::{
        calls::Call,
        tracer::{By, Fault, Injection, InjectionId, On, Record, Tracer, Which},
    },
    sandbox::{Isolation, Launch, Sandbox, Started},
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::support::{compiler::compile_c, removal};

/// No program of these tests takes a tenth of it.
const DEADLINE: Duration = Duration::from_secs(30);

pub static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    removal::begin();
    let sandbox = Sandbox::enter(Isolation::Shared).unwrap();
    removal::remove_at_exit(sandbox.folder());
    sandbox
});

/// The programs, compiled once.
pub static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = SANDBOX.folder().join("programs");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tracer/programs.c");
    compile_c(source, &program);
    program
});

/// A program of these tests that runs.
pub struct Run {
    pub started: Started,
}

impl Run {
    pub fn of(way: &str, traced: bool) -> Run {
        let launch = Launch {
            traced,
            ..Launch::new([way])
        };
        Run {
            started: launch.start(&PROGRAMS, &SANDBOX).unwrap(),
        }
    }

    pub fn traced(way: &str) -> Run {
        Run::of(way, true)
    }

    pub fn tracer(&self) -> &Tracer {
        self.started.tracer.as_ref().unwrap()
    }

    pub fn inject(&self, call: Call, which: Which, fault: Fault) -> InjectionId {
        self.inject_on(On::Anything, call, which, fault)
    }

    /// Into calls on this object only.
    pub fn inject_on(&self, on: On, call: Call, which: Which, fault: Fault) -> InjectionId {
        self.tracer().inject(Injection {
            call,
            by: By::Anyone,
            on,
            which,
            fault,
        })
    }

    /// Asserts that a child has said what it says in the programs that clone, and that it is followed.
    pub fn expect_followed_child(&self) {
        let child = self.expect("write(1, \"child: 7\\n\", 9) = 9");
        assert_ne!(child.pid, self.tracer().pid());
    }

    /// Writes to its standard input, and closes that.
    pub fn tell(&mut self, text: &str) {
        let mut stdin = self.started.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
    }

    /// All that it prints.
    pub fn output(&mut self) -> String {
        let mut stdout = File::from(OwnedFd::from(self.started.stdout.take().unwrap()));
        let mut output = Vec::new();
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(
                wait_until_readable(&stdout, deadline),
                "{output:?}, and then nothing"
            );
            let mut buffer = [0; 4096];
            match stdout.read(&mut buffer).unwrap() {
                0 => return String::from_utf8(output).unwrap(),
                n => output.extend(&buffer[..n]),
            }
        }
    }

    pub fn ending(&self) -> ExitStatus {
        assert!(wait_until_readable(
            self.tracer(),
            Instant::now() + DEADLINE
        ));
        self.tracer().ending().unwrap()
    }

    /// Waits until a record is there.
    pub fn wait_for(&self, is_meant: impl Fn(&Record) -> bool) -> Record {
        self.wait(|| self.tracer().records().into_iter().find(&is_meant))
    }

    pub fn wait<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "{}", self.story());
            std::thread::yield_now();
        }
    }

    pub fn records(&self, call: Call) -> Vec<Record> {
        let mut records = self.tracer().records();
        records.retain(|record| record.call == call);
        records
    }

    pub fn story(&self) -> String {
        let lines = self
            .tracer()
            .records()
            .into_iter()
            .map(|record| format!("{} {record}", record.tid));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Asserts that there is a record which reads like this; `*` stands for anything.
    pub fn expect(&self, pattern: &str) -> Record {
        let found = self
            .tracer()
            .records()
            .into_iter()
            .find(|record| matches(pattern, &record.to_string()));
        found.unwrap_or_else(|| panic!("no {pattern} in\n{}", self.story()))
    }
}

pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    text.strip_prefix(start).is_some_and(|left| {
        (0..=left.len()).any(|at| left.is_char_boundary(at) && matches(rest, &left[at..]))
    })
}

pub fn wait_until_readable(file: &impl AsFd, deadline: Instant) -> bool {
    let mut watched = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    let left = deadline.saturating_duration_since(Instant::now());
    poll(&mut watched, PollTimeout::try_from(left).unwrap()).unwrap() > 0
}

/// Runs a program to its end without a tracer: what it prints.
pub fn untraced(way: &str, input: &str) -> String {
    let mut run = Run::of(way, false);
    run.tell(input);
    let output = run.output();
    let pid = run.started.id() as i32;
    // SAFETY: null asks for no status.
    assert_eq!(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }, pid);
    output
}

/// Runs a program to its end with and without a tracer, and asserts that it prints the same.
pub fn same_as_untraced(way: &str, input: &str) -> Run {
    let mut run = Run::traced(way);
    run.tell(input);
    assert_eq!(run.output(), untraced(way, input), "{}", run.story());
    assert_eq!(run.ending().code(), Some(0), "{}", run.story());
    run
}
