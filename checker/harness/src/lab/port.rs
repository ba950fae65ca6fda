//! Ports at which a mistake shows.

use crate::failure::Checked;

/// A bind to a port below this one needs a privilege (IPPORT_RESERVED).
const FIRST_FOR_EVERYBODY: u16 = 1024;

/// The kernel chooses none of so many ports that shows a mistake once in 10^13 times. A program that takes a port of its own
/// choice may always take the same one.
const MOST_TRIES: usize = 8;

/// Makes something whose port the kernel chooses, until a program that forgets htons or ntohs is seen at that port; the last
/// of eight if it never is. One port in 50 does not show it.
///
/// # Errors
///
/// Those of `make`.
pub fn with_telling_port<T>(make: impl Fn() -> Checked<T>, port: impl Fn(&T) -> u16) -> Checked<T> {
    // Kept until another one is found: else the kernel might choose the same port again.
    let mut passed_over = Vec::new();
    loop {
        let made = make()?;
        if shows_byte_order(port(&made)) || passed_over.len() + 1 == MOST_TRIES {
            return Ok(made);
        }
        passed_over.push(made);
    }
}

/// Whether it is another port with the two bytes in the other order, and one which every user may bind.
fn shows_byte_order(port: u16) -> bool {
    let turned = port.swap_bytes();
    turned != port && turned >= FIRST_FOR_EVERYBODY
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn ports_that_show_nothing_are_passed_over_a_few_times() {
        let chosen = [0x9292, 0x9203, 0x9204, 0x9205];
        let made = Cell::new(0);
        let make = || Ok(made.replace(made.get() + 1));
        let found = with_telling_port(make, |&index| chosen[index]);
        assert_eq!(found.ok(), Some(2));

        made.set(1);
        assert_eq!(with_telling_port(make, |_| 0x9292).ok(), Some(MOST_TRIES));
    }

    #[test]
    fn a_port_that_is_the_same_or_privileged_in_the_other_order_shows_nothing() {
        assert!(shows_byte_order(0x9204));
        assert!(!shows_byte_order(0x9203));
        assert!(!shows_byte_order(0x9292));
    }
}
