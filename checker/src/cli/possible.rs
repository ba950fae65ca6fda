//! What the command line offers for values whose types are the harness's, which knows no command line.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::sandbox::{Isolation, Tracing};

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
            Tracing::AsNeeded,
            "as-needed",
            "By tests that make one fail; a test that fails is run again, so that its report shows them",
        ),
        (Tracing::On, "on", "By every test"),
        (
            Tracing::Off,
            "off",
            "By none: tests which need it are not checked",
        ),
    ])
}

/// A value by its name; the last text is what `--help` says of it.
fn one_of<T: Copy + Send + Sync + 'static, const N: usize>(
    values: [(T, &'static str, &'static str); N],
) -> impl TypedValueParser<Value = T> {
    let offered = values.map(|(_, name, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(offered).try_map(move |chosen| {
        let value = values.iter().find(|(_, name, _)| *name == chosen);
        value.map(|(value, ..)| *value).ok_or("not among these")
    })
}
