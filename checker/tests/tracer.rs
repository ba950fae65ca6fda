//! The tracer sees what a program does, and the program does what it would do without it.
//!
//! The programs are in `tracer/programs.c`. They run in an arena without namespaces, in which all tests of this file
//! share the processes' user; each ends its own program only.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::{fs::PermissionsExt, process::ExitStatusExt},
    },
    path::PathBuf,
    process::{Command, ExitStatus},
    sync::LazyLock,
    time::{Duration, Instant},
};

use checker::{
    arena::{Arena, Isolation, Launch, Started},
    observe::{
        calls::Call,
        descriptors::{Object, object},
        tracer::{Address, Fault, Injection, On, Outcome, Record, Tracer, Which},
    },
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// No program of these tests takes a tenth of it.
const DEADLINE: Duration = Duration::from_secs(30);

static ARENA: LazyLock<Arena> = LazyLock::new(|| Arena::enter(Isolation::Shared).unwrap());

/// The programs, compiled once.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = ARENA.folder().join("programs");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tracer/programs.c");
    let status = Command::new("cc")
        .args([
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unused-result",
            "-O1",
            "-pthread",
            "-o",
        ])
        .arg(&program)
        .arg(source)
        .status()
        .expect("a C compiler is needed");
    assert!(status.success());
    program
});

/// A program of these tests that runs.
struct Run {
    started: Started,
}

impl Run {
    fn of(way: &str, traced: bool) -> Run {
        let launch = Launch {
            traced,
            ..Launch::new([way])
        };
        Run {
            started: launch.start(&PROGRAMS, &ARENA).unwrap(),
        }
    }

    fn traced(way: &str) -> Run {
        Run::of(way, true)
    }

    fn tracer(&self) -> &Tracer {
        self.started.tracer.as_ref().unwrap()
    }

    fn inject(&self, call: Call, which: Which, fault: Fault) {
        self.tracer().inject(Injection {
            call,
            on: On::Anything,
            which,
            fault,
        });
    }

    /// Writes to its standard input, and closes that.
    fn tell(&mut self, text: &str) {
        let mut stdin = self.started.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
    }

    /// All that it prints.
    fn output(&mut self) -> String {
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

    fn ending(&self) -> ExitStatus {
        assert!(wait_until_readable(
            self.tracer(),
            Instant::now() + DEADLINE
        ));
        self.tracer().ending().unwrap()
    }

    /// Waits until a record is there.
    fn wait_for(&self, is_meant: impl Fn(&Record) -> bool) -> Record {
        self.wait(|| self.tracer().records().into_iter().find(&is_meant))
    }

    fn wait<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "{}", self.story());
            std::thread::yield_now();
        }
    }

    fn records(&self, call: Call) -> Vec<Record> {
        let mut records = self.tracer().records();
        records.retain(|record| record.call == call);
        records
    }

    fn story(&self) -> String {
        let lines = self
            .tracer()
            .records()
            .into_iter()
            .map(|record| format!("{} {record}", record.tid));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Asserts that there is a record which reads like this; `*` stands for anything.
    fn expect(&self, pattern: &str) -> Record {
        let found = self
            .tracer()
            .records()
            .into_iter()
            .find(|record| matches(pattern, &record.to_string()));
        found.unwrap_or_else(|| panic!("no {pattern} in\n{}", self.story()))
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    text.strip_prefix(start).is_some_and(|left| {
        (0..=left.len()).any(|at| left.is_char_boundary(at) && matches(rest, &left[at..]))
    })
}

fn wait_until_readable(file: &impl AsFd, deadline: Instant) -> bool {
    let mut watched = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    let left = deadline.saturating_duration_since(Instant::now());
    poll(&mut watched, PollTimeout::try_from(left).unwrap()).unwrap() > 0
}

/// Runs a program to its end without a tracer: what it prints.
fn untraced(way: &str, input: &str) -> String {
    let mut run = Run::of(way, false);
    run.tell(input);
    let output = run.output();
    let pid = run.started.id() as i32;
    // SAFETY: null asks for no status.
    assert_eq!(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }, pid);
    output
}

/// Runs a program to its end with and without a tracer, and asserts that it prints the same.
fn same_as_untraced(way: &str, input: &str) -> Run {
    let mut run = Run::traced(way);
    run.tell(input);
    assert_eq!(run.output(), untraced(way, input), "{}", run.story());
    assert_eq!(run.ending().code(), Some(0), "{}", run.story());
    run
}

#[test]
fn this_machine_lets_programs_be_traced() {
    checker::observe::tracer::probe().unwrap();
}

#[test]
fn an_echo_reads_as_in_the_manual() {
    let mut run = Run::traced("echo");
    run.tell("hello\n");
    assert_eq!(run.output(), "hello\n");
    assert!(run.ending().success());
    let first = run.tracer().records().remove(0);
    assert!(
        matches(
            "execve(\"*/programs\", [\"*/programs\", \"echo\"]) = 0",
            &first.to_string()
        ),
        "{first}"
    );
    let read = run.expect("read(0, \"hello\\n\", 4096) = 6");
    let data = read.data.unwrap();
    assert_eq!(
        (data.start.as_slice(), data.length),
        (b"hello\n".as_slice(), 6)
    );
    assert_eq!(
        (read.call, read.descriptor, read.outcome),
        (Call::Read, Some(0), Outcome::Returned(6))
    );
    let write = run.expect("write(1, \"hello\\n\", 6) = 6");
    assert!(read.sequence < write.sequence && read.returned_us.unwrap() <= write.entered_us);
    run.expect("read(0, \"\", 4096) = 0");
    run.expect("exit_group(0) = ?");
}

#[test]
fn sockets_read_as_in_the_manual() {
    let run = same_as_untraced("sockets", "");
    run.expect("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0) = 3");
    run.expect("setsockopt(3, SOL_SOCKET, SO_REUSEADDR, 1, 4) = 0");
    run.expect("bind(3, 127.0.0.1:0, 16) = 0");
    run.expect("listen(3, 5) = 0");
    let name = run.expect("getsockname(3, 127.0.0.1:*, [16]) = 0");
    let connect = run.expect("connect(4, 127.0.0.1:*, 16) = 0");
    assert!(matches!(connect.address, Some(Address::Internet(address)) if address.port() > 0));
    assert_eq!(connect.address, name.address);
    run.expect("accept4(3, NULL, NULL, SOCK_CLOEXEC) = 5");
    run.expect("write(4, \"hello\\n\", 6) = 6");
    run.expect("*poll([{5, POLLIN, POLLIN}], 1, *) = 1");
    run.expect("shutdown(4, SHUT_WR) = 0");
    run.expect("recvfrom(5, \"\", 100, 0, NULL, NULL) = 0");
    run.expect("close(3) = 0");
    run.expect("connect(3, 127.0.0.1:*, 16) = -1 ECONNREFUSED");
}

#[test]
fn all_kinds_of_children_are_followed() {
    let run = same_as_untraced("children", "");
    let main = run.tracer().pid();
    let others: Vec<Record> = run
        .records(Call::Exit)
        .into_iter()
        .filter(|record| record.pid != main)
        .collect();
    let endings: Vec<String> = others.iter().map(ToString::to_string).collect();
    assert_eq!(
        endings,
        [
            "exit_group(3) = ?",
            "exit_group(4) = ?",
            "exit_group(5) = ?"
        ]
    );
    for record in run.records(Call::Fork) {
        assert!(matches!(record.outcome, Outcome::Returned(1..)), "{record}");
    }
    assert!(run.records(Call::Fork).len() >= 3);
    run.expect("execve(\"/bin/sh\", [\"sh\", \"-c\", \"exit 4\"]) = 0");
    run.expect(
        "wait4(*, [exited with 5], 0, NULL) = *"
            .replace(", NULL", "")
            .as_str(),
    );
}

#[test]
fn threads_are_followed() {
    let run = same_as_untraced("threads", "");
    let writers: Vec<Record> = run
        .records(Call::Write)
        .into_iter()
        .filter(|record| record.descriptor != Some(1))
        .collect();
    assert_eq!(writers.len(), 4);
    assert!(
        writers
            .iter()
            .all(|record| record.pid == run.tracer().pid() && record.tid != record.pid)
    );
}

#[test]
fn a_thread_may_exec() {
    let mut run = Run::traced("exec_in_a_thread");
    assert_eq!(run.output(), "hello: 1\n");
    assert!(run.ending().success());
    let write = run.expect("write(1, \"hello: 1\\n\", 9) = 9");
    assert_eq!(
        (write.pid, write.tid),
        (run.tracer().pid(), run.tracer().pid())
    );
    let exec = run.expect("execve(*, [*, \"greets\"]) = 0");
    assert!(!exec.is_in_progress() && exec.tid != exec.pid);
    assert!(
        run.tracer()
            .records()
            .iter()
            .all(|record| !record.is_in_progress()),
        "{}",
        run.story()
    );
}

#[test]
fn a_daemon_ends_with_its_tracer() {
    let mut run = Run::traced("daemonizes");
    let daemon: i32 = run.output().trim().parse().unwrap();
    assert!(run.ending().success());
    let pause = run.wait_for(|record| record.call == Call::Signal && record.pid == daemon);
    assert!(pause.is_in_progress());
    run.tracer().end().unwrap();
    // SAFETY: takes two numbers.
    assert_eq!(unsafe { libc::kill(daemon, 0) }, -1);
    run.expect("pause() = ?");
}

#[test]
fn a_stopped_program_rests_and_goes_on() {
    let mut run = Run::traced("stops");
    let pid = run.tracer().pid();
    run.wait(|| run.tracer().rests(pid).then_some(()));
    // It does not go on by itself.
    let moment = Instant::now() + Duration::from_millis(100);
    let stdout = run.started.stdout.as_ref().unwrap();
    assert!(!wait_until_readable(stdout, moment) && run.tracer().rests(pid));
    // SAFETY: takes two numbers.
    unsafe { libc::kill(pid, libc::SIGCONT) };
    assert_eq!(run.output(), "goes on: 1\n");
    assert!(run.ending().success() && !run.tracer().rests(pid));
}

#[test]
fn a_signal_has_the_effect_which_it_has_untraced() {
    let run = same_as_untraced("interrupted", "");
    assert!(
        run.records(Call::Poll)
            .iter()
            .any(|record| record.outcome == Outcome::Failed(libc::EINTR))
    );
}

#[test]
fn a_stop_interrupts_what_it_interrupts_untraced() {
    let run = same_as_untraced("stopped_with_a_thread", "");
    run.expect("epoll_wait(*, 400) = -1 EINTR");
}

#[test]
fn signals_of_no_effect_do_not_lengthen_a_time_limit() {
    same_as_untraced("sleeps_among_children", "");
}

#[test]
fn a_call_that_goes_on_after_a_signal_is_one_call() {
    let run = same_as_untraced("is_interrupted_in_read", "");
    let main = run.tracer().pid();
    let mut reads = run.records(Call::Read);
    // The loader reads files.
    reads.retain(|record| record.pid == main && record.numbers[2] == 1);
    let lines: Vec<String> = reads
        .iter()
        .map(|read| read.to_string().replace(char::is_numeric, ""))
        .collect();
    assert_eq!(
        lines,
        ["read(, …, ) = - EINTR", "read(, \"x\", ) = "],
        "{}",
        run.story()
    );
}

#[test]
fn short_reads_and_writes_lose_nothing() {
    let mut run = Run::traced("moves");
    run.inject(Call::Write, Which::Every, Fault::Short(7));
    run.inject(Call::Read, Which::Every, Fault::Short(3));
    run.tell("\n");
    let output = run.output();
    assert_eq!(output.matches("same: 1").count(), 4, "{output}");
    // 143 writes and 334 reads; with more buffers, some more at their ends.
    assert!(output.matches("calls: 477").count() >= 2, "{output}");
    assert_eq!(run.expect("sendmsg(*) = 7").injected, Some(Fault::Short(7)));
}

#[test]
fn short_reads_and_writes_leave_messages_whole() {
    let mut run = Run::traced("keeps_messages");
    run.inject(Call::Write, Which::Every, Fault::Short(2));
    run.inject(Call::Read, Which::Every, Fault::Short(2));
    run.tell("\n");
    assert_eq!(run.output(), untraced("keeps_messages", "\n"));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_call_leaves_the_registers_as_they_were() {
    let mut run = Run::traced("registers");
    run.inject(Call::Write, Which::Every, Fault::Short(50));
    run.inject(Call::Read, Which::Every, Fault::Short(30));
    run.inject(Call::Shutdown, Which::Every, Fault::Errno(libc::ENOTCONN));
    run.tell("\n");
    let output = run.output();
    let intact = "intact: 1";
    let expected = [
        "write: 50",
        intact,
        "writev: 50",
        intact,
        "sendmsg: 50",
        intact,
        "read: 30",
        intact,
        "readv: 30",
        intact,
        "recvmsg: 30",
        intact,
        "shutdown: ENOTCONN",
        intact,
    ];
    assert_eq!(output.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn errors_are_injected_into_the_call_that_is_meant() {
    let mut run = Run::traced("fails");
    run.inject(Call::Accept, Which::Nth(1), Fault::Errno(libc::EINTR));
    run.inject(
        Call::Accept,
        Which::Nth(3),
        Fault::Errno(libc::ECONNABORTED),
    );
    run.inject(Call::Accept, Which::Nth(5), Fault::Errno(libc::EMFILE));
    let again = run.tracer().inject(Injection {
        call: Call::Read,
        on: On::Descriptor(4),
        which: Which::Nth(2),
        fault: Fault::Errno(libc::EAGAIN),
    });
    let no_fork = run.tracer().inject(Injection {
        call: Call::Fork,
        on: On::Anything,
        which: Which::First(1),
        fault: Fault::Errno(libc::EAGAIN),
    });
    run.tell("\n");
    run.wait_for(|record| record.call == Call::Fork && !record.is_in_progress());
    let output = run.output();
    let expected = "accept: EINTR\naccept: 1\naccept: ECONNABORTED\naccept: 1\naccept: EMFILE\naccept: 1\naccept: 1\n\
                    read: 97\nread: EAGAIN\nread: 98\nfork: EAGAIN\nfork: 1\npthread_create: 0\nspawn: 0\n";
    assert_eq!(output, expected, "{}", run.story());
    assert_eq!(
        (run.tracer().struck(again), run.tracer().withdraw(no_fork)),
        (1, 1)
    );
    let failed = run.expect("accept(3, NULL, NULL) = -1 ECONNABORTED");
    assert_eq!(failed.injected, Some(Fault::Errno(libc::ECONNABORTED)));
}

#[test]
fn a_fault_finds_its_object_under_any_number() {
    let mut run = Run::traced("reads_everywhere");
    run.wait_for(|record| record.call == Call::Read && record.descriptor == Some(0));
    let stdin = run.started.stdin.as_ref().unwrap().as_raw_fd();
    let Some(Object::Pipe(input)) = object(std::process::id() as i32, stdin) else {
        panic!("standard input is no pipe");
    };
    let fail = |on, errno| {
        run.tracer().inject(Injection {
            call: Call::Read,
            on,
            which: Which::First(2),
            fault: Fault::Errno(errno),
        })
    };
    let (sockets, pipe) = (
        fail(On::Sockets, libc::EINTR),
        fail(On::Pipe(input), libc::EIO),
    );
    run.tell("\n");
    assert_eq!(
        run.output(),
        "socket: EINTR\npipe: 1\ninput: EIO\ncopy: EIO\nsocket: EINTR\npipe: 1\ninput: 1\ncopy: 1\n",
        "{}",
        run.story()
    );
    let struck = |id| run.tracer().struck(id);
    assert_eq!((struck(sockets), struck(pipe)), (2, 2));
}

#[test]
fn a_call_that_copies_is_a_read_and_a_write() {
    let mut run = Run::traced("copies");
    run.wait_for(|record| record.call == Call::Read && record.descriptor == Some(0));
    // The pipes are 3 to 6, the file is 7.
    let ends = [(Call::Write, 6), (Call::Read, 7)];
    let injections = ends.map(|(call, descriptor)| {
        run.tracer().inject(Injection {
            call,
            on: On::Descriptor(descriptor),
            which: Which::First(1),
            fault: Fault::Errno(libc::EIO),
        })
    });
    run.tell("\n");
    assert_eq!(
        run.output(),
        "splice: EIO\nsplice: 1\nsendfile: EIO\nsendfile: 1\n",
        "{}",
        run.story()
    );
    assert_eq!(injections.map(|id| run.tracer().struck(id)), [1, 1]);
}

#[test]
fn nobody_locks_a_pipe_of_the_lab() {
    let run = same_as_untraced("splices_its_input", "y");
    let answer =
        "from standard input: EINVAL\nto standard output: EINVAL\nsplice: 1\nread: 1\nbyte: 121\n";
    let printed: String = run
        .records(Call::Write)
        .iter()
        .filter(|record| record.descriptor == Some(1))
        .filter_map(|record| record.data.as_ref())
        .map(|data| String::from_utf8_lossy(&data.start).into_owned())
        .collect();
    assert_eq!(printed, answer);
}

#[test]
fn a_fork_that_fails_is_a_thread_and_a_command_that_fail() {
    let mut run = Run::traced("fails");
    run.inject(Call::Fork, Which::Every, Fault::Errno(libc::EAGAIN));
    run.tell("\n");
    let output = run.output();
    assert!(
        output.ends_with("fork: EAGAIN\nfork: EAGAIN\npthread_create: EAGAIN\nspawn: 11\n"),
        "{output}"
    );
}

/// The signal comes in the window between the program's look at its flag and its sleep.
fn signal_before(way: &str, call: Call) -> Run {
    let mut run = Run::traced(way);
    run.inject(call, Which::Nth(1), Fault::Signal(libc::SIGTERM));
    run.tell("\n");
    run
}

#[test]
fn a_signal_before_a_pause_is_lost() {
    for (way, call) in [
        ("flag_then_pause", Call::Signal),
        ("flag_then_read", Call::Read),
    ] {
        // The line that starts it is read before by the same kind of call.
        let mut run = Run::traced(way);
        let on = match call {
            Call::Read => On::Descriptor(3),
            _ => On::Anything,
        };
        run.tracer().inject(Injection {
            call,
            on,
            which: Which::Nth(1),
            fault: Fault::Signal(libc::SIGTERM),
        });
        run.tell("\n");
        let pid = run.tracer().pid();
        let is_meant = |record: &Record| record.call == call && record.injected.is_some();
        let asleep = run.wait(|| {
            let threads = checker::observe::processes::Process::read(pid)?.thread_list();
            let record = run.tracer().records().into_iter().find(is_meant)?;
            (threads[0].state == 'S' && threads[0].sleep.is_some()).then_some(record)
        });
        assert!(asleep.is_in_progress(), "{}", run.story());
        // The handler has run; a second signal ends it.
        // SAFETY: takes two numbers.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        assert_eq!(run.output(), "flag: 1\n");
        run.wait(|| run.ending().success().then_some(()));
        let record = run.tracer().records().into_iter().find(is_meant).unwrap();
        assert_eq!(
            record.outcome,
            Outcome::Failed(libc::EINTR),
            "{}",
            run.story()
        );
    }
}

#[test]
fn a_signal_that_is_blocked_before_an_atomic_sleep_is_not_lost() {
    let mut run = signal_before("flag_then_sigsuspend", Call::Signal);
    assert_eq!(run.output(), "flag: 1\n");
    let mut run = signal_before("flag_then_ppoll", Call::Poll);
    assert_eq!(run.output(), "ppoll: EINTR\nflag: 1\n");
    assert!(run.ending().success());
}

#[test]
fn nobody_escapes_by_asking_for_it() {
    let run = same_as_untraced("clones_untraced", "");
    let child = run.expect("write(1, \"child: 7\\n\", 9) = 9");
    assert_ne!(child.pid, run.tracer().pid());
}

#[test]
fn what_would_hide_a_program_is_refused_and_recorded() {
    let mut run = Run::traced("hides");
    assert_eq!(
        run.output(),
        "seccomp: EPERM\nprctl: EPERM\nptrace: EPERM\nprocess_vm_readv: EPERM\nio_uring_setup: ENOSYS\n\
         prctl of no harm: 0\n"
    );
    assert!(run.ending().success());
    let records = run.tracer().records();
    let refused: Vec<&str> = records
        .iter()
        .filter(|record| record.refused)
        .map(|record| &*record.name)
        .collect();
    assert_eq!(
        refused,
        [
            "seccomp",
            "prctl",
            "ptrace",
            "process_vm_readv",
            "io_uring_setup"
        ]
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn calls_for_32_bits_are_refused_and_recorded() {
    let mut run = Run::traced("calls_for_32_bits");
    assert_eq!(run.output(), "getpid: ENOSYS\nx32: ENOSYS\ngoes on: 1\n");
    let foreign = run.records(Call::Foreign);
    assert_eq!(foreign.len(), 2);
    assert!(foreign.iter().all(|record| record.refused));
}

#[test]
fn storms_of_processes_are_followed() {
    let run = same_as_untraced("vfork_storm", "");
    assert_eq!(run.tracer().count(Call::Wait), 200);
}

#[test]
fn a_storm_of_threads_that_ends_at_any_moment_is_followed() {
    for _ in 0..100 {
        let run = Run::traced("thread_storm");
        assert_eq!(run.ending().code(), Some(9));
        run.tracer().end().unwrap();
        assert!(
            run.tracer()
                .records()
                .iter()
                .all(|record| !record.is_in_progress())
        );
    }
}

#[test]
fn a_hot_loop_leaves_its_last_calls() {
    let run = same_as_untraced("calls_often", "");
    assert!(run.tracer().count(Call::Close) >= 10_000 && run.tracer().records().len() <= 4200);
    run.expect("close(-1) = -1 EBADF");
    run.expect("write(1, \"done: 1\\n\", 8) = 8");
}

#[test]
fn a_program_sees_all_its_processors_and_keeps_its_choice() {
    let mut run = Run::traced("processors");
    run.tell("");
    let output = run.output();
    assert_eq!(output, untraced("processors", ""), "{}", run.story());
    assert!(output.ends_with("choice: 0\nchosen: 1 processors\nthere: 1\n"));
    assert!(run.records(Call::Processor).is_empty());
}

#[test]
fn a_script_runs() {
    let script = ARENA.folder().join("script");
    fs::write(&script, "#!/bin/sh\necho \"from a script\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let launch = Launch {
        traced: true,
        ..Launch::new([""; 0])
    };
    let mut run = Run {
        started: launch.start(&script, &ARENA).unwrap(),
    };
    assert_eq!(run.output(), "from a script\n");
    assert!(run.ending().success());
}

#[test]
fn an_ending_is_told() {
    let run = Run::traced("is_killed");
    assert_eq!(run.ending().signal(), Some(libc::SIGKILL));
    let run = Run::traced("unknown");
    assert_eq!(run.ending().code(), Some(2));
}

#[test]
fn a_program_that_cannot_start_is_an_error() {
    for traced in [false, true] {
        let launch = Launch {
            traced,
            ..Launch::new([""; 0])
        };
        let error = launch
            .start(&ARENA.folder().join("missing"), &ARENA)
            .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
        let error = launch.start(ARENA.folder(), &ARENA).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EACCES));
    }
}

/// In an arena with namespaces of its own, where processes have two numbers, and in the other kind.
#[test]
fn a_program_is_followed_in_its_own_namespaces() {
    // The fixture lies beside the tests.
    let tests = std::env::current_exe().unwrap();
    let fixture = tests.ancestors().nth(2).unwrap().join("examples/traced");
    for isolation in ["namespaces", "shared"] {
        let output = Command::new(&fixture)
            .arg(isolation)
            .arg(&*PROGRAMS)
            .arg("daemonizes")
            .output()
            .unwrap();
        if output.status.code() == Some(77) {
            continue;
        }
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{isolation}: {error}");
        let text = String::from_utf8(output.stdout).unwrap();
        let (daemon, calls) = text.split_once('\n').unwrap();
        let write = calls
            .lines()
            .find(|line| line.contains("write(1, "))
            .unwrap();
        let numbers: Vec<&str> = write.split(' ').take(2).collect();
        assert_eq!(numbers[1], daemon, "{text}");
        assert_eq!(numbers[0] == numbers[1], isolation == "shared", "{text}");
        assert!(text.ends_with("left: 0\n"), "{text}");
    }
}
