//! Proof that nobody is wronged by the oracle: Rust's standard library gives the same answers, where it has an opinion.

use std::{
    cell::RefCell,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::{
    oracle,
    texts::{Line, Texts},
};

const ROUNDS: usize = 40;

fn for_some_seeds(check: impl Fn(&Texts)) {
    let random = RefCell::new(fastrand::Rng::with_seed(2_1));
    let texts = Texts::new(|range| random.borrow_mut().u64(range));
    for _ in 0..ROUNDS {
        check(&texts);
    }
}

fn pton4_of_std(line: &[u8]) -> Option<String> {
    let address: Ipv4Addr = str::from_utf8(line).ok()?.parse().ok()?;
    Some(oracle::hex(&address.octets()))
}

fn pton6_of_std(line: &[u8]) -> Option<String> {
    let address: Ipv6Addr = str::from_utf8(line).ok()?.parse().ok()?;
    Some(oracle::hex(&address.octets()))
}

fn bytes_of(line: &[u8]) -> Vec<u8> {
    (0..line.len() / 2)
        .map(|i| {
            let pair = str::from_utf8(&line[2 * i..2 * i + 2]).unwrap();
            u8::from_str_radix(pair, 16).unwrap()
        })
        .collect()
}

fn address_of(line: &[u8]) -> IpAddr {
    let bytes = bytes_of(line);
    match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ipv4Addr::from(bytes).into(),
        Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).unwrap()).into(),
    }
}

/// Of a structure that is right.
fn show_of_std(line: &[u8]) -> String {
    let bytes = bytes_of(line);
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let address = match bytes.len() {
        16 => address_of(&line[8..16]),
        _ => address_of(&line[16..48]),
    };
    SocketAddr::new(address, port).to_string()
}

fn agree(lines: &[Line], std: fn(&[u8]) -> Option<String>, oracle: fn(&[u8]) -> Option<String>) {
    for line in lines {
        assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
        assert_eq!(std(line), oracle(line), "{}", line.escape_ascii());
    }
}

fn all_good(lines: &[Line], oracle: impl Fn(&[u8]) -> Option<String>) {
    for line in lines {
        assert!(oracle(line).is_some(), "{}", line.escape_ascii());
    }
}

fn all_bad(lines: &[Line], oracle: impl Fn(&[u8]) -> Option<String>) {
    for line in lines {
        assert_eq!(oracle(line), None, "{}", line.escape_ascii());
    }
}

#[test]
fn the_c_library_and_rust_read_the_same_ipv4_texts() {
    for_some_seeds(|texts| {
        let good = [vec![texts.plain_quad().into()], texts.small_quads()].concat();
        let bad = [
            texts.quads_with_wrong_count(),
            texts.quads_with_signs_and_zeros(),
            texts.quads_with_junk(),
            vec![texts.not_utf8(), texts.long_line()],
        ]
        .concat();
        let both = [
            texts.quads_at_the_limits(),
            texts.ipv4_for_sockaddr(),
            texts.gaps(),
            texts.wrong_groups(),
        ]
        .concat();
        for lines in [&good, &bad, &both] {
            agree(lines, pton4_of_std, oracle::pton4);
        }
        all_good(&good, oracle::pton4);
        all_bad(&bad, oracle::pton4);
    });
}

#[test]
fn the_c_library_and_rust_read_the_same_ipv6_texts() {
    for_some_seeds(|texts| {
        let good = [
            texts.eight_groups(),
            texts.gaps(),
            texts.quads_at_the_end(),
            vec![texts.full().into()],
        ]
        .concat();
        let bad = [texts.misplaced_colons(), texts.wrong_groups()].concat();
        let both = [
            texts.random_edits(),
            texts.ipv6_for_sockaddr(),
            texts.quads_with_junk(),
        ]
        .concat();
        for lines in [&good, &bad, &both] {
            agree(lines, pton6_of_std, oracle::pton6);
        }
        all_good(&good, oracle::pton6);
        all_bad(&bad, oracle::pton6);
    });
}

#[test]
fn the_c_library_and_rust_print_the_same_texts() {
    for_some_seeds(|texts| {
        let print: fn(&[u8]) -> Option<String> = |line| Some(address_of(line).to_string());
        agree(&texts.four_bytes(), print, oracle::ntop4);
        agree(&texts.sixteen_bytes(), print, oracle::ntop6);
        agree(
            &texts.sixteen_bytes_without_zero_groups(),
            print,
            oracle::ntop6,
        );
        agree(&texts.mapped_and_others(), print, oracle::ntop6);
        for lines in [
            texts.sockaddr_ins(),
            texts.sockaddr_in6s(),
            vec![texts.any_sockaddr()],
        ] {
            agree(&lines, |line| Some(show_of_std(line)), oracle::show);
        }
    });
}

#[test]
fn a_socket_address_is_shown_as_it_was_written() {
    for_some_seeds(|texts| {
        let port = texts.strong_port();
        for line in [texts.ipv4_for_sockaddr(), texts.ipv6_for_sockaddr()].concat() {
            let address = str::from_utf8(&line)
                .ok()
                .and_then(|text| text.parse().ok());
            let bytes = oracle::sockaddr(port, &line);
            let shown = bytes.and_then(|bytes| oracle::show(bytes.as_bytes()));
            let expected = address.map(|address| SocketAddr::new(address, port).to_string());
            assert_eq!(shown, expected, "{}", line.escape_ascii());
        }
    });
}

#[test]
fn broken_digits_are_no_address() {
    for_some_seeds(|texts| {
        all_bad(&texts.broken_hex(&texts.bytes::<4>()), oracle::ntop4);
        all_bad(&texts.broken_hex(&texts.mapped()), oracle::ntop6);
        all_bad(&texts.broken_hex(&texts.sockaddr_in()), oracle::show);
        all_bad(&texts.broken_hex(&texts.sockaddr_in6()), oracle::show);
        all_bad(&texts.wrong_lengths(), oracle::show);
        all_bad(&texts.wrong_families(), oracle::show);
        all_good(&[texts.any_case_hex(&texts.sockaddr_in6())], oracle::show);
    });
}
