//! Where the student sits: at a shell, or in a session of [`watch`](crate::watch). What comes next is typed there, a key, or
//! a save.

use clap::ValueEnum;

/// What the student does next, a command can tell by this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Desk {
    /// Types a command.
    #[default]
    Shell,
    /// Saves, or presses a key.
    Keys,
    /// Saves: the session has no keys.
    Saves,
}

impl Desk {
    /// The option with which a session tells its commands.
    pub fn option(self) -> String {
        let name = self.to_possible_value();
        format!("--desk={}", name.as_ref().map_or("", |it| it.get_name()))
    }
}
