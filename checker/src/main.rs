//! The command line of the socket lab: see `checker --help`.

use std::process::ExitCode;

use checker::worker;

fn main() -> ExitCode {
    if let Some(status) = worker::dispatch(checker::JOBS) {
        return status;
    }
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match arguments.as_slice() {
        // The one that removes what builds leave, when submissions are graded.
        [_, command] if command == checker::grade::scratch::COMMAND => {
            match checker::grade::scratch::sweep() {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        _ => checker::cli::main(),
    }
}
