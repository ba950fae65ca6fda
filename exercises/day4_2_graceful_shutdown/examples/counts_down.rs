//! Counts down from the number that its client sends, with a thread for each client.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (client, _) = listener.accept()?;
        thread::spawn(move || count_down(&client));
    }
}

fn count_down(mut client: &TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(client).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let number: u32 = first.trim().parse().map_err(io::Error::other)?;
    client.write_all(format!("{number}\n").as_bytes())?;
    for (left, enter) in (0..number).rev().zip(lines) {
        enter?;
        client.write_all(format!("{left}\n").as_bytes())?;
    }
    Ok(())
}
