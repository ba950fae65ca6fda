//! How the student gives commands: at a shell, or in a session of [`watch`](crate::watch). Reports and hints end with what
//! to do next, which is a command, a key or a save.

use clap::ValueEnum;

/// By this, a command can tell what the student does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Frontend {
    /// Types a command.
    #[default]
    Shell,
    /// Saves, or presses a key.
    Keys,
    /// Saves: the session has no keys.
    Saves,
}

impl Frontend {
    /// The option with which a session tells its commands.
    pub fn option(self) -> String {
        let name = self.to_possible_value();
        format!(
            "--frontend={}",
            name.as_ref().map_or("", |it| it.get_name())
        )
    }
}
