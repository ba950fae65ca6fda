//! The reference of {name}: {title}.

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    if env::args().len() > 1 {
        eprintln!("usage: {name}");
        return ExitCode::from(2);
    }
    match writeln!(io::stdout(), "ready") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::from(1)
        }
    }
}
