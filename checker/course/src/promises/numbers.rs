//! Numbers in arguments, and what looks like one.

/// What is no decimal number, although trim, atoi, strtoul and int() of Python make one of it. Signs are not among them:
/// whether +7 is a number, each contract says. Nor is 007: no test asks for it but where the contract says what it is.
/// The last two are digits for isdigit of Python, a superscript and an Arabic one.
pub(crate) const NEAR_MISSES: [&str; 10] = [
    "", " ", " 7", "7 ", "7\n", "0x7", "7x", "7.0", "7\u{b2}", "\u{667}",
];
