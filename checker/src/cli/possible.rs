//! What the command line offers for values whose types are the harness's, which knows no command line.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::arena::{Isolation, Tracing};

/// The values of `--isolation`.
pub(super) fn isolations() -> impl TypedValueParser<Value = Isolation> {
    one_of([
        (
            Isolation::Namespaces,
            Isolation::Namespaces.name(),
            "Its own user, pid, network, mount and IPC namespaces",
        ),
        (
            Isolation::Shared,
            Isolation::Shared.name(),
            "The machine's namespaces, a loopback address of its own, a sweep at the end",
        ),
    ])
}

/// The values of `--tracing`.
pub(super) fn tracings() -> impl TypedValueParser<Value = Tracing> {
    one_of([
        (
            Tracing::On,
            "on",
            "They are: reports show them, and tests can make one fail",
        ),
        (
            Tracing::Off,
            "off",
            "They are not: tests which need that are not checked",
        ),
    ])
}

/// A value by its name; the last text is what `--help` says of it.
fn one_of<T: Copy + Send + Sync + 'static>(
    values: [(T, &'static str, &'static str); 2],
) -> impl TypedValueParser<Value = T> {
    let offered = values.map(|(_, name, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(offered).try_map(move |chosen| {
        let value = values.iter().find(|(_, name, _)| *name == chosen);
        value.map(|(value, ..)| *value).ok_or("not among these")
    })
}
