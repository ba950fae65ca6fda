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
        // The process of one build, and the one that removes what builds leave, when submissions are graded.
        [_, command, order] if command == checker::grade::builder::COMMAND => {
            checker::grade::builder::run_order(order)
        }
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
