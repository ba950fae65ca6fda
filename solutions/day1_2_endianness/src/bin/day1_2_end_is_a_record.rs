//! Wrong on purpose: when the input ends before a record, it prints a line once more, for a record that has not come. An
//! empty input is a record of zeros.

use std::{
    env,
    error::Error,
    fmt::Display,
    io::{self, Write},
    num::ParseIntError,
    os::fd::AsFd,
    process::ExitCode,
    str::FromStr,
};

use nix::{errno::Errno, unistd};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    // `env::args` panics at an argument which is not UTF-8. Read lossily, such an argument is merely a bad value.
    let arguments: Vec<String> = env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let Some((command, values)) = arguments.split_first() else {
        return usage();
    };
    // The type chooses the width: it sets the range of `parse`, the bytes of `to_be_bytes` and the digits of `decode`.
    let outcome = match (command.as_str(), values) {
        ("enc16", [_, ..]) => encode(values, u16::to_be_bytes),
        ("enc32", [_, ..]) => encode(values, u32::to_be_bytes),
        ("enc64", [_, ..]) => encode(values, u64::to_be_bytes),
        ("dec16", [_, ..]) => decode(values, u16::from_be_bytes),
        ("dec32", [_, ..]) => decode(values, u32::from_be_bytes),
        ("dec64", [_, ..]) => decode(values, u64::from_be_bytes),
        ("host", []) => host(),
        ("rec", []) => records(io::stdin()),
        _ => return usage(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("day1_2_endianness: {error}");
            ExitCode::from(1)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: day1_2_endianness enc16|enc32|enc64 NUMBER...");
    eprintln!("       day1_2_endianness dec16|dec32|dec64 HEX...");
    eprintln!("       day1_2_endianness host");
    eprintln!("       day1_2_endianness rec < RECORDS");
    ExitCode::from(2)
}

fn encode<T, const N: usize>(numbers: &[String], to_network: fn(T) -> [u8; N]) -> Outcome
where
    T: FromStr<Err = ParseIntError>,
{
    for number in numbers {
        // `parse` refuses what does not fit; `as` would cut it off without a word.
        let value: T = number
            .parse()
            .map_err(|error| format!("{number}: {error}"))?;
        let mut line = String::new();
        for byte in to_network(value) {
            line += &format!("{byte:02x}");
        }
        print_line(&line)?;
    }
    Ok(())
}

fn decode<T: Display, const N: usize>(texts: &[String], from_network: fn([u8; N]) -> T) -> Outcome {
    for text in texts {
        let bytes =
            parse_hex(text).ok_or_else(|| format!("{text}: not {} hexadecimal digits", 2 * N))?;
        print_line(&from_network(bytes).to_string())?;
    }
    Ok(())
}

/// Exactly two digits a byte. `from_str_radix` would be shorter, but it takes `+1f9` and `9` as well.
fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Digit by digit as bytes: an index into a `str` panics in the middle of a character such as é.
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = (high << 4 | low) as u8;
    }
    Some(bytes)
}

/// Only memory has an order. Shifts and masks work on the value and give the same result on every machine.
fn host() -> Outcome {
    let [first, _] = 1_u16.to_ne_bytes();
    print_line(if first == 1 { "little" } else { "big" })?;
    Ok(())
}

/// The fixed part of a record. The layout on the wire stands in `from_network` alone, so the compiler is free to lay
/// out this struct as it likes.
struct Header {
    kind: u16,
    flags: u16,
    len: u32,
    time: u64,
}

impl Header {
    const SIZE: usize = 16;

    fn from_network(bytes: [u8; Self::SIZE]) -> Self {
        let [k0, k1, f0, f1, l0, l1, l2, l3, time @ ..] = bytes;
        Self {
            kind: u16::from_be_bytes([k0, k1]),
            flags: u16::from_be_bytes([f0, f1]),
            len: u32::from_be_bytes([l0, l1, l2, l3]),
            time: u64::from_be_bytes(time),
        }
    }
}

fn records(input: impl AsFd) -> Outcome {
    let mut bytes = [0; Header::SIZE];
    // Never more is read than belongs to this record. So nothing of the next one has to be kept, and a record is
    // printed when its last byte has come, not when the next one begins.
    loop {
        let is_there = fill(&input, &mut bytes)?;
        let header = Header::from_network(bytes);
        if is_there {
            skip(&input, header.len)?;
        }
        let Header {
            kind,
            flags,
            len,
            time,
        } = header;
        print_line(&format!("{kind} {flags} {len} {time}"))?;
        if !is_there {
            return Ok(());
        }
    }
}

/// Fills the whole buffer. False: the input ended before the first byte, which is the one place where it may end.
fn fill(input: impl AsFd, buffer: &mut [u8]) -> Result<bool, Box<dyn Error>> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read(&input, &mut buffer[filled..])? {
            0 if filled == 0 => return Ok(false),
            0 => return Err("the input ends inside a header".into()),
            n => filled += n,
        }
    }
    Ok(true)
}

/// Reads the body in pieces and forgets it. Its length is a stranger's word: whoever allocates it lets 16 bytes of
/// input ask for 4 GiB of memory.
fn skip(input: impl AsFd, len: u32) -> Outcome {
    let mut buffer = [0; 16 * 1024];
    let mut left = usize::try_from(len)?;
    while left > 0 {
        let piece = left.min(buffer.len());
        match read(&input, &mut buffer[..piece])? {
            0 => {
                return Err(format!("the input ends {left} bytes before the end of a body").into());
            }
            n => left -= n,
        }
    }
    Ok(())
}

/// One `read`, which a signal does not spoil. It may give fewer bytes than asked for; 0 is the end of file.
fn read(input: impl AsFd, buffer: &mut [u8]) -> nix::Result<usize> {
    loop {
        match unistd::read(&input, buffer) {
            Err(Errno::EINTR) => (),
            result => return result,
        }
    }
}

/// `println!` panics when the reader of standard output has gone or the disk is full; here that is an error like any
/// other.
fn print_line(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
