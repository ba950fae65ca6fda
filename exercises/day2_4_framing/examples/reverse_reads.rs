//! Sends each message back reversed, and takes what one read brings for a message.

use std::{
    env,
    error::Error,
    io::{Read, Write},
    net::TcpListener,
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (mut client, _) = listener.accept()?;
        let mut buffer = [0; 512];
        loop {
            let n = client.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            let message = &mut buffer[..n];
            message.reverse();
            client.write_all(message)?;
        }
    }
}
