//! The facets of a program: each is a handful of words about one side of it.

use super::{
    Calls, Children, Descriptors, Faults, Program, Server, Signaling, Stderr, Stdin, Stdout,
};

/// Gives each of these types all facets.
macro_rules! facets {
    ($($doc:literal $name:ident: $facet:ident,)*) => {
        impl Program {
            $(#[doc = $doc]
            pub fn $name(&self) -> $facet<'_> {
                $facet { program: self }
            })*
        }

        impl Server {
            $(#[doc = $doc]
            pub fn $name(&self) -> $facet<'_> {
                self.program().$name()
            })*
        }
    };
}

facets! {
    "Its standard input." stdin: Stdin,
    "Its standard output." stdout: Stdout,
    "Its standard error." stderr: Stderr,
    "The signals which it gets, and what it has set up for them." signals: Signaling,
    "The system calls which it makes. The story begins with [`Lab::follow_calls`](crate::lab::Lab::follow_calls)." calls: Calls,
    "What can go wrong with its system calls. The story begins with [`Lab::follow_calls`](crate::lab::Lab::follow_calls)." faults: Faults,
    "The processes which it makes." children: Children,
    "Its open descriptors." descriptors: Descriptors,
}
