//! How a wrong value is related to the right one: bytes in the other order, bits cut off, another base.

use std::net::Ipv4Addr;

use crate::failure::Comparison;

/// The widths of integers, in bits.
const WIDTHS: [u32; 4] = [8, 16, 32, 64];

/// A sentence about how the two values are related at the place where they differ first, if that is known.
pub(super) fn between(comparison: &Comparison) -> Option<String> {
    if !comparison.text {
        return of_bytes(comparison);
    }
    let expected = line(comparison, &comparison.expected, comparison.expected_length);
    let got = line(comparison, &comparison.got, comparison.got_length);
    let pairs = words(&expected).zip(words(&got));
    let (right, wrong) = pairs.into_iter().find(|(right, wrong)| right != wrong)?;
    of_addresses(right, wrong).or_else(|| {
        let parts = numbers(right).zip(numbers(wrong));
        let (right, wrong) = parts.into_iter().find(|(right, wrong)| right != wrong)?;
        of_numbers(right, wrong)
    })
}

/// The line of an excerpt with the first difference; `length` is that of all the bytes of this side. Where an excerpt is
/// cut, a number may be cut, too: what is no whole word is left out.
fn line(comparison: &Comparison, excerpt: &[u8], length: usize) -> String {
    let at = place_in(comparison, excerpt);
    let begin = beginning_of_line(comparison, excerpt);
    let end = excerpt[at..].iter().position(|&byte| byte == b'\n');
    let is_cut = end.is_none() && comparison.offset + excerpt.len() < length;
    let line = &excerpt[begin.unwrap_or(0)..end.map_or(excerpt.len(), |place| at + place)];
    let mut text = String::from_utf8_lossy(line).into_owned();
    if is_cut {
        text.truncate(text.rfind(' ').unwrap_or(0));
    }
    if begin.is_none() {
        text.drain(..text.find(' ').map_or(text.len(), |place| place + 1));
    }
    text
}

/// Where the first difference is in an excerpt.
fn place_in(comparison: &Comparison, excerpt: &[u8]) -> usize {
    (comparison.difference - comparison.offset).min(excerpt.len())
}

/// Where the line with the first difference begins in an excerpt; `None` if that is before the excerpt.
pub(super) fn beginning_of_line(comparison: &Comparison, excerpt: &[u8]) -> Option<usize> {
    let before = &excerpt[..place_in(comparison, excerpt)];
    let newline = before.iter().rposition(|&byte| byte == b'\n');
    newline
        .map(|place| place + 1)
        .or((comparison.offset == 0).then_some(0))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', ',', ';', '"'])
}

/// The numbers in a word: `127.0.0.1:80` has five.
fn numbers(word: &str) -> impl Iterator<Item = &str> {
    word.split(['.', ':', '[', ']', '=', '/'])
}

fn of_addresses(right: &str, wrong: &str) -> Option<String> {
    let address = |word: &str| word.split(':').next()?.parse::<Ipv4Addr>().ok();
    let (right, wrong) = (address(right)?, address(wrong)?);
    let mut turned = right.octets();
    turned.reverse();
    (right != wrong && turned == wrong.octets()).then(|| {
        format!("{wrong} is {right} with its four bytes in the other order: see htonl and ntohl.")
    })
}

/// How a number is written in the text.
type Show = fn(i128) -> String;

fn of_numbers(right: &str, wrong: &str) -> Option<String> {
    if let Some(told) = of_bases(right, wrong) {
        return Some(told);
    }
    let letters = |text: &str| text.contains(|c: char| matches!(c, 'a'..='f' | 'A'..='F'));
    let is_hex = letters(right) || letters(wrong);
    let parse = |radix| {
        let value = |text| i128::from_str_radix(text, radix).ok();
        Some((value(right)?, value(wrong)?))
    };
    let decimal = parse(10).filter(|_| !is_hex);
    // Digits of bytes: as many on both sides, two for each byte.
    let is_dump = right.len() == wrong.len() && right.len().is_multiple_of(2);
    let hex = parse(16).filter(|_| is_hex || is_dump);
    let of = |(expected, got), show: Show| {
        if expected == got {
            return None;
        }
        in_other_order(expected, got, show)
            .or_else(|| cut_off(expected, got, show))
            .or_else(|| through_a_float(expected, got, show))
    };
    decimal
        .and_then(|pair| of(pair, |value| value.to_string()))
        .or_else(|| hex.and_then(|pair| of(pair, |value| format!("0x{value:x}"))))
}

/// The same number, printed in another base.
fn of_bases(right: &str, wrong: &str) -> Option<String> {
    let number: u64 = right.parse().ok()?;
    (number > 9 && wrong.trim_start_matches("0x") == format!("{number:x}"))
        .then(|| format!("{wrong} is {right} in hexadecimal."))
}

fn in_other_order(expected: i128, got: i128, show: Show) -> Option<String> {
    let (right, wrong) = (u64::try_from(expected).ok()?, u64::try_from(got).ok()?);
    let bits = WIDTHS[1..].iter().find(|&&bits| {
        let fits = |value: u64| bits == 64 || value >> bits == 0;
        fits(right) && fits(wrong) && right.swap_bytes() >> (64 - bits) == wrong
    })?;
    let digits = *bits as usize / 4;
    let pair = match show(expected).starts_with("0x") {
        true => format!("0x{right:0digits$x} and 0x{wrong:0digits$x} are"),
        false => format!("{right} is 0x{right:0digits$x}, and {wrong} is 0x{wrong:0digits$x}:"),
    };
    Some(format!(
        "{pair} the same {} bytes in the other order.",
        bits / 8
    ))
}

/// Said only where one width explains it. 0 and -1 explain nothing: a program also prints them of what has failed.
fn cut_off(expected: i128, got: i128, show: Show) -> Option<String> {
    if matches!(got, 0 | -1) {
        return None;
    }
    let mut told = WIDTHS.iter().filter_map(|bits| {
        let all = 1_i128 << bits;
        let rest = expected.rem_euclid(all);
        let is_signed = rest >= all / 2 && got == rest - all;
        let is_whole = rest == expected;
        let (wrong, right) = (show(got), show(expected));
        if is_whole && is_signed {
            return Some(format!(
                "{wrong} is {right} in {bits} bits whose first bit is taken for a sign: take an unsigned type."
            ));
        }
        (!is_whole && (is_signed || got == rest))
            .then(|| format!("{wrong} is what is left of {right} in {bits} bits."))
    });
    told.next().filter(|_| told.next().is_none())
}

fn through_a_float(expected: i128, got: i128, show: Show) -> Option<String> {
    #[allow(clippy::cast_precision_loss, reason = "the loss is what this is about")]
    let (double, single) = (expected as f64 as i128, expected as f32 as i128);
    let name = match got {
        _ if got == double => "an f64, which has 53 bits for the digits",
        _ if got == single => "an f32, which has 24 bits for the digits",
        _ => return None,
    };
    Some(format!(
        "{} is what is left of {} in {name}.",
        show(got),
        show(expected)
    ))
}

/// Of bytes that are no text: a number among them whose bytes stand in the other order.
fn of_bytes(comparison: &Comparison) -> Option<String> {
    let at = comparison.difference - comparison.offset;
    let (expected, got) = (&comparison.expected, &comparison.got);
    for width in [8, 4, 2] {
        for begin in (at + 1).saturating_sub(width)..=at {
            let (Some(right), Some(wrong)) = (
                expected.get(begin..begin + width),
                got.get(begin..begin + width),
            ) else {
                continue;
            };
            if right.iter().rev().eq(wrong) && right[at - begin] != wrong[at - begin] {
                return Some(format!(
                    "From byte {} on, {width} bytes are right, but in the other order.",
                    comparison.offset + begin
                ));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(expected: &str, got: &str) -> Option<String> {
        between(&Comparison::of_text(
            "the line",
            expected.as_bytes(),
            got.as_bytes(),
        )?)
    }

    fn expect(expected: &str, got: &str, part: &str) {
        let told = told(expected, got).unwrap_or_else(|| panic!("nothing about {got}"));
        assert!(told.contains(part), "{told}");
    }

    #[test]
    fn sees_bytes_in_the_other_order() {
        expect(
            "port 39769\n",
            "port 22939\n",
            "39769 is 0x9b59, and 22939 is 0x599b: the same 2 bytes",
        );
        expect("16909060\n", "67305985\n", "the same 4 bytes");
        expect(
            "10.1.2.3:80\n",
            "3.2.1.10:80\n",
            "its four bytes in the other order",
        );
        expect("127.0.0.1:39769", "127.0.0.1:22939", "the same 2 bytes");
        expect("0102\n", "0201\n", "the same");
        // A longer value beside a whole one.
        expect("5", "83886080", "the same 4 bytes");
        expect("83886080", "5", "the same 4 bytes");
    }

    #[test]
    fn sees_bits_that_are_cut_off() {
        expect("300\n", "44\n", "44 is what is left of 300 in 8 bits");
        expect(
            "70000 5\n",
            "4464 5\n",
            "4464 is what is left of 70000 in 16 bits",
        );
        expect(
            "50004\n",
            "-15532\n",
            "in 16 bits whose first bit is taken for a sign",
        );
        expect("50004", "-15532", "taken for a sign");
        // An unsigned type of 16 bits does not hold it, either.
        expect("300000\n", "-27680\n", "what is left of 300000 in 16 bits");
    }

    #[test]
    fn sees_a_float_and_a_base() {
        expect(
            "53c6de4fa9e975ef\n",
            "53c6de4fa9e97400\n",
            "in an f64, which has 53 bits",
        );
        expect("255\n", "0xff\n", "0xff is 255 in hexadecimal");
        expect("255", "0xff", "0xff is 255 in hexadecimal");
    }

    #[test]
    fn says_nothing_where_nothing_is_known() {
        for (expected, got) in [
            ("12\n", "13\n"),
            ("bad\n", "ok\n"),
            ("1 2\n", "1\n"),
            ("5\n", "\n"),
            // 0 and -1 are also what a program prints of something that has failed.
            ("4096\n", "0\n"),
            ("255\n", "-1\n"),
            ("4294967295\n", "-1\n"),
            // In 8 bits, and in 16.
            ("65537\n", "1\n"),
        ] {
            assert_eq!(told(expected, got), None, "{expected:?} {got:?}");
        }
    }

    #[test]
    fn sees_a_number_among_bytes() {
        let compare = |expected: &[u8], got: &[u8]| {
            between(&Comparison::of("the reply", expected, got).unwrap())
        };
        let reply = compare(b"\0\0\0\x05hello", b"\x05\0\0\0hello").unwrap();
        assert!(reply.contains("From byte 0 on, 4 bytes"), "{reply}");
        assert_eq!(compare(b"hello", b"hallo"), None);
    }
}
