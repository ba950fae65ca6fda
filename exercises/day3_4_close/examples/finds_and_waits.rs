//! Finds lines for clients: waits for the end of the client's stream, but only a second for more of it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener};
use std::{env, error::Error, fs, time::Duration};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: ADDRESS:PORT FILE";
    let address = env::args().nth(1).ok_or(usage)?;
    let text = fs::read_to_string(env::args().nth(2).ok_or(usage)?)?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (mut client, _) = listener.accept()?;
        let mut word = String::new();
        BufReader::new(&client).read_line(&mut word)?;
        let mut answer = String::new();
        for line in text.lines().filter(|line| line.contains(word.trim())) {
            answer += &format!("{line}\n");
        }
        client.write_all(answer.as_bytes())?;
        client.shutdown(Shutdown::Write)?;
        client.set_read_timeout(Some(Duration::from_secs(1)))?;
        if let Err(error) = io::copy(&mut client, &mut io::sink()) {
            println!("no end of the request: {}", error.kind());
        }
    }
}
