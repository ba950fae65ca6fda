//! Counts down for its clients. At a signal it lets nobody in any more, and waits for those who are there.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd},
    sync::atomic::{AtomicI32, Ordering::Relaxed},
    thread,
};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::pipe2;

static WAKE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn note(_signal: libc::c_int) {
    let before = Errno::last();
    // SAFETY: write is async-signal-safe, and the byte lives.
    unsafe { libc::write(WAKE.load(Relaxed), b"!".as_ptr().cast(), 1) };
    before.set();
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let (woken, wake) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    WAKE.store(wake.as_raw_fd(), Relaxed);
    let handler = SigHandler::Handler(note);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the handler makes one call, and keeps errno.
        unsafe { sigaction(signal, &action)? };
    }
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    let mut threads = Vec::new();
    loop {
        let mut both = [
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(woken.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut both, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            ready => ready?,
        };
        if both[1].any() == Some(true) {
            break;
        }
        let (client, _) = listener.accept()?;
        threads.push(thread::spawn(move || count_down(&client)));
    }
    drop(listener);
    threads.retain(|thread| !thread.is_finished());
    println!("{} to come", threads.len());
    for thread in threads {
        let _ = thread.join();
    }
    println!("all done");
    Ok(())
}

fn count_down(mut client: &TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(client).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let number: u32 = first.trim().parse().map_err(io::Error::other)?;
    client.write_all(format!("{number}\n").as_bytes())?;
    for (left, enter) in (0..number).rev().zip(lines) {
        enter?;
        client.write_all(format!("{left}\n").as_bytes())?;
    }
    Ok(())
}
