//! The terminal as a place for keys: each comes at once and is not shown.

use std::{
    env,
    io::{self, IsTerminal},
    os::fd::AsFd,
};

use nix::{
    libc::{_POSIX_VDISABLE, STDIN_FILENO},
    sys::{
        stat::{SFlag, fstat},
        termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr},
    },
};

use crate::failure::{Attempt, LabError};

/// What the user has in place of a terminal, or that it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It shows lines and moves its cursor.
    Full,
    /// It shows lines (`TERM=dumb`).
    Dumb,
    /// Input or output is no terminal, so that there are no keys.
    None {
        /// Whether input is a pipe, whose end is the wish to end.
        has_end: bool,
    },
}

impl Kind {
    /// That of this process.
    pub(super) fn of_this_process() -> Kind {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            let kind = fstat(io::stdin()).map(|found| found.st_mode & SFlag::S_IFMT.bits());
            let pipes = [SFlag::S_IFIFO.bits(), SFlag::S_IFSOCK.bits()];
            return Kind::None {
                has_end: kind.is_ok_and(|kind| pipes.contains(&kind)),
            };
        }
        match env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb") {
            true => Kind::Dumb,
            false => Kind::Full,
        }
    }

    pub(super) fn has_keys(self) -> bool {
        self != Kind::None { has_end: false } && self != Kind::None { has_end: true }
    }
}

/// Keys come at once, until this is dropped: then the terminal is as it was, also after a panic.
#[derive(Debug)]
pub(super) struct KeyMode {
    before: Termios,
}

impl KeyMode {
    /// Takes the terminal of standard input.
    ///
    /// # Errors
    ///
    /// When the terminal refuses.
    pub(super) fn begin() -> Result<KeyMode, LabError> {
        let before = tcgetattr(io::stdin()).attempt("could not read the terminal's settings")?;
        let mode = KeyMode { before };
        mode.enter()?;
        Ok(mode)
    }

    /// Takes it again, after somebody else has had it. Ctrl-C and Ctrl-Z stay signals; Ctrl-\ is a key like others, as it
    /// would end this process before the terminal is as it was.
    ///
    /// # Errors
    ///
    /// When the terminal refuses.
    pub(super) fn enter(&self) -> Result<(), LabError> {
        let mut keys = self.before.clone();
        keys.local_flags
            .remove(LocalFlags::ICANON | LocalFlags::ECHO);
        keys.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        keys.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        keys.control_chars[SpecialCharacterIndices::VQUIT as usize] = _POSIX_VDISABLE;
        set(&keys).attempt("could not make the terminal give each key at once")
    }

    /// Gives it back for a while.
    pub(super) fn leave(&self) {
        // A terminal that has gone needs no settings.
        let _ = set(&self.before);
    }
}

impl Drop for KeyMode {
    fn drop(&mut self) {
        self.leave();
    }
}

fn set(settings: &Termios) -> nix::Result<()> {
    let stdin = io::stdin();
    debug_assert_eq!(std::os::fd::AsRawFd::as_raw_fd(&stdin), STDIN_FILENO);
    tcsetattr(stdin.as_fd(), SetArg::TCSADRAIN, settings)
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Hint,
    All,
    List,
    Trace,
    Chapter,
    Next,
    Previous,
    Reset,
    Quit,
    /// Any other.
    Other,
}

impl Key {
    /// The keys as they are shown, and what they do.
    pub(super) const SHOWN: [(&str, &str); 9] = [
        ("h", "hint"),
        ("a", "all"),
        ("l", "list"),
        ("t", "trace"),
        ("c", "chapter"),
        ("n", "next"),
        ("p", "previous"),
        ("r", "reset"),
        ("q", "quit"),
    ];

    fn of(byte: u8) -> Key {
        /// Ctrl-D, with which one ends input.
        const END: u8 = 4;
        match byte.to_ascii_lowercase() {
            b'h' => Key::Hint,
            b'a' => Key::All,
            b'l' => Key::List,
            b't' => Key::Trace,
            b'c' => Key::Chapter,
            b'n' => Key::Next,
            b'p' => Key::Previous,
            b'r' => Key::Reset,
            b'q' | END => Key::Quit,
            _ => Key::Other,
        }
    }

    /// The keys in what was read at once. An arrow or a function key is one key, which begins with Escape.
    pub(super) fn all_of(bytes: &[u8]) -> Vec<Key> {
        const ESCAPE: u8 = 0x1b;
        match bytes.contains(&ESCAPE) {
            true => vec![Key::Other],
            false => bytes.iter().map(|&byte| Key::of(byte)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_is_none_of_the_letters_in_it() {
        assert_eq!(Key::all_of(b"\x1b[A"), [Key::Other]);
        assert_eq!(Key::all_of(b"hQ"), [Key::Hint, Key::Quit]);
        for (letter, _) in Key::SHOWN {
            assert_ne!(Key::all_of(letter.as_bytes()), [Key::Other], "{letter}");
        }
    }
}
