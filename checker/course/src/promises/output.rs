//! What a program does when it cannot write its output.

/// The sentence of the contracts whose tests take away the reader of standard output.
pub(crate) const NO_END_BY_SIGPIPE: &str =
    "So is an end by SIGPIPE, when nobody reads the output any more.";

/// The hint for a program that ends so.
pub(crate) const EXPECT_EPIPE: &str = "Nobody reads standard output any more, and SIGPIPE has ended your program before it \
                                       could say so. Rust ignores SIGPIPE for you: leave it so (in C, ignore it). Then \
                                       write fails with EPIPE, and that you can report.";
