//! Lists measurements, in whatever pieces they come.

use std::{
    error::Error,
    io::{self, ErrorKind, Read},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut record = [0; 6];
    loop {
        match io::stdin().read_exact(&mut record) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            result => result?,
        }
        let [a, b, c, d, e, f] = record;
        let station = u16::from_be_bytes([a, b]);
        let value = u32::from_be_bytes([c, d, e, f]);
        println!("station {station}: {value}");
    }
}
