//! Asks a server of reversed messages five times on one connection, and says how long each answer took.

use std::{
    env,
    error::Error,
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let mut server = TcpStream::connect(address)?;
    for _ in 0..5 {
        let begin = Instant::now();
        server.write_all(b"\0\x05hello")?;
        let mut answer = [0; 7];
        server.read_exact(&mut answer)?;
        assert_eq!(&answer, b"\0\x05olleh");
        println!("{:.1} ms", begin.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(())
}
