//! Tells two clients what comes, and waits for neither of them.

use std::{env, error::Error, io, net::TcpListener, os::fd::AsRawFd};

use nix::sys::socket::{MsgFlags, send};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    let mut clients = vec![listener.accept()?.0, listener.accept()?.0];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    for line in io::stdin().lines() {
        let line = line? + "\n";
        clients.retain(|client| {
            let taken = send(client.as_raw_fd(), line.as_bytes(), flags);
            if let Err(errno) = taken {
                println!("lost: {errno:?}");
            }
            taken.is_ok()
        });
    }
    Ok(())
}
