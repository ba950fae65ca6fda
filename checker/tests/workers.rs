//! Workers: what comes of a request, that a worker ends with its requester, and that it changes nothing elsewhere.

mod support;

use support::environment::command;

/// Lets the example do this with its workers. What it asserts, it panics about.
fn expect(what: &str) {
    let output = command(support::example("workers"))
        .arg(what)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said, "");
}

#[test]
fn a_worker_answers_short_and_long_requests() {
    expect("answers");
}

#[test]
fn an_error_and_a_panic_are_told_in_place_of_an_answer() {
    expect("fails");
}

#[test]
fn how_a_worker_was_killed_is_told() {
    expect("is-killed");
}

#[test]
fn a_cancelled_worker_ends_with_all_that_it_has_started() {
    expect("is-cancelled");
}

#[test]
fn a_worker_whose_requester_has_hung_up_ends_with_all_that_it_has_started() {
    expect("is-dropped");
}

#[test]
fn the_command_line_of_a_worker_shows_nothing_but_its_kind() {
    expect("shows-its-kind-only");
}

#[test]
fn a_covered_file_is_seen_by_the_programs_of_its_sandbox_only() {
    expect("covers");
}

#[test]
fn the_worker_of_a_test_stays_until_its_requester_hangs_up() {
    expect("stays");
}
