//! Sends each message back reversed, until the client ends its stream between two messages.

use std::{
    env,
    error::Error,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (client, _) = listener.accept()?;
        serve(client)?;
    }
}

fn serve(mut client: TcpStream) -> io::Result<()> {
    loop {
        let mut header = [0; 2];
        if client.read(&mut header[..1])? == 0 {
            return Ok(());
        }
        client.read_exact(&mut header[1..])?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(header))];
        client.read_exact(&mut message)?;
        message.reverse();
        client.write_all(&header)?;
        client.write_all(&message)?;
    }
}
