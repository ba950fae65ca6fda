//! Lists measurements, and takes each read for a measurement.

use std::{error::Error, io};

use nix::unistd::read;

fn main() -> Result<(), Box<dyn Error>> {
    let mut record = [0; 6];
    loop {
        let n = read(io::stdin(), &mut record)?;
        if n == 0 {
            return Ok(());
        }
        let [a, b, c, d, e, f] = record;
        let station = u16::from_be_bytes([a, b]);
        let value = u32::from_be_bytes([c, d, e, f]);
        println!("station {station}: {value}");
    }
}
