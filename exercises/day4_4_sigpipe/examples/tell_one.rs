//! Tells a client what comes: sends it each line of standard input.

use std::io::{self, Write};
use std::{env, error::Error, net::TcpListener};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    let (mut client, _) = listener.accept()?;
    for line in io::stdin().lines() {
        let line = line? + "\n";
        client.write_all(line.as_bytes())?;
        print!("sent {line}");
    }
    Ok(())
}
