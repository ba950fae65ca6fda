//! The reference signal counter: handlers only note, the main program does the work.

use std::{
    env,
    error::Error,
    io::{self, Write},
    mem, process,
    process::ExitCode,
    ptr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use libc::{SIGHUP, SIGINT, SIGRTMIN, SIGTERM, SIGUSR1, SIGUSR2, c_int, sighandler_t};
use nix::{errno::Errno, sys::signal::SigSet};

// A handler may run between any two instructions of `main`, so all that both touch is atomic. They share one thread:
// no other memory has to be put in order, and Relaxed is enough.
static USR1: AtomicUsize = AtomicUsize::new(0);
static USR2: AtomicUsize = AtomicUsize::new(0);
static REAL_TIME: AtomicUsize = AtomicUsize::new(0);
static END: AtomicBool = AtomicBool::new(false);

/// The handler of all signals. Atomic stores are async-signal-safe; `println!`, `Vec` and `Mutex` are not.
extern "C" fn note(signal: c_int) {
    match signal {
        SIGUSR1 => _ = USR1.fetch_add(1, Relaxed),
        SIGUSR2 => _ = USR2.fetch_add(1, Relaxed),
        SIGTERM | SIGINT => END.store(true, Relaxed),
        // The only one left. SIGRTMIN() is a call into the C library, and need not be made in a handler.
        _ => _ = REAL_TIME.fetch_add(1, Relaxed),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let arguments: Option<Vec<&str>> = arguments.iter().map(|word| word.to_str()).collect();
    let done = match arguments.as_deref() {
        Some([]) => count(),
        Some(["-t", number]) => match number.parse() {
            Ok(signal) => try_to_catch(signal),
            Err(_) => return usage(),
        },
        _ => return usage(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("day4_1_sigaction: {error}");
            ExitCode::from(1)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: day4_1_sigaction [-t NUMBER]");
    ExitCode::from(2)
}

fn count() -> Result<(), Box<dyn Error>> {
    // From here on signals stay pending, and are delivered only where this program waits for them. So none can slip
    // in between the look at END and the wait, which would then never end.
    SigSet::all().thread_block()?;
    for signal in [SIGUSR1, SIGUSR2, SIGRTMIN(), SIGTERM] {
        install(signal, note_handler())?;
    }
    // A shell starts `program &` with SIGINT ignored: Control-C is not meant for it, and it stays so.
    if disposition(SIGINT)? != libc::SIG_IGN {
        install(SIGINT, note_handler())?;
    }
    install(SIGHUP, libc::SIG_IGN)?;
    // Not earlier: a signal may come as soon as somebody has read this line.
    say(&format!("ready {}", process::id()))?;
    while !END.load(Relaxed) {
        // The empty mask, not the one the program was started with: that one may block the signals to be counted.
        SigSet::empty().suspend()?;
    }
    // sigsuspend promises that one handler has run, not that nothing is pending any more. Whatever was sent before
    // SIGTERM is delivered before this call returns.
    SigSet::empty().thread_set_mask()?;
    say(&format!(
        "usr1={} usr2={} rt={}",
        USR1.load(Relaxed),
        USR2.load(Relaxed),
        REAL_TIME.load(Relaxed)
    ))?;
    Ok(())
}

/// Does the kernel let this program catch the signal with this number?
fn try_to_catch(signal: c_int) -> Result<(), Box<dyn Error>> {
    match install(signal, note_handler()) {
        Ok(()) => say("ok")?,
        // EINVAL, by its name.
        Err(errno) => say(&format!("{errno:?}"))?,
    }
    Ok(())
}

/// A whole line, at once. Unlike `println!` this reports an error instead of a panic; EINTR is not an error to it.
fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

fn note_handler() -> sighandler_t {
    note as *const () as sighandler_t
}

/// sigaction(2) by number, because nix's `Signal` has no real-time signals. `handler` is a function or SIG_IGN.
fn install(signal: c_int, handler: sighandler_t) -> nix::Result<()> {
    // SAFETY: zeros are a valid sigaction (no flags, the default action, an empty mask).
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler;
    // A handler must not be a nuisance to calls which have nothing to do with it: they go on instead of EINTR.
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` outlives the call, and `note` is async-signal-safe.
    Errno::result(unsafe { libc::sigaction(signal, &action, ptr::null_mut()) }).map(drop)
}

/// What happens now when the signal comes.
fn disposition(signal: c_int) -> nix::Result<sighandler_t> {
    // SAFETY: as above; without a new action, sigaction(2) only tells the old one.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: `action` outlives the call.
    Errno::result(unsafe { libc::sigaction(signal, ptr::null(), &mut action) })?;
    Ok(action.sa_sigaction)
}
