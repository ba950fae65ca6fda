//! The commands for instructors, where the feature `instructor` is missing: they say how to get them.

use clap::Subcommand;

use super::CliError;
use crate::worker::Cancel;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    #[command(
        name = "verify",
        aliases = ["book", "exercise", "grade", "handout", "mistake"],
        hide = true,
        disable_help_flag = true
    )]
    NotBuilt {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
}

pub(super) fn run(command: Command, _: &Cancel) -> Result<u8, CliError> {
    let Command::NotBuilt { arguments: _ } = command;
    Err(CliError::Usage(
        "this command is for instructors, and not in the checker that students build; `cargo teach` has it, which is \
         short for `cargo run -q -p checker --features instructor --`"
            .to_owned(),
    ))
}
