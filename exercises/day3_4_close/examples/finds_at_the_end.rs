//! Finds lines for clients: reads a word to the end of the stream, and answers with the lines that contain it.

use std::io::{Read, Write};
use std::{env, error::Error, fs, net::TcpListener};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: ADDRESS:PORT FILE";
    let address = env::args().nth(1).ok_or(usage)?;
    let text = fs::read_to_string(env::args().nth(2).ok_or(usage)?)?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (mut client, _) = listener.accept()?;
        let mut word = String::new();
        client.read_to_string(&mut word)?;
        let mut answer = String::new();
        for line in text.lines().filter(|line| line.contains(word.trim())) {
            answer += &format!("{line}\n");
        }
        client.write_all(answer.as_bytes())?;
    }
}
