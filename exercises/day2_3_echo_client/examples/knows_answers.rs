//! A server for experiments: answers line after line with its arguments. A `/` in an answer is half a second.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut answers = env::args().skip(1);
    let address = answers.next().ok_or("usage: ADDRESS:PORT ANSWER...")?;
    let answers: Vec<String> = answers.collect();
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (client, _) = listener.accept()?;
        // A client may go away at any moment, and the next one is served.
        let _ = serve(client, &answers);
    }
}

fn serve(mut client: TcpStream, answers: &[String]) -> io::Result<()> {
    let mut answers = answers.iter();
    for question in BufReader::new(client.try_clone()?).lines() {
        question?;
        let Some(answer) = answers.next() else {
            return Ok(());
        };
        for (i, piece) in answer.split('/').enumerate() {
            if i > 0 {
                thread::sleep(Duration::from_millis(500));
            }
            client.write_all(piece.as_bytes())?;
        }
    }
    client.write_all(b"good-bye\n")
}
