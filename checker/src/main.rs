//! The command line of the socket lab: see `checker --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match arguments.as_slice() {
        // The process of one test, started by the checker itself.
        [_, command, order] if command == checker::runner::COMMAND => {
            match checker::runner::run_order(order) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        // The process of one demo, likewise.
        [_, command, order] if command == checker::showing::COMMAND => {
            match checker::showing::run_order(order) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        _ => checker::cli::main(),
    }
}
