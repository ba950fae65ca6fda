//! The command line of the socket lab: see `checker --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match arguments.as_slice() {
        // The processes of tests, started by the checker itself.
        [_, command, isolation] if command == checker::runner::COMMAND => {
            match checker::runner::serve(isolation) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        // That of a demo, likewise.
        [_, command, isolation] if command == checker::showing::COMMAND => {
            match checker::showing::serve(isolation) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        // The one that removes what builds leave, when submissions are graded.
        [_, command] if command == checker::grade::scratch::COMMAND => {
            match checker::grade::scratch::sweep() {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        // Who watches over a build of somebody else's code.
        [_, command, sentence] if command == checker::arena::warden::COMMAND => {
            ExitCode::from(checker::arena::warden::run(sentence))
        }
        _ => checker::cli::main(),
    }
}
