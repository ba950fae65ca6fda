//! Asks a server each line of the input, and reads to the server's end after its own.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, TcpStream},
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
        if !answer.ends_with('\n') {
            return Err("the server ended before its answer was complete".into());
        }
        print!("{answer}");
    }
    server.shutdown(Shutdown::Write)?;
    io::copy(&mut answers, &mut io::stdout())?;
    Ok(())
}
