//! A report in a pager, for who asks for one.

use std::io::{self, IsTerminal};

use super::{pages, terminal::say};
use crate::failure::LabError;

/// Where a report for people goes: to the terminal as it comes, or to a pager when it is whole.
pub(super) struct Screen {
    /// What has been said so far, if it is for a pager.
    kept: Option<String>,
}

impl Screen {
    /// The terminal, or a pager if one is wanted. Where standard output is no terminal, there is none.
    pub(super) fn new(wants_pager: bool) -> Screen {
        let has_pager = wants_pager && io::stdout().is_terminal();
        Screen {
            kept: has_pager.then(String::new),
        }
    }

    /// Whether the reader sees a text at once.
    pub(super) fn is_immediate(&self) -> bool {
        self.kept.is_none()
    }

    /// Adds a text.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn say(&mut self, text: &str) -> Result<(), LabError> {
        match &mut self.kept {
            Some(kept) => kept.push_str(text),
            None => say(text)?,
        }
        Ok(())
    }

    /// Shows what was kept: in the pager if it is longer than the terminal and there is one, and else as it is.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn show(self) -> Result<(), LabError> {
        let Some(text) = self.kept else {
            return Ok(());
        };
        pages::show(&text, 0, &text)
    }
}
