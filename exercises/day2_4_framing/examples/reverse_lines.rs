//! Sends each message back reversed. A newline ends a message.

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (mut client, _) = listener.accept()?;
        let mut lines = BufReader::new(client.try_clone()?);
        loop {
            let mut message = Vec::new();
            if lines.read_until(b'\n', &mut message)? == 0 {
                break;
            }
            if message.last() == Some(&b'\n') {
                message.pop();
            }
            message.reverse();
            message.push(b'\n');
            client.write_all(&message)?;
        }
    }
}
