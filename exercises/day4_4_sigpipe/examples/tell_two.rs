//! Tells two clients what comes. One that is lost does not end the other.

use std::io::{self, Write};
use std::{env, error::Error, net::TcpListener};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    let mut clients = vec![listener.accept()?.0, listener.accept()?.0];
    for line in io::stdin().lines() {
        let line = line? + "\n";
        clients.retain_mut(|client| {
            let taken = client.write_all(line.as_bytes());
            if let Err(error) = &taken {
                println!("lost: {error}");
            }
            taken.is_ok()
        });
    }
    Ok(())
}
