//! How bytes, arguments and signals are told in a report.

use std::ffi::OsStr;

use crate::observe::tracer;

/// Bytes for a step of the report: themselves if they are few, else how many.
pub(super) fn brief(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=32 => quoted(bytes),
        length => format!("{length} bytes"),
    }
}

/// Bytes as text between quotation marks, with escapes, cut where it would fill the screen.
pub fn quoted(bytes: &[u8]) -> String {
    const MOST: usize = 60;
    if bytes.len() > MOST {
        format!(
            "\"{}…\" ({} bytes)",
            bytes[..MOST].escape_ascii(),
            bytes.len()
        )
    } else {
        format!("\"{}\"", bytes.escape_ascii())
    }
}

/// Lines of which one is expected: all of them, or the first as an example of many.
pub(super) fn alternatives(lines: &[impl AsRef<[u8]>]) -> String {
    match lines {
        [] => "none".to_owned(),
        [first, _, _, _, ..] => format!("{} or one like it", quoted(first.as_ref())),
        lines => {
            let lines: Vec<String> = lines.iter().map(|line| quoted(line.as_ref())).collect();
            lines.join(" or ")
        }
    }
}

/// An argument for a step of the report: as it is, or between quotation marks where it would look like several, like none,
/// or like another one.
pub fn quoted_argument(argument: &OsStr) -> String {
    let bytes = argument.as_encoded_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !br#"'"\"#.contains(byte);
    match !bytes.is_empty() && bytes.iter().all(is_plain) {
        true => bytes.escape_ascii().to_string(),
        false => format!("'{}'", bytes.escape_ascii()),
    }
}

/// `SIGTERM`, `SIGRTMIN+1`.
pub(super) fn signal_name(signal: i32) -> String {
    tracer::known_signal(signal).unwrap_or_else(|| format!("signal {signal}"))
}
