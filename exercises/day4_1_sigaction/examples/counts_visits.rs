//! Greets its clients by name and number.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process,
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    println!("PID {}", process::id());
    let mut visits = 0;
    loop {
        let (client, _) = listener.accept()?;
        visits += 1;
        greet(client, visits)?;
    }
}

fn greet(mut client: TcpStream, number: u64) -> io::Result<()> {
    client.write_all(b"who are you?\n")?;
    let mut name = String::new();
    BufReader::new(&client).read_line(&mut name)?;
    client.write_all(format!("hello {}, number {number}\n", name.trim()).as_bytes())
}
