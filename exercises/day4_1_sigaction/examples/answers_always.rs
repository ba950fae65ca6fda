//! Greets its clients by name and number. It lets the signal come only while it waits, so it misses none.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    process,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_signal: libc::c_int) {
    ASKED.store(true, Relaxed);
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    SigSet::from(Signal::SIGUSR1).thread_block()?;
    let handler = SigHandler::Handler(note);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler touches nothing but an atomic.
    unsafe { sigaction(Signal::SIGUSR1, &action)? };
    println!("PID {}", process::id());
    let mut visits = 0;
    loop {
        if ASKED.swap(false, Relaxed) {
            println!("visits so far: {visits}");
        }
        let mut watched = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut watched, None, Some(SigSet::empty())) {
            Err(Errno::EINTR) => continue,
            ready => ready?,
        };
        let (client, _) = listener.accept()?;
        visits += 1;
        greet(client, visits)?;
    }
}

fn greet(mut client: TcpStream, number: u64) -> io::Result<()> {
    client.write_all(b"who are you?\n")?;
    let mut name = String::new();
    BufReader::new(&client).read_line(&mut name)?;
    client.write_all(format!("hello {}, number {number}\n", name.trim()).as_bytes())
}
