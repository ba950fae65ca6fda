//! Counts down for its clients. A handler sets a flag, and the main loop looks at it.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static ENDS: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_signal: libc::c_int) {
    ENDS.store(true, Relaxed);
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let handler = SigHandler::Handler(note);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the handler touches nothing but an atomic.
        unsafe { sigaction(signal, &action)? };
    }
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    while !ENDS.load(Relaxed) {
        let (client, _) = listener.accept()?;
        thread::spawn(move || count_down(&client));
    }
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
