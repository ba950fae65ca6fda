//! Welcomes the clients on a list, and tells each which address of this machine it has reached.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut listeners = Vec::new();
    for _ in 0..2 {
        let address = arguments.next().ok_or("an address is missing")?;
        let address: SocketAddr = address.parse()?;
        listeners.push(TcpListener::bind(address)?);
    }
    let guests: Vec<IpAddr> = arguments
        .map(|guest| guest.parse())
        .collect::<Result<_, _>>()?;
    for listener in &listeners {
        println!("listening {}", listener.local_addr()?);
    }
    for listener in listeners.iter().cycle() {
        let (mut client, _) = listener.accept()?;
        let here = client.local_addr()?.ip().to_canonical();
        let you = client.peer_addr()?.ip().to_canonical();
        if guests.contains(&you) {
            writeln!(client, "welcome {you}, this is {here}")?;
        } else {
            writeln!(client, "{you} is not on the list")?;
        }
    }
    Ok(())
}
