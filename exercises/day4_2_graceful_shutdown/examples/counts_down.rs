//! Counts down from the number that its client sends, with a thread for each client.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
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
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line)?;
    let number: u32 = line.trim().parse().map_err(io::Error::other)?;
    for left in (0..=number).rev() {
        client.write_all(format!("{left}\n").as_bytes())?;
        thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}
