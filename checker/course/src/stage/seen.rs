//! Values as a demo tells them: what the textbook says and what was seen are compared as values, and told as text.

use std::net::SocketAddr;

use nix::errno::Errno;

use super::{Ending, Flags};
use harness::{lab::quoted, observe::sockets::State};

/// A value which can be compared, and told in a few words.
pub trait Seen: PartialEq {
    /// In a few words.
    fn tell(&self) -> String;
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

impl Seen for Hex {
    fn tell(&self) -> String {
        let bytes: Vec<String> = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(" ")
    }
}

impl Seen for Received {
    fn tell(&self) -> String {
        match self.0.as_slice() {
            [] => "0, the end of the stream".to_owned(),
            bytes => quoted(bytes),
        }
    }
}

impl Seen for bool {
    fn tell(&self) -> String {
        if *self { "yes" } else { "no" }.to_owned()
    }
}

impl Seen for () {
    fn tell(&self) -> String {
        "success".to_owned()
    }
}

impl Seen for Errno {
    fn tell(&self) -> String {
        format!("{self:?}")
    }
}

impl<T: Seen, E: Seen> Seen for Result<T, E> {
    fn tell(&self) -> String {
        match self {
            Ok(value) => value.tell(),
            Err(error) => error.tell(),
        }
    }
}

impl<T: Seen> Seen for Option<T> {
    fn tell(&self) -> String {
        self.as_ref().map_or("nothing".to_owned(), Seen::tell)
    }
}

impl<T: Seen> Seen for Vec<T> {
    fn tell(&self) -> String {
        match self.as_slice() {
            [] => "none".to_owned(),
            values => values.iter().map(Seen::tell).collect::<Vec<_>>().join(", "),
        }
    }
}

impl<T: Seen, U: Seen> Seen for (T, U) {
    fn tell(&self) -> String {
        format!("{}, {}", self.0.tell(), self.1.tell())
    }
}

/// What is its own text.
macro_rules! tells_itself {
    ($($kind:ty),*) => {
        $(impl Seen for $kind {
            fn tell(&self) -> String {
                self.to_string()
            }
        })*
    };
}

tells_itself!(
    u16, u32, u64, usize, i32, i64, String, &str, SocketAddr, State, Ending, Flags
);
