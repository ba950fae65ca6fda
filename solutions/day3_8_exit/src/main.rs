//! The reference for "once only": a parent and its children write one line, and each part of it appears once.

use std::{
    env,
    ffi::OsStr,
    io::{self, Write},
    os::unix::process::ExitStatusExt,
    panic,
    process::{ExitCode, ExitStatus},
};

use nix::{
    errno::Errno,
    unistd::{ForkResult, fork},
};

/// What a child is for.
#[derive(Clone, Copy)]
enum Task {
    /// To print this number, and to leave it as its exit status.
    Leave(u16),
    Panic,
}

fn main() -> ExitCode {
    let Some(tasks) = env::args_os().skip(1).map(|word| task(&word)).collect() else {
        eprintln!("usage: day3_8_exit [NUMBER|panic]...");
        return ExitCode::from(2);
    };
    match run(tasks) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("day3_8_exit: {error}");
            ExitCode::from(1)
        }
    }
    // Rust's runtime calls exit with this code. exit runs `bye`.
}

fn task(word: &OsStr) -> Option<Task> {
    let word = word.to_str()?;
    if word == "panic" {
        return Some(Task::Panic);
    }
    // parse takes a + before the digits, too.
    let is_plain = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|_| is_plain).map(Task::Leave)
}

fn run(tasks: Vec<Task>) -> io::Result<ExitCode> {
    // SAFETY: `bye` needs nothing that could be gone when exit calls it, and it does not unwind.
    if unsafe { libc::atexit(bye) } != 0 {
        return Err(io::Error::other("atexit has no room for a function"));
    }
    // print flushes: of what stays in the buffer now, each child would write a copy.
    print("start")?;
    let mut code = ExitCode::SUCCESS;
    for task in tasks {
        // SAFETY: this process has one thread, so the child finds no lock that another thread would have to open.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => be_a_child(task),
            Ok(ForkResult::Parent { .. }) => (),
            Err(errno) => {
                eprintln!("day3_8_exit: cannot fork: {errno}");
                code = ExitCode::from(1);
                break;
            }
        }
    }
    let mut sum = 0;
    while let Some(status) = collect()? {
        match status.code() {
            Some(status) => sum += status,
            None => {
                eprintln!("day3_8_exit: a child was lost: {status}");
                code = ExitCode::from(1);
            }
        }
    }
    print(&format!(" sum {sum}\n"))?;
    Ok(code)
}

/// The last word of the parent. No panic may leave a function that C calls, so this is neither println! nor eprintln!.
/// exit has its status already: only _exit can change it.
extern "C" fn bye() {
    if let Err(error) = writeln!(io::stdout(), "bye") {
        let _ = writeln!(io::stderr(), "day3_8_exit: bye: {error}");
        // SAFETY: _exit only ends this process.
        unsafe { libc::_exit(1) }
    }
}

/// Prints a text now, with no other text of this program inside: it is one write, if the kernel takes all of it.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// The child's whole life. It never goes back into the parent's code, be it by a panic.
fn be_a_child(task: Task) -> ! {
    let status = panic::catch_unwind(|| perform(task)).unwrap_or(101);
    // Not exit: that would run `bye`, too.
    // SAFETY: _exit only ends this process.
    unsafe { libc::_exit(status) }
}

/// Returns the exit status.
fn perform(task: Task) -> libc::c_int {
    let Task::Leave(number) = task else {
        panic!("the argument asks for it");
    };
    // _exit would throw away what is in the buffer.
    match print(&format!(" {number}")) {
        Ok(()) => number.into(),
        Err(error) => {
            eprintln!("day3_8_exit: the child of {number}: {error}");
            1
        }
    }
}

/// Waits until one more child has ended, and tells how. `None` if there is no child any more.
fn collect() -> io::Result<Option<ExitStatus>> {
    let mut status = 0;
    loop {
        // nix's wait has no name for a real-time signal which has killed a child: it returns EINVAL for it.
        // SAFETY: wait writes to `status` and to nothing else.
        match Errno::result(unsafe { libc::wait(&mut status) }) {
            Ok(_) => return Ok(Some(ExitStatus::from_raw(status))),
            Err(Errno::ECHILD) => return Ok(None),
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno.into()),
        }
    }
}
