//! Asks a server each line of the input, and has one reader for all answers.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let mut server = TcpStream::connect(address)?;
    let mut answers = BufReader::new(server.try_clone()?);
    for question in io::stdin().lines() {
        let question = question? + "\n";
        server.write_all(question.as_bytes())?;
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        print!("{answer}");
    }
    Ok(())
}
