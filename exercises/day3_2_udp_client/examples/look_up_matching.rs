//! Asks a directory for the number of each name, three times if no answer to it comes.

use std::os::fd::{AsRawFd, OwnedFd};
use std::{env, error::Error};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, connect, recv, send, socket,
};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

/// One try: asks, and waits for an answer about this name.
fn ask(client: &OwnedFd, name: &str) -> nix::Result<Option<String>> {
    let mut buffer = [0; 64];
    send(client.as_raw_fd(), name.as_bytes(), MsgFlags::empty())?;
    loop {
        match recv(client.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Ok(bytes) => {
                let answer = String::from_utf8_lossy(&buffer[..bytes]);
                if answer.split(' ').next() == Some(name) {
                    return Ok(Some(answer.into()));
                }
            }
            Err(Errno::EAGAIN) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let server = arguments.next().ok_or("usage: ADDRESS:PORT NAME...")?;
    let server: SockaddrIn = server.parse()?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let client = socket(AddressFamily::Inet, SockType::Datagram, flags, None)?;
    connect(client.as_raw_fd(), &server)?;
    let patience = TimeVal::milliseconds(300);
    setsockopt(&client, sockopt::ReceiveTimeout, &patience)?;
    for name in arguments {
        let mut tries = 1;
        let answer = loop {
            match ask(&client, &name)? {
                Some(answer) => break answer,
                None if tries == 3 => return Err(format!("no answer for {name}").into()),
                None => tries += 1,
            }
        };
        println!("{answer} (tries: {tries})");
    }
    Ok(())
}
