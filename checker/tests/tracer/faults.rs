//! Faults that the tracer injects: they strike what is meant, and leave no trace.

use std::{
    os::{fd::AsRawFd, unix::process::ExitStatusExt},
    time::Instant,
};

use checker::observe::{
    calls::Call,
    descriptors::{Object, object},
    tracer::{CallOutcome, Fault, On, Record, Which},
};

use super::run::{Run, same_as_untraced, untraced, wait_until_readable};

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
fn a_scattered_write_that_the_kernel_refuses_is_not_cut() {
    let mut run = Run::traced("vectors_too_long");
    run.inject_on(
        On::Descriptor(4),
        Call::Write,
        Which::Every,
        Fault::Short(1),
    );
    run.tell("\n");
    assert_eq!(run.output(), untraced("vectors_too_long", "\n"));
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
fn what_cannot_wait_is_neither_cut_nor_interrupted() {
    for fault in [Fault::Short(2), Fault::Errno(libc::EINTR)] {
        let mut run = Run::traced("cannot_wait");
        // The program's own: what it says goes to another one.
        for number in 3..=7 {
            for call in [Call::Read, Call::Write] {
                run.inject_on(On::Descriptor(number), call, Which::Every, fault);
            }
        }
        run.tell("\n");
        let (event, socket) = match fault {
            Fault::Short(_) => ("8", "2"),
            _ => ("EINTR", "EINTR"),
        };
        let expected = format!(
            "pipe takes: 6\npipe gives: 6\nevent takes: 8\nevent gives: 8\nevent may wait: {event}\n\
             socket gives: 6\nsocket may wait: {socket}\n"
        );
        assert_eq!(run.output(), expected, "{fault:?}: {}", run.story());
    }
}

#[test]
fn a_call_that_returns_at_once_is_not_interrupted() {
    let mut run = Run::traced("returns_at_once");
    for call in [Call::Wait, Call::Poll] {
        run.inject(call, Which::Every, Fault::Errno(libc::EINTR));
    }
    run.tell("\n");
    let expected = "waitpid: 0\nwaitid: 0\nepoll_wait: 0\nepoll_wait 1: EINTR\npoll: EINTR\npoll for room: 1\n\
                    poll for data: EINTR\npoll where no room is: EINTR\nwaitpid may wait: EINTR\n";
    assert_eq!(run.output(), expected, "{}", run.story());
}

#[test]
fn a_call_that_is_short_enough_does_not_use_up_a_fault() {
    let mut run = Run::traced("reads_one_and_more");
    run.inject_on(
        On::Descriptor(3),
        Call::Read,
        Which::First(1),
        Fault::Short(3),
    );
    run.tell("\n");
    let expected = "read 1: 1\nread 6: 3\nread 3: 3\n";
    assert_eq!(run.output(), expected, "{}", run.story());
}

#[test]
fn whichever_thread_makes_a_call_is_stopped_before_it() {
    // The kernel chooses the thread which takes a signal of the process: not the same one each time.
    for _ in 0..20 {
        let mut run = Run::traced("writes_beside_a_thread");
        run.inject_on(
            On::Descriptor(1),
            Call::Write,
            Which::Nth(1),
            Fault::Signal(libc::SIGSTOP),
        );
        run.tell("\n");
        let pid = run.tracer().pid();
        run.wait(|| {
            let threads = checker::observe::processes::Process::read(pid)?.thread_list();
            let rest = threads.len() == 2
                && threads
                    .iter()
                    .all(|one| run.tracer().is_group_stopped(one.tid));
            rest.then_some(())
        });
        let stdout = run.started.stdout.as_ref().unwrap();
        assert!(
            !wait_until_readable(stdout, Instant::now()),
            "{}",
            run.story()
        );
        // SAFETY: takes two numbers. The process is there: it is stopped.
        unsafe { libc::kill(pid, libc::SIGCONT) };
        assert_eq!(run.output(), "hello: 1\n");
    }
}

#[test]
fn a_scattered_read_with_flags_is_a_read() {
    let run = same_as_untraced("vectors_with_flags", "\n");
    run.expect("pwritev2(4, *) = 6");
    run.expect("preadv2(3, *) = 6");
    let mut run = Run::traced("vectors_with_flags");
    for (call, number) in [(Call::Write, 4), (Call::Read, 3)] {
        run.inject_on(
            On::Descriptor(number),
            call,
            Which::Every,
            Fault::Short(4 - number as u64 % 2 * 2),
        );
    }
    run.tell("\n");
    assert_eq!(run.output(), "pwritev2: 4\npreadv2: 2\n", "{}", run.story());
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
    let again = run.inject_on(
        On::Descriptor(4),
        Call::Read,
        Which::Nth(2),
        Fault::Errno(libc::EAGAIN),
    );
    let no_fork = run.inject(Call::Fork, Which::First(1), Fault::Errno(libc::EAGAIN));
    run.tell("\n");
    run.wait_for(|record| record.call == Call::Fork && !record.is_in_progress());
    let output = run.output();
    let expected = "accept: EINTR\naccept: 1\naccept: ECONNABORTED\naccept: 1\naccept: EMFILE\naccept: 1\naccept: 1\n\
                    read: 97\nread: EAGAIN\nread: 98\nfork: EAGAIN\nfork: 1\npthread_create: 0\nspawn: 0\n";
    assert_eq!(output, expected, "{}", run.story());
    assert_eq!(
        (run.tracer().hits(again), run.tracer().withdraw(no_fork)),
        (1, 1)
    );
    let failed = run.expect("accept(3, NULL, NULL) = -1 ECONNABORTED");
    assert_eq!(failed.injected, Some(Fault::Errno(libc::ECONNABORTED)));
}

#[test]
fn a_fault_finds_its_object_under_any_number() {
    let mut run = Run::traced("reads_everywhere");
    run.wait_for(|record| record.call == Call::Read && record.descriptor() == Some(0));
    let stdin = run.started.stdin.as_ref().unwrap().as_raw_fd();
    let Some(Object::Pipe(input)) = object(std::process::id() as i32, stdin) else {
        panic!("standard input is no pipe");
    };
    let fail = |on, errno| run.inject_on(on, Call::Read, Which::First(2), Fault::Errno(errno));
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
    let struck = |id| run.tracer().hits(id);
    assert_eq!((struck(sockets), struck(pipe)), (2, 2));
}

#[test]
fn a_call_that_copies_is_a_read_and_a_write() {
    let mut run = Run::traced("copies");
    run.wait_for(|record| record.call == Call::Read && record.descriptor() == Some(0));
    // The pipes are 3 to 6, the file is 7.
    let ends = [(Call::Write, 6), (Call::Read, 7)];
    let injections = ends.map(|(call, descriptor)| {
        run.inject_on(
            On::Descriptor(descriptor),
            call,
            Which::First(1),
            Fault::Errno(libc::EIO),
        )
    });
    run.tell("\n");
    assert_eq!(
        run.output(),
        "splice: EIO\nsplice: 1\nsendfile: EIO\nsendfile: 1\n",
        "{}",
        run.story()
    );
    assert_eq!(injections.map(|id| run.tracer().hits(id)), [1, 1]);
}

#[test]
fn an_epipe_brings_sigpipe_where_the_kernel_sends_it() {
    let mut run = Run::traced("breaks_pipes");
    run.wait_for(|record| record.call == Call::Read && record.descriptor() == Some(0));
    // The same errors as those of the kernel, which its own EPIPE hits where the tracer does nothing.
    let injections = [4, 6, 7].map(|descriptor| {
        run.inject_on(
            On::Descriptor(descriptor),
            Call::Write,
            Which::Every,
            Fault::Errno(libc::EPIPE),
        )
    });
    run.tell("\n");
    let output = run.output();
    assert!(
        output.contains("write to a pipe: EPIPE\nsignals: 1\n"),
        "{output}"
    );
    assert_eq!(output, untraced("breaks_pipes", "\n"), "{}", run.story());
    assert_eq!(injections.map(|id| run.tracer().hits(id)), [4, 4, 1]);
    assert_eq!(run.ending().signal(), Some(libc::SIGPIPE));
}

#[test]
fn nobody_locks_a_pipe_of_the_lab() {
    let run = same_as_untraced("splices_its_input", "y");
    let answer =
        "from standard input: EINVAL\nto standard output: EINVAL\nsplice: 1\nread: 1\nbyte: 121\n";
    let printed: String = run
        .records(Call::Write)
        .iter()
        .filter(|record| record.descriptor() == Some(1))
        .filter_map(|record| record.data())
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
        run.inject_on(on, call, Which::Nth(1), Fault::Signal(libc::SIGTERM));
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
            CallOutcome::Failed(libc::EINTR),
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
