//! Greets its clients by name and number. Its handler tells how many have come.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process,
    sync::Mutex,
};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static VISITS: Mutex<u64> = Mutex::new(0);

extern "C" fn tell(_signal: libc::c_int) {
    println!("visits so far: {}", VISITS.lock().unwrap());
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    let handler = SigHandler::Handler(tell);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: none. A handler must not lock, and must not print.
    unsafe { sigaction(Signal::SIGUSR1, &action)? };
    println!("PID {}", process::id());
    loop {
        let (client, _) = listener.accept()?;
        let mut visits = VISITS.lock().unwrap();
        *visits += 1;
        greet(client, *visits)?;
    }
}

fn greet(mut client: TcpStream, number: u64) -> io::Result<()> {
    client.write_all(b"who are you?\n")?;
    let mut name = String::new();
    BufReader::new(&client).read_line(&mut name)?;
    client.write_all(format!("hello {}, number {number}\n", name.trim()).as_bytes())
}
