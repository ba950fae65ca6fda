//! Tells each client which address of this machine it has reached.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().ok_or("an address is missing")?;
    let address: SocketAddr = address.parse()?;
    let listener = TcpListener::bind(address)?;
    let name = listener.local_addr()?;
    println!("listening {name}");
    loop {
        let (mut client, _) = listener.accept()?;
        let here = name.ip();
        writeln!(client, "welcome, this is {here}")?;
    }
}
