//! `checker completions`: scripts for shells, and what they ask for.

use std::env;

use clap::{Args, CommandFactory, ValueEnum};

use super::{Cli, CliError, exit, terminal::say};
use crate::{completion, failure::LabError, report::sanitize::clean};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which shell [default: tell how to install them]
    shell: Option<Shell>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
pub(super) struct Question {
    /// The words of the command line behind `lab`; the last is not complete
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    words: Vec<String>,
}

const HOW_TO_INSTALL: &str = "\
To complete `cargo lab` and `lab` with the Tab key, type for your shell, and open a new terminal:

bash
  cargo lab completions bash > ~/.lab-completion.bash
  echo '. ~/.lab-completion.bash' >> ~/.bashrc

zsh, where ~/.zshrc calls compinit
  cargo lab completions zsh > ~/.lab-completion.zsh
  echo '. ~/.lab-completion.zsh' >> ~/.zshrc

fish
  mkdir -p ~/.config/fish/conf.d
  cargo lab completions fish > ~/.config/fish/conf.d/lab.fish

All else of cargo is completed as before. To type less, have an alias in the same file:
  alias lab='cargo lab'
";

/// Prints the script, or how to install it.
pub(super) fn run(arguments: &Arguments) -> Result<u8, CliError> {
    let Some(shell) = arguments.shell else {
        say(HOW_TO_INSTALL)?;
        return Ok(exit::PASSED);
    };
    let script = match shell {
        Shell::Bash => include_str!("completions/bash.sh"),
        Shell::Zsh => include_str!("completions/zsh.sh"),
        Shell::Fish => include_str!("completions/fish.fish"),
    };
    // Cargo would build first, which nobody wants of the Tab key: so the script calls this program.
    let this = env::current_exe();
    let this = this.map_err(|error| LabError::io("could not find this program", &error))?;
    let this = this.display().to_string().replace('\'', "'\\''");
    say(&script.replace("{checker}", &format!("'{this}'")))?;
    Ok(exit::PASSED)
}

/// Answers a script: a line for each word that fits, with what it is behind a tab.
pub(super) fn answer(question: &Question) -> Result<u8, CliError> {
    let line = |one: completion::Candidate| match one.help.is_empty() {
        true => format!("{}\n", one.value),
        false => format!("{}\t{}\n", one.value, clean(&one.help).replace('\n', " ")),
    };
    let mut command = Cli::command();
    command.build();
    let found = completion::candidates(&command, &question.words);
    say(&found.into_iter().map(line).collect::<String>())?;
    Ok(exit::PASSED)
}
