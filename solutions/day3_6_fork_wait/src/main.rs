//! The reference: it runs the commands of a file, at most N at once, and tells how each one has ended.

use std::{
    collections::HashMap,
    env,
    error::Error,
    ffi::{CString, OsStr, OsString},
    fs,
    io::{self, Write},
    os::fd::OwnedFd,
    process::ExitCode,
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    sys::signal::{self, SigHandler, SigSet, Signal},
    unistd::{self, ForkResult, fork},
};

/// How a command has ended.
struct Ending {
    /// As its line says it: `exited 0`.
    text: String,
    is_success: bool,
}

/// How many commands have ended so far.
#[derive(Default)]
struct Count {
    ok: usize,
    failed: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let Some((most, file)) = parse(&arguments) else {
        eprintln!("usage: day3_6_fork_wait [-j N] FILE");
        return ExitCode::from(2);
    };
    match run_all(most, file) {
        Ok(count) if count.failed == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("day3_6_fork_wait: {error}");
            ExitCode::from(1)
        }
    }
}

/// How many commands may run at once, and the file in which they are.
fn parse(arguments: &[OsString]) -> Option<(usize, &OsStr)> {
    let (most, file) = match arguments {
        [file] => (1, file),
        [option, number, file] if option == "-j" => (number.to_str()?.parse().ok()?, file),
        _ => return None,
    };
    let is_option = file.as_encoded_bytes().starts_with(b"-");
    (most > 0 && !is_option).then_some((most, file))
}

fn run_all(most: usize, file: &OsStr) -> Result<Count, Box<dyn Error>> {
    let text = fs::read(file)?;
    forget_inherited_signals()?;
    let mut count = Count::default();
    // The line of each command that runs, by the PID of its process.
    let mut running = HashMap::new();
    for (number, words) in commands(&text) {
        while running.len() >= most {
            report_next(&mut running, &mut count)?;
        }
        match start(words) {
            Ok(pid) => drop(running.insert(pid, number)),
            Err(errno) => {
                count.failed += 1;
                print(&format!("{number} cannot run {errno:?}"))?;
            }
        }
    }
    while !running.is_empty() {
        report_next(&mut running, &mut count)?;
    }
    print(&format!("ok {} failed {}", count.ok, count.failed))?;
    Ok(count)
}

/// A line whose reader waits for it must not stay in a buffer. And what is in a buffer at fork would be in two.
fn print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// The mask of blocked signals, and what is ignored, come from the program that has started this one (execve(2)).
fn forget_inherited_signals() -> nix::Result<()> {
    // Where SIGCHLD is ignored, the kernel throws the statuses of children away, and waitpid fails with ECHILD.
    // SAFETY: there is no handler that this would take away.
    unsafe { signal::signal(Signal::SIGCHLD, SigHandler::SigDfl)? };
    // The commands inherit the mask in their turn.
    SigSet::empty().thread_set_mask()
}

/// The lines which hold words, with their numbers.
fn commands(text: &[u8]) -> impl Iterator<Item = (usize, Vec<&[u8]>)> {
    let lines = text.split(|&byte| byte == b'\n');
    (1..)
        .zip(lines.map(words))
        .filter(|(_, words)| !words.is_empty())
}

fn words(line: &[u8]) -> Vec<&[u8]> {
    let words = line.split(|byte| b" \t".contains(byte));
    // Between two blanks that follow each other, split finds an empty word.
    words.filter(|word| !word.is_empty()).collect()
}

/// Starts a command in a child, and returns when it runs: or else why it does not.
fn start(words: Vec<&[u8]>) -> nix::Result<libc::pid_t> {
    // Before fork: the child has as little to do as possible.
    let words: Result<Vec<CString>, _> = words.into_iter().map(CString::new).collect();
    let words = words.map_err(|_| Errno::EINVAL)?;
    // The child says through this pipe why exec has failed. If exec succeeds, O_CLOEXEC closes the child's end.
    let (reason, teller) = unistd::pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: this process has one thread, so the child finds no lock that another thread would have to open.
    match unsafe { fork()? } {
        ForkResult::Child => {
            let errno = become_command(&words);
            let _ = unistd::write(&teller, &(errno as i32).to_ne_bytes());
            // Not return: there would be two programs that read the rest of the file. Not exit: it would write what is
            // in the buffers, and these are copies of the parent's, which will write it, too.
            // SAFETY: _exit only ends this process.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => {
            // As long as this copy were open, the pipe would have no end.
            drop(teller);
            match read_errno(&reason)? {
                None => Ok(child.as_raw()),
                Some(errno) => {
                    wait_for(child.as_raw())?;
                    Err(errno)
                }
            }
        }
    }
}

/// Makes the command of this process. It returns only if that fails, with the reason.
fn become_command(words: &[CString]) -> Errno {
    // Rust ignores SIGPIPE, and exec leaves ignored what is ignored. Most commands rely on it to end them.
    // SAFETY: there is no handler that this would take away.
    match unsafe { signal::signal(Signal::SIGPIPE, SigHandler::SigDfl) } {
        Ok(_) => match unistd::execvp(&words[0], words) {
            Ok(never) => match never {},
            Err(errno) => errno,
        },
        Err(errno) => errno,
    }
}

/// What the child says about its exec: nothing if it has succeeded, and the end of the pipe comes.
fn read_errno(reason: &OwnedFd) -> nix::Result<Option<Errno>> {
    let mut bytes = [0; 4];
    loop {
        match unistd::read(reason, &mut bytes) {
            Ok(0) => return Ok(None),
            // A pipe gives so few bytes at once, as they were written.
            Ok(_) => return Ok(Some(Errno::from_raw(i32::from_ne_bytes(bytes)))),
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// Waits until one of the commands has ended, whichever it is, and prints its line.
fn report_next(
    running: &mut HashMap<libc::pid_t, usize>,
    count: &mut Count,
) -> Result<(), Box<dyn Error>> {
    let (pid, status) = wait_for(-1)?;
    // A child that is not ours: a program which has called exec may have left it to us.
    let Some(number) = running.remove(&pid) else {
        return Ok(());
    };
    let ending = Ending::of(status);
    match ending.is_success {
        true => count.ok += 1,
        false => count.failed += 1,
    }
    print(&format!("{number} {}", ending.text))?;
    Ok(())
}

/// Sleeps until this child has ended, or any child for -1; returns its PID and its status.
fn wait_for(pid: libc::pid_t) -> nix::Result<(libc::pid_t, libc::c_int)> {
    let mut status = 0;
    loop {
        // nix's waitpid has no name for a real-time signal which has killed a child: it returns EINVAL for it.
        // SAFETY: waitpid writes to `status` and to nothing else.
        match Errno::result(unsafe { libc::waitpid(pid, &mut status, 0) }) {
            Ok(pid) => return Ok((pid, status)),
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

impl Ending {
    /// The status holds one of two numbers, and the macros say which one it is. Without WUNTRACED nothing else comes.
    fn of(status: libc::c_int) -> Ending {
        let text = if libc::WIFEXITED(status) {
            format!("exited {}", libc::WEXITSTATUS(status))
        } else {
            format!("killed {}", libc::WTERMSIG(status))
        };
        Ending {
            text,
            is_success: libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
        }
    }
}
