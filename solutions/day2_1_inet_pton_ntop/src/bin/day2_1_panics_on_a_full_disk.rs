//! Wrong on purpose: it prints with println!, which panics when standard output cannot be written, as on a full disk.

use std::{
    array, env,
    fmt::Write as _,
    io::{self, BufRead},
    mem::{offset_of, size_of},
    process::ExitCode,
};

use libc::{sockaddr_in, sockaddr_in6};

fn main() -> ExitCode {
    // `env::args` panics when an argument is not UTF-8. Such an argument is no command of ours, whatever it becomes.
    let arguments: Vec<String> = env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["pton4"] => answer(|line| Some(hex(&pton4(line)?))),
        ["ntop4"] => answer(|line| Some(ntop4(unhex(line)?.try_into().ok()?))),
        ["pton6"] => answer(|line| Some(hex(&pton6(line)?))),
        ["ntop6"] => answer(|line| Some(ntop6(unhex(line)?.try_into().ok()?))),
        ["sockaddr", port] => match parse_port(port) {
            Some(port) => answer(|line| Some(hex(&sockaddr(line, port)?))),
            None => return usage(),
        },
        ["show"] => answer(|line| show(&unhex(line)?)),
        _ => return usage(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("day2_1_inet_pton_ntop: {error}");
            ExitCode::from(1)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: day2_1_inet_pton_ntop pton4 | ntop4 | pton6 | ntop6 | sockaddr PORT | show");
    ExitCode::from(2)
}

fn parse_port(text: &str) -> Option<u16> {
    // `parse` takes "+80" as well, a port does not.
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Answers each line of standard input with a line of its own. A line is bytes, not text: nobody promises UTF-8.
fn answer(convert: impl Fn(&[u8]) -> Option<String>) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        // The last line may end with the file instead of a newline.
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        match convert(text) {
            Some(answer) => println!("{answer}"),
            None => println!("bad"),
        }
        line.clear();
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Two digits for each byte, or nobody could tell where a byte begins. A String takes all that is written.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_chunks() else {
        return None;
    };
    pairs
        .iter()
        .map(|&[high, low]| Some(hex_digit(high)? << 4 | hex_digit(low)?))
        .collect()
}

/// Digit by digit, because `from_str_radix` takes a sign.
fn hex_digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Four numbers and three dots, nothing else. The first number is the first byte: that is network order.
fn pton4(text: &[u8]) -> Option<[u8; 4]> {
    let mut numbers = text.split(|&byte| byte == b'.');
    let mut bytes = [0; 4];
    for byte in &mut bytes {
        *byte = decimal(numbers.next()?)?;
    }
    match numbers.next() {
        None => Some(bytes),
        Some(_) => None,
    }
}

fn decimal(digits: &[u8]) -> Option<u8> {
    // A leading zero is refused because readers do not agree on it: inet_aton takes 010 for eight.
    if let [] | [b'0', _, ..] = digits {
        return None;
    }
    digits.iter().try_fold(0_u8, |value, &digit| {
        let digit = u8::try_from(char::from(digit).to_digit(10)?).ok()?;
        // Checked at every digit: however long the number is, it cannot wrap round into the range.
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn ntop4([a, b, c, d]: [u8; 4]) -> String {
    format!("{a}.{b}.{c}.{d}")
}

fn pton6(text: &[u8]) -> Option<[u8; 16]> {
    let Some(gap) = text.windows(2).position(|pair| pair == b"::") else {
        return groups(text, true)?.try_into().ok();
    };
    // A dotted quad stands at the end of the text, so the part before the gap has none.
    let head = groups(&text[..gap], false)?;
    // A second `::` is found here as an empty group.
    let tail = groups(&text[gap + 2..], true)?;
    // The gap stands for one group at least.
    if head.len() + tail.len() > 14 {
        return None;
    }
    let mut bytes = [0; 16];
    bytes[..head.len()].copy_from_slice(&head);
    bytes[16 - tail.len()..].copy_from_slice(&tail);
    Some(bytes)
}

/// The bytes of groups with single colons between them. At the end a dotted quad may stand for two groups.
fn groups(text: &[u8], quad_may_end: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if text.is_empty() {
        return Some(bytes);
    }
    let mut pieces = text.split(|&byte| byte == b':').peekable();
    while let Some(piece) = pieces.next() {
        if quad_may_end && pieces.peek().is_none() && piece.contains(&b'.') {
            bytes.extend(pton4(piece)?);
        } else {
            bytes.extend(group(piece)?.to_be_bytes());
        }
    }
    Some(bytes)
}

fn group(digits: &[u8]) -> Option<u16> {
    // Here leading zeros are allowed, but only up to four digits.
    if !(1..=4).contains(&digits.len()) {
        return None;
    }
    digits.iter().try_fold(0, |value, &digit| {
        Some(value << 4 | u16::from(hex_digit(digit)?))
    })
}

/// The text which RFC 5952 recommends, so that one address has one text.
fn ntop6(bytes: [u8; 16]) -> String {
    // An IPv4 address in IPv6 clothes: people know it by its dotted quad.
    if let [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, quad @ ..] = bytes {
        return format!("::ffff:{}", ntop4(quad));
    }
    let groups: [u16; 8] = array::from_fn(|i| u16::from_be_bytes([bytes[2 * i], bytes[2 * i + 1]]));
    let (start, length) = longest_run_of_zeros(&groups);
    // RFC 5952, 4.2.2: `::` must not stand for one group only.
    if length < 2 {
        return join(&groups);
    }
    format!(
        "{}::{}",
        join(&groups[..start]),
        join(&groups[start + length..])
    )
}

/// Start and length of the longest run; of equal ones the first (RFC 5952, 4.2.3).
fn longest_run_of_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let mut longest = (0, 0);
    let mut length = 0;
    for (i, &group) in groups.iter().enumerate() {
        length = if group == 0 { length + 1 } else { 0 };
        if length > longest.1 {
            longest = (i + 1 - length, length);
        }
    }
    longest
}

fn join(groups: &[u16]) -> String {
    let groups: Vec<String> = groups.iter().map(|group| format!("{group:x}")).collect();
    groups.join(":")
}

// What `sockaddr` and `show` know about the two structures, proved by the compiler.
const _: () = {
    assert!(size_of::<sockaddr_in>() == 16 && size_of::<sockaddr_in6>() == 28);
    assert!(offset_of!(sockaddr_in, sin_port) == 2 && offset_of!(sockaddr_in, sin_addr) == 4);
    assert!(offset_of!(sockaddr_in6, sin6_port) == 2 && offset_of!(sockaddr_in6, sin6_addr) == 8);
};

fn sockaddr(text: &[u8], port: u16) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // The family is a number for this host's kernel and never travels: host order. The port travels.
    if text.contains(&b':') {
        let address = pton6(text)?;
        bytes.extend((libc::AF_INET6 as libc::sa_family_t).to_ne_bytes());
        bytes.extend(port.to_be_bytes());
        bytes.extend([0; 4]); // sin6_flowinfo
        bytes.extend(address);
        bytes.extend([0; 4]); // sin6_scope_id
    } else {
        let address = pton4(text)?;
        bytes.extend((libc::AF_INET as libc::sa_family_t).to_ne_bytes());
        bytes.extend(port.to_be_bytes());
        bytes.extend(address);
        bytes.extend([0; 8]); // sin_zero
    }
    Some(bytes)
}

fn show(bytes: &[u8]) -> Option<String> {
    let (family, rest) = bytes.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let port = u16::from_be_bytes(*port);
    // The family says how to read the rest, the length only whether it is all there.
    match (i32::from(u16::from_ne_bytes(*family)), bytes.len()) {
        (libc::AF_INET, 16) => {
            let address = ntop4(*rest.first_chunk()?);
            Some(format!("{address}:{port}"))
        }
        (libc::AF_INET6, 28) => {
            let address = ntop6(*rest[4..].first_chunk()?);
            // Without the brackets nobody could tell the port from a ninth group.
            Some(format!("[{address}]:{port}"))
        }
        _ => None,
    }
}
