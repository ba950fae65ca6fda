//! What a program has said last on standard error: the words of Rust's and Python's libraries, which tell why it ended.

use nix::errno::Errno;

/// Why a Rust program has panicked, or why its allocator has given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A number did not fit its type.
    Overflow,
    /// An index or a range was outside a slice.
    Index,
    /// `unwrap` or `expect` of a `None`.
    NoneThere,
    /// `println!` could not print.
    CannotPrint,
    /// Bytes were no UTF-8.
    NoText,
    /// A text was no number or no address.
    NotParsed,
    /// A buffer was to be larger than the memory.
    NoMemory,
    /// A mutex was locked by a thread which has panicked.
    Poisoned,
}

/// What the libraries say, and what it means. The tests have a whole message for each.
const SAID: &[(&str, Reason)] = &[
    ("memory allocation of", Reason::NoMemory),
    ("capacity overflow", Reason::NoMemory),
    ("failed printing to std", Reason::CannotPrint),
    ("with overflow", Reason::Overflow),
    ("TryFromIntError", Reason::Overflow),
    ("index out of bounds", Reason::Index),
    ("range end index", Reason::Index),
    ("range start index", Reason::Index),
    ("slice index starts at", Reason::Index),
    ("mid > len", Reason::Index),
    ("source slice length", Reason::Index),
    ("`None` value", Reason::NoneThere),
    ("Utf8Error", Reason::NoText),
    ("valid UTF-8", Reason::NoText),
    ("InvalidUnicode", Reason::NoText),
    ("library/std/src/env.rs", Reason::NoText),
    ("not a char boundary", Reason::NoText),
    ("ParseIntError", Reason::NotParsed),
    ("AddrParseError", Reason::NotParsed),
    ("InvalidDigit", Reason::NotParsed),
    ("PoisonError", Reason::Poisoned),
];

/// Why the program ended, if its last words say so.
pub(super) fn reason(stderr: &str) -> Option<Reason> {
    let words = last_words(stderr);
    let said = SAID.iter().find(|(said, _)| words.contains(said));
    said.map(|&(_, reason)| reason)
}

/// Whether Rust's allocator has given up.
pub(super) fn has_refused_memory(stderr: &str) -> bool {
    reason(stderr) == Some(Reason::NoMemory)
}

/// The errno in its last words: `Os { code: 104, … }` and `ECONNRESET` in Rust, `[Errno 104]` in Python.
pub(super) fn errno(stderr: &str) -> Option<Errno> {
    let words = last_words(stderr);
    let number = ["Os { code: ", "os error ", "[Errno "]
        .into_iter()
        .find_map(|before| {
            let (_, behind) = words.rsplit_once(before)?;
            let digits = behind.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse().ok()
        });
    let name = || {
        words
            .split(|c: char| !c.is_ascii_alphanumeric())
            .rev()
            .find_map(named)
    };
    number
        .map(Errno::from_raw)
        .filter(|&errno| errno != Errno::UnknownErrno)
        .or_else(name)
}

fn named(word: &str) -> Option<Errno> {
    /// The last number of Linux.
    const LAST: i32 = 133;
    if !word.starts_with('E') || word.len() <= 3 {
        return None;
    }
    let mut all = (1..=LAST).map(Errno::from_raw);
    all.find(|errno| format!("{errno:?}") == word)
}

/// From the panic on, and else the last line. Rust's advice about backtraces is none.
pub(super) fn last_words(stderr: &str) -> &str {
    match stderr.rfind(" panicked at ") {
        Some(place) => &stderr[place..],
        None => {
            let mut lines = stderr.trim_end().lines().rev();
            let own = lines.find(|line| !line.starts_with("note: run with `RUST_BACKTRACE"));
            own.unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_is_read_in_each_spelling() {
        let panic = "thread 'main' panicked at src/main.rs:3:9:\ncalled `Result::unwrap()` on an `Err` value: ";
        for said in [
            format!(
                "{panic}Os {{ code: 104, kind: ConnectionReset, message: \"…\" }}\nnote: run\n"
            ),
            format!("{panic}ECONNRESET\nnote: run with `RUST_BACKTRACE=1`\n"),
            "x: client 1\nError: Os { code: 104, kind: ConnectionReset }\n".to_owned(),
            "Traceback\nConnectionResetError: [Errno 104] Connection reset by peer\n".to_owned(),
            "read: Connection reset by peer (os error 104)\n".to_owned(),
        ] {
            assert_eq!(errno(&said), Some(Errno::ECONNRESET), "{said}");
        }
    }

    #[test]
    fn what_was_said_earlier_is_no_reason() {
        assert_eq!(errno("client 1: ECONNRESET\nError: no input\n"), None);
        assert_eq!(errno(""), None);
        assert_eq!(errno("child ended with exit code: 2\n"), None);
        assert_eq!(reason("index out of bounds\nbye\n"), None);
    }

    #[test]
    fn the_reason_of_a_panic_is_told_apart() {
        let said = |words: &str| {
            reason(&format!(
                "thread 'main' panicked at src/main.rs:1:1:\n{words}\n"
            ))
        };
        // One for each row, in their order.
        let messages = [
            "memory allocation of 4294967295 bytes failed",
            "capacity overflow",
            "failed printing to stdout: Broken pipe (os error 32)",
            "attempt to add with overflow",
            "called `Result::unwrap()` on an `Err` value: TryFromIntError(())",
            "index out of bounds: the len is 4 but the index is 4",
            "range end index 9 out of range for slice of length 4",
            "range start index 9 out of range for slice of length 4",
            "slice index starts at 3 but ends at 2",
            "mid > len",
            "copy_from_slice: source slice length (3) does not match destination slice length (4)",
            "called `Option::unwrap()` on a `None` value",
            "called `Result::unwrap()` on an `Err` value: Utf8Error { valid_up_to: 0, error_len: Some(1) }",
            "Error: stream did not contain valid UTF-8",
            r#"called `Result::unwrap()` on an `Err` value: InvalidUnicode("\xFF")"#,
            r#"/library/std/src/env.rs:864:51: called `Result::unwrap()` on an `Err` value: "\xFF""#,
            "byte index 1 is not a char boundary; it is inside 'é' (bytes 0..2) of `é`",
            "called `Result::unwrap()` on an `Err` value: ParseIntError { kind: Empty }",
            "called `Result::unwrap()` on an `Err` value: AddrParseError(Socket)",
            "Error: InvalidDigit",
            "called `Result::unwrap()` on an `Err` value: PoisonError { .. }",
        ];
        assert_eq!(messages.len(), SAID.len());
        for (message, (row, reason)) in messages.into_iter().zip(SAID) {
            assert!(message.contains(row), "{message}");
            assert_eq!(said(message), Some(*reason), "{message}");
        }
        assert_eq!(said("explicit panic"), None);
        assert!(has_refused_memory(
            "memory allocation of 4294967295 bytes failed\nnote: run with `RUST_BACKTRACE=1` environment variable\n"
        ));
    }
}
