//! Shows the beginning of a file: one read, one write.

use std::{env, error::Error, io};

use nix::{
    fcntl::{OFlag, open},
    sys::stat::Mode,
    unistd::{read, write},
};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("give me a PATH")?;
    let file = open(path.as_str(), OFlag::O_RDONLY, Mode::empty())?;
    let mut buffer = [0; 16];
    read(&file, &mut buffer)?;
    write(io::stdout(), &buffer)?;
    Ok(())
}
