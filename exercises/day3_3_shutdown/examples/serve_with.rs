//! Runs a command for each client: the connection is its standard input and its standard output.

use std::{env, error::Error, net::TcpListener, os::fd::OwnedFd, process::Command};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: ADDRESS:PORT COMMAND [ARGUMENT]...";
    let mut arguments = env::args().skip(1);
    let address = arguments.next().ok_or(usage)?;
    let program = arguments.next().ok_or(usage)?;
    let arguments: Vec<String> = arguments.collect();
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (client, _) = listener.accept()?;
        Command::new(&program)
            .args(&arguments)
            .stdin(OwnedFd::from(client.try_clone()?))
            .stdout(OwnedFd::from(client))
            .status()?;
    }
}
