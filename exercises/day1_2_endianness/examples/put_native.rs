//! Writes a measurement as 6 bytes: a station (16 bits) and a value (32 bits).

use std::{
    env,
    error::Error,
    io::{self, Write},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let station: u64 = arguments.next().ok_or("give me a STATION")?.parse()?;
    let value: u64 = arguments.next().ok_or("give me a VALUE")?.parse()?;

    let mut output = io::stdout();
    output.write_all(&(station as u16).to_ne_bytes())?;
    output.write_all(&(value as u32).to_ne_bytes())?;
    output.flush()?;
    Ok(())
}
