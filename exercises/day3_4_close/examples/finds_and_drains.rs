//! Finds lines for clients: after the answer it ends its stream, and reads the client's to the end.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener};
use std::{env, error::Error, fs};

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
        io::copy(&mut client, &mut io::sink())?;
    }
}
