//! Finds lines for clients: the first line of a request is a word, and what follows does not count.

use std::io::{BufRead, BufReader, Write};
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
        BufReader::new(&client).read_line(&mut word)?;
        let mut answer = String::new();
        for line in text.lines().filter(|line| line.contains(word.trim())) {
            answer += &format!("{line}\n");
        }
        client.write_all(answer.as_bytes())?;
    }
}
