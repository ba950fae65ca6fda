//! The command line of the socket lab: see `checker --help`.

use std::process::ExitCode;

use checker::{JOBS, cli, worker};

fn main() -> ExitCode {
    worker::dispatch(JOBS).unwrap_or_else(cli::main)
}
