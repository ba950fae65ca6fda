//! Whether the evidence of a failure is what a clue asks for.

use super::{cause, relation, words};
use crate::{
    exercise::{Clue, Seen},
    failure::{Comparison, Failure},
};

/// Whether this failure shows it.
pub(super) fn fits(clue: &Clue, failure: &Failure) -> bool {
    clue.diagnoses.contains(&failure.diagnosis) && is_seen(clue.seen, failure)
}

fn is_seen(seen: Seen, failure: &Failure) -> bool {
    let evidence = &failure.evidence;
    let comparison = failure.comparison.as_ref();
    let expected = |text| comparison.is_some_and(|one| begins(one, &one.expected, text));
    let got = |text| comparison.is_some_and(|one| begins(one, &one.got, text));
    match seen {
        Seen::Failed(call, errno) => cause::failed_call(evidence).is_some_and(|(failed, with)| {
            failed.injected.is_none() && (failed.call, with) == (call, errno)
        }),
        Seen::Waits(call, on) => evidence
            .waits
            .is_some_and(|(waits, what)| waits == call && (on.is_none() || on == what)),
        Seen::Ended(ending) => evidence.ending == Some(ending),
        Seen::Expected(text) => expected(text),
        Seen::GotInsteadOf(wrong, right) => got(wrong) && expected(right),
        Seen::Said(text) => words::last_words(&evidence.stderr).contains(text),
    }
}

/// Whether the line with the first difference begins so. Where the excerpt holds only the end of a long line, that is not
/// known. Bytes which are not meant as text have no lines: there only the first byte can begin one.
fn begins(comparison: &Comparison, excerpt: &[u8], text: &str) -> bool {
    let begin = relation::beginning_of_line(comparison, excerpt);
    let has_lines = comparison.text || comparison.offset == 0;
    has_lines && begin.is_some_and(|place| excerpt[place..].starts_with(text.as_bytes()))
}
