//! Values as a demo shows them: what the textbook says and what was seen are compared as values, and shown as text.

use std::net::SocketAddr;

use nix::errno::Errno;

use super::{Flags, ProcessEnd};
use harness::{lab::quoted, observe::sockets::State};

/// A value which can be compared, and described in a few words.
pub trait Describe: PartialEq {
    /// In a few words.
    fn describe(&self) -> String;
}

/// Bytes as they lie in memory: `12 34 56 78`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

/// What a receiving call brought. No byte means the end of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received(pub Vec<u8>);

impl Received {
    /// These bytes.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Received {
        Received(bytes.as_ref().to_vec())
    }

    /// The end of the stream: the call returned 0.
    pub fn end() -> Received {
        Received(Vec::new())
    }
}

impl Describe for Hex {
    fn describe(&self) -> String {
        let bytes: Vec<String> = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(" ")
    }
}

impl Describe for Received {
    fn describe(&self) -> String {
        match self.0.as_slice() {
            [] => "0, the end of the stream".to_owned(),
            bytes => quoted(bytes),
        }
    }
}

impl Describe for bool {
    fn describe(&self) -> String {
        if *self { "yes" } else { "no" }.to_owned()
    }
}

impl Describe for () {
    fn describe(&self) -> String {
        "success".to_owned()
    }
}

impl Describe for Errno {
    fn describe(&self) -> String {
        format!("{self:?}")
    }
}

impl<T: Describe, E: Describe> Describe for Result<T, E> {
    fn describe(&self) -> String {
        match self {
            Ok(value) => value.describe(),
            Err(error) => error.describe(),
        }
    }
}

impl<T: Describe> Describe for Option<T> {
    fn describe(&self) -> String {
        self.as_ref()
            .map_or("nothing".to_owned(), Describe::describe)
    }
}

impl<T: Describe> Describe for Vec<T> {
    fn describe(&self) -> String {
        match self.as_slice() {
            [] => "none".to_owned(),
            values => values
                .iter()
                .map(Describe::describe)
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

impl<T: Describe, U: Describe> Describe for (T, U) {
    fn describe(&self) -> String {
        format!("{}, {}", self.0.describe(), self.1.describe())
    }
}

/// What is its own text.
macro_rules! describes_itself {
    ($($kind:ty),*) => {
        $(impl Describe for $kind {
            fn describe(&self) -> String {
                self.to_string()
            }
        })*
    };
}

describes_itself!(
    u16, u32, u64, usize, i32, i64, String, &str, SocketAddr, State, ProcessEnd, Flags
);
