//! Signals: what may be caught, what merges, what comes first, and what a program inherits.

use std::{
    ptr,
    sync::atomic::{AtomicI32, AtomicI64, Ordering::Relaxed},
};

use nix::{
    errno::Errno,
    sys::signal::{SaFlags, SigSet, SigmaskHow, Signal, raise, sigprocmask},
    unistd::{self, alarm},
};

use super::{Demo, Needs};
use crate::demo_context::{DemoContext, DemoResult, ProcessEnd, sleep_for_ever};
use harness::{
    failure::{Attempt, LabError},
    observe::processes::Process,
    sys,
};

pub const DEMO: Demo = Demo {
    name: "signal",
    day: 4,
    question: "Which signals can be caught, which merge, which comes first, and which are inherited?",
    read: "From kill to the handler",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    default_actions(demo)?;
    refused(demo)?;
    flags_of_signal(demo)?;
    once(demo)?;
    nested(demo)?;
    merged(demo)?;
    order(demo)?;
    ignored(demo)?;
    inherited(demo)?;
    timer(demo)
}

const DO: &str = "could not set up a signal";

/// How often a handler has run, how many of its runs have begun and not ended, and the most of these.
static RUNS: AtomicI32 = AtomicI32::new(0);
static DEPTH: AtomicI32 = AtomicI32::new(0);
static DEEPEST: AtomicI32 = AtomicI32::new(0);
/// The signals whose handlers have run, two digits each.
static ORDER: AtomicI64 = AtomicI64::new(0);
/// The values that came with signals, a digit each.
static VALUES: AtomicI32 = AtomicI32::new(0);

extern "C" fn count(_: libc::c_int) {
    RUNS.fetch_add(1, Relaxed);
}

extern "C" fn raise_again(signal: libc::c_int) {
    DEEPEST.fetch_max(1 + DEPTH.fetch_add(1, Relaxed), Relaxed);
    if RUNS.fetch_add(1, Relaxed) == 0 {
        // SAFETY: raise is async-signal-safe.
        unsafe { libc::raise(signal) };
    }
    DEPTH.fetch_sub(1, Relaxed);
}

extern "C" fn note(signal: libc::c_int) {
    ORDER.store(ORDER.load(Relaxed) * 100 + i64::from(signal), Relaxed);
}

extern "C" fn note_value(_: libc::c_int, what: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel gives a pointer to what it knows about the signal, which was sent with a value.
    let value = unsafe { (*what).si_value().sival_ptr } as usize as i32;
    RUNS.fetch_add(1, Relaxed);
    VALUES.store(VALUES.load(Relaxed) * 10 + value, Relaxed);
}

/// sigaction(2) by number, also for real-time signals. `handler` is a function or SIG_IGN; its mask is empty, or full.
fn set(
    signal: i32,
    handler: libc::sighandler_t,
    flags: libc::c_int,
    mask: &SigSet,
) -> nix::Result<()> {
    let mut action: libc::sigaction = plain_action();
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    action.sa_mask = *mask.as_ref();
    // SAFETY: the action outlives the call, and the handlers of this file are async-signal-safe.
    Errno::result(unsafe { libc::sigaction(signal, &action, ptr::null_mut()) }).map(drop)
}

fn plain_action() -> libc::sigaction {
    // SAFETY: zeros are a valid sigaction: no flags, the default action, an empty mask.
    unsafe { std::mem::zeroed() }
}

fn handler(function: extern "C" fn(libc::c_int)) -> libc::sighandler_t {
    function as *const () as libc::sighandler_t
}

fn flags_now(signal: i32) -> nix::Result<libc::c_int> {
    let mut now = plain_action();
    // SAFETY: the action outlives the call; without a new one, it only tells the old one.
    Errno::result(unsafe { libc::sigaction(signal, ptr::null(), &mut now) })?;
    Ok(now.sa_flags)
}

fn catch(signal: Signal, function: extern "C" fn(libc::c_int), flags: SaFlags) -> DemoResult {
    set(
        signal as i32,
        handler(function),
        flags.bits(),
        &SigSet::empty(),
    )
    .attempt(DO)
}

fn block_all(how: SigmaskHow) -> DemoResult {
    sigprocmask(how, Some(&SigSet::all()), None).attempt(DO)
}

fn send(signal: i32) -> DemoResult {
    sys::kill(unistd::getpid().as_raw(), signal).attempt("could not send a signal")
}

/// What a signal does to a process that sleeps and has no handler for it.
fn action_of(demo: &DemoContext, signal: Signal) -> DemoResult<&'static str> {
    let mut process = demo.start(|| {
        // SIGSTOP refuses this, and has its default action anyway.
        let _ = set(signal as i32, libc::SIG_DFL, 0, &SigSet::empty());
        sleep_for_ever()
    })?;
    demo.wait_until_asleep(&process)?;
    process.signal(signal)?;
    if signal == Signal::SIGSTOP {
        let stopped = || {
            let seen = Process::read(process.id());
            Ok(seen.is_some_and(|one| one.state == 'T').then_some(()))
        };
        return Ok(demo.wait_for(&[], stopped)?.map_or("nothing", |()| "stops"));
    }
    // If the first one does nothing, the second one ends it.
    process.signal(Signal::SIGVTALRM)?;
    Ok(match demo.ending(&mut process)? {
        ProcessEnd::Killed(killer) if killer == signal as i32 => "ends",
        ProcessEnd::Killed(libc::SIGVTALRM) => "nothing",
        _ => "something else",
    })
}

fn default_actions(demo: &mut DemoContext) -> DemoResult {
    use Signal::*;
    demo.does("processes without handlers sleep, and each gets a signal");
    for (names, signals, expected) in [
        (
            "SIGHUP, SIGINT, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM",
            &[SIGHUP, SIGINT, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM][..],
            "ends",
        ),
        (
            "SIGCHLD, SIGCONT, SIGURG, SIGWINCH",
            &[SIGCHLD, SIGCONT, SIGURG, SIGWINCH],
            "nothing",
        ),
        ("SIGSTOP", &[SIGSTOP], "stops"),
    ] {
        let mut seen = Vec::new();
        for signal in signals {
            seen.push(action_of(demo, *signal)?);
        }
        seen.dedup();
        demo.expect(names, vec![expected], seen);
    }
    Ok(())
}

fn refused(demo: &mut DemoContext) -> DemoResult {
    demo.does("install a handler, and SIG_IGN, for signals that do not allow it");
    let no_mask = SigSet::empty();
    let [by_handler, ignored, reserved] = demo.numbers_of(|| {
        let errnos = |signals: &[i32], what: libc::sighandler_t| {
            let refused = |signal: &&i32| set(**signal, what, 0, &no_mask) == Err(Errno::EINVAL);
            signals.iter().filter(refused).count() as i32
        };
        let both = [libc::SIGKILL, libc::SIGSTOP];
        Ok([
            errnos(&both, handler(count)),
            errnos(&both, libc::SIG_IGN),
            errnos(&[32, 33], handler(count)),
        ])
    })?;
    demo.expect(
        "SIGKILL and SIGSTOP are EINVAL, a handler and SIG_IGN",
        (2, 2),
        (by_handler, ignored),
    );
    if cfg!(target_env = "gnu") {
        demo.expect("so are 32 and 33, with the GNU C library", 2, reserved);
    }
    demo.does("block all signals; a second look at the mask");
    let [kill, stop, term] = demo.numbers_of(|| {
        block_all(SigmaskHow::SIG_BLOCK)?;
        let now = SigSet::thread_get_mask().attempt(DO)?;
        let of = [Signal::SIGKILL, Signal::SIGSTOP, Signal::SIGTERM];
        Ok(of.map(|signal| i32::from(now.contains(signal))))
    })?;
    demo.expect("SIGTERM is blocked", true, term == 1);
    demo.expect(
        "SIGKILL, SIGSTOP are",
        (false, false),
        (kill == 1, stop == 1),
    );
    Ok(())
}

#[cfg(target_env = "gnu")]
unsafe extern "C" {
    /// signal(2) with the meaning of System V.
    fn sysv_signal(signal: libc::c_int, handler: libc::sighandler_t) -> libc::sighandler_t;
}

fn flags_of_signal(demo: &mut DemoContext) -> DemoResult {
    demo.does("signal(2) installs a handler; then sigaction tells what that was");
    let flags = |[flags]: [i32; 1]| {
        [libc::SA_RESTART, libc::SA_RESETHAND, libc::SA_NODEFER].map(|flag| flags & flag != 0)
    };
    let of_signal = demo.numbers_of(|| {
        // SAFETY: the handler touches nothing but an atomic.
        unsafe { libc::signal(libc::SIGUSR1, handler(count)) };
        Ok([flags_now(libc::SIGUSR1).attempt(DO)?])
    })?;
    let [restarts, resets, nests] = flags(of_signal);
    demo.expect("it has SA_RESTART", true, restarts);
    demo.expect("SA_RESETHAND, SA_NODEFER", (false, false), (resets, nests));
    #[cfg(target_env = "gnu")]
    {
        demo.does("the same with sysv_signal(3), which is signal for gcc -std=c11");
        let of_signal = demo.numbers_of(|| {
            // SAFETY: as above.
            unsafe { sysv_signal(libc::SIGUSR1, handler(count)) };
            Ok([flags_now(libc::SIGUSR1).attempt(DO)?])
        })?;
        let [restarts, resets, nests] = flags(of_signal);
        demo.expect("it has SA_RESTART", false, restarts);
        demo.expect("SA_RESETHAND, SA_NODEFER", (true, true), (resets, nests));
    }
    Ok(())
}

fn once(demo: &mut DemoContext) -> DemoResult {
    demo.does("a process gets SIGUSR1 twice; its handler has no flags");
    let [runs] = demo.numbers_of(|| {
        catch(Signal::SIGUSR1, count, SaFlags::empty())?;
        send(libc::SIGUSR1)?;
        send(libc::SIGUSR1)?;
        Ok([RUNS.load(Relaxed)])
    })?;
    demo.expect("the handler stays, and runs", 2, runs);
    demo.does("the same with SA_RESETHAND");
    let mut process = demo.start(|| {
        let set = catch(Signal::SIGUSR1, count, SaFlags::SA_RESETHAND);
        let sent = set.and_then(|()| send(libc::SIGUSR1));
        i32::from(sent.and_then(|()| send(libc::SIGUSR1)).is_err())
    })?;
    demo.expect(
        "the second one finds the default",
        ProcessEnd::Killed(libc::SIGUSR1),
        demo.ending(&mut process)?,
    );
    Ok(())
}

fn nested(demo: &mut DemoContext) -> DemoResult {
    demo.does("a handler raises its own signal once; without flags, and with SA_NODEFER");
    for (flags, depth) in [(SaFlags::empty(), 1), (SaFlags::SA_NODEFER, 2)] {
        let [runs, deepest] = demo.numbers_of(|| {
            catch(Signal::SIGUSR1, raise_again, flags)?;
            raise(Signal::SIGUSR1).attempt(DO)?;
            Ok([RUNS.load(Relaxed), DEEPEST.load(Relaxed)])
        })?;
        let name = "it runs twice, so many at a time";
        demo.expect(name, (2, depth), (runs, deepest));
    }
    Ok(())
}

fn merged(demo: &mut DemoContext) -> DemoResult {
    demo.does("five times SIGUSR1 and five times SIGRTMIN, while both are blocked; then unblock");
    let [pending, of_standard, of_real_time, values] = demo.numbers_of(|| {
        catch(Signal::SIGUSR1, count, SaFlags::empty())?;
        let with_value = note_value as *const () as libc::sighandler_t;
        let own = unistd::getpid().as_raw();
        set(
            libc::SIGRTMIN(),
            with_value,
            libc::SA_SIGINFO,
            &SigSet::empty(),
        )
        .attempt(DO)?;
        block_all(SigmaskHow::SIG_BLOCK)?;
        for value in 1..=5_usize {
            send(libc::SIGUSR1)?;
            let value = libc::sigval {
                sival_ptr: ptr::without_provenance_mut(value),
            };
            // SAFETY: the value is a number, and nobody follows it.
            Errno::result(unsafe { libc::sigqueue(own, libc::SIGRTMIN(), value) }).attempt(DO)?;
        }
        let is_pending = is_pending(Signal::SIGUSR1)?;
        let usr1 = SigSet::from(Signal::SIGUSR1);
        sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&usr1), None).attempt(DO)?;
        let of_standard = RUNS.swap(0, Relaxed);
        block_all(SigmaskHow::SIG_UNBLOCK)?;
        let of_real_time = RUNS.load(Relaxed);
        Ok([
            i32::from(is_pending),
            of_standard,
            of_real_time,
            VALUES.load(Relaxed),
        ])
    })?;
    demo.expect("SIGUSR1 is pending", true, pending == 1);
    demo.expect("its handler runs", 1, of_standard);
    demo.expect("that of SIGRTMIN runs", 5, of_real_time);
    demo.expect("with the values 1 to 5 in this order", 12345, values);
    Ok(())
}

fn is_pending(signal: Signal) -> DemoResult<bool> {
    let mut set = *SigSet::empty().as_ref();
    // SAFETY: the set outlives the call.
    Errno::result(unsafe { libc::sigpending(&mut set) }).attempt(DO)?;
    // SAFETY: sigpending has filled the set.
    Ok(unsafe { SigSet::from_sigset_t_unchecked(set) }.contains(signal))
}

/// The signals in the order in which their handlers run, when all of them are pending at once.
fn order_of(demo: &DemoContext, sent: &[i32], mask: SigSet) -> DemoResult<Vec<i32>> {
    let [high, low] = demo.numbers_of(|| {
        for signal in sent {
            set(*signal, handler(note), 0, &mask).attempt(DO)?;
        }
        block_all(SigmaskHow::SIG_BLOCK)?;
        sent.iter().try_for_each(|signal| send(*signal))?;
        block_all(SigmaskHow::SIG_UNBLOCK)?;
        let order = ORDER.load(Relaxed);
        Ok([(order / 10_000) as i32, (order % 10_000) as i32])
    })?;
    let digits = i64::from(high) * 10_000 + i64::from(low);
    let each = (0..4)
        .rev()
        .map(|place| (digits / 100_i64.pow(place) % 100) as i32);
    Ok(each.filter(|signal| *signal > 0).collect())
}

fn order(demo: &mut DemoContext) -> DemoResult {
    let real_time = libc::SIGRTMIN();
    let sent = [real_time, libc::SIGTERM, libc::SIGUSR1];
    demo.does("SIGRTMIN, SIGTERM, SIGUSR1 are pending; their handlers block everything (sa_mask)");
    let seen = order_of(demo, &sent, SigSet::all())?;
    let rising = vec![libc::SIGUSR1, libc::SIGTERM, real_time];
    demo.expect("the lowest number runs first", rising, seen);
    demo.does("the same; sa_mask is empty");
    let seen = order_of(demo, &sent, SigSet::empty())?;
    let falling = vec![real_time, libc::SIGTERM, libc::SIGUSR1];
    demo.expect("each interrupts the one before", falling, seen);
    demo.does("SIGHUP and SIGSEGV are pending; sa_mask is full");
    let seen = order_of(demo, &[libc::SIGHUP, libc::SIGSEGV], SigSet::all())?;
    let synchronous_first = vec![libc::SIGSEGV, libc::SIGHUP];
    demo.expect("the synchronous one runs first", synchronous_first, seen);
    Ok(())
}

fn ignored(demo: &mut DemoContext) -> DemoResult {
    demo.does("SIGUSR1 is ignored and comes; once more while it is blocked, too");
    let [open, blocked, discarded] = demo.numbers_of(|| {
        let ignore = || set(libc::SIGUSR1, libc::SIG_IGN, 0, &SigSet::empty()).attempt(DO);
        ignore()?;
        send(libc::SIGUSR1)?;
        let open = is_pending(Signal::SIGUSR1)?;
        block_all(SigmaskHow::SIG_BLOCK)?;
        send(libc::SIGUSR1)?;
        let blocked = is_pending(Signal::SIGUSR1)?;
        ignore()?;
        Ok([open, blocked, !is_pending(Signal::SIGUSR1)?].map(i32::from))
    })?;
    demo.expect("it is pending", (false, true), (open == 1, blocked == 1));
    demo.expect("SIG_IGN discards what is pending", true, discarded == 1);
    Ok(())
}

fn inherited(demo: &mut DemoContext) -> DemoResult {
    demo.does(
        "catch SIGUSR1, ignore SIGUSR2, block SIGTERM, send it; then exec cat /proc/self/status",
    );
    let (status, _) = demo.output_of(|| {
        let prepare = || {
            set(libc::SIGUSR2, libc::SIG_IGN, 0, &SigSet::empty()).attempt(DO)?;
            catch(Signal::SIGUSR1, count, SaFlags::empty())?;
            let term = SigSet::from(Signal::SIGTERM);
            sigprocmask(SigmaskHow::SIG_SETMASK, Some(&term), None).attempt(DO)?;
            send(libc::SIGTERM)
        };
        if prepare().is_ok() {
            let _ = unistd::execvp(c"cat", &[c"cat", c"/proc/self/status"]);
        }
        1
    })?;
    let has = |set: &str, signal: i32| {
        let line = status.lines().find_map(|line| line.strip_prefix(set));
        let bits = line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
        bits.is_some_and(|bits| bits >> (signal - 1) & 1 == 1)
    };
    demo.expect("the handler is gone", false, has("SigCgt:", libc::SIGUSR1));
    demo.expect(
        "SIGUSR2 is still ignored",
        true,
        has("SigIgn:", libc::SIGUSR2),
    );
    demo.expect(
        "SIGTERM is still blocked",
        true,
        has("SigBlk:", libc::SIGTERM),
    );
    demo.expect("… and pending", true, has("ShdPnd:", libc::SIGTERM));
    demo.does("a signal is pending; fork");
    let [in_child] = demo.numbers_of(|| {
        block_all(SigmaskHow::SIG_BLOCK)?;
        send(libc::SIGTERM)?;
        let mut child = demo.start(|| match is_pending(Signal::SIGTERM) {
            Ok(is_pending) => i32::from(is_pending),
            Err(_) => 2,
        })?;
        match demo.ending(&mut child)? {
            ProcessEnd::Exited(status) => Ok([status]),
            _ => Err(LabError::new(DO)),
        }
    })?;
    demo.expect("it is pending in the child", false, in_child == 1);
    Ok(())
}

fn timer(demo: &mut DemoContext) -> DemoResult {
    demo.does("alarm(500), then alarm(100), then fork, then alarm(0)");
    let [second, in_child, last] = demo.numbers_of(|| {
        alarm::set(500);
        let second = alarm::set(100);
        let mut child = demo.start(|| i32::from(alarm::cancel().is_some()))?;
        let in_child = match demo.ending(&mut child)? {
            ProcessEnd::Exited(status) => status,
            _ => return Err(LabError::new(DO)),
        };
        let seconds = |left: Option<u32>| left.map_or(0, |left| left as i32);
        Ok([seconds(second), in_child, seconds(alarm::cancel())])
    })?;
    demo.expect_within("there is one timer: alarm(100) returns", 400, 500, second);
    demo.expect_within("alarm(0) returns", 1, 100, last);
    demo.expect("the child has one", false, in_child == 1);
    Ok(())
}
