//! Ports at which a mistake shows.

/// A bind to a port below this one needs a privilege (IPPORT_RESERVED).
const FIRST_FOR_EVERYBODY: u16 = 1024;

/// Whether a program that forgets htons is seen at this port: with the two bytes in the other order it is another port,
/// and one which every user may bind. The kernel chooses one that is not, once in 50 times.
pub(super) fn shows_byte_order(port: u16) -> bool {
    let turned = port.swap_bytes();
    turned != port && turned >= FIRST_FOR_EVERYBODY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_the_same_or_privileged_in_the_other_order_shows_nothing() {
        assert!(shows_byte_order(0x9204));
        assert!(!shows_byte_order(0x9203));
        assert!(!shows_byte_order(0x9292));
    }
}
