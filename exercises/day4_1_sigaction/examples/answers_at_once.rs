//! Greets its clients by name and number. A signal ends its wait for clients, and the main program answers.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::fd::{AsRawFd, FromRawFd},
    process,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::socket::{SockFlag, accept4};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_signal: libc::c_int) {
    ASKED.store(true, Relaxed);
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
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
        let number = match accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
            Err(Errno::EINTR) => continue,
            accepted => accepted?,
        };
        // SAFETY: accept4 has opened this descriptor, and nothing else in this process owns it.
        let client = unsafe { TcpStream::from_raw_fd(number) };
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
