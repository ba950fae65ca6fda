//! The course in order: the one list of its exercises.

use crate::days::{day1, day2, day3, day4};
use harness::exercise::Exercise;

/// Every exercise, in the order of the course.
pub const EXERCISES: &[&Exercise] = &[
    &day1::file_copy::EXERCISE,
    &day1::endianness::EXERCISE,
    &day2::inet_pton_ntop::EXERCISE,
    &day2::echo_server::EXERCISE,
    &day2::echo_client::EXERCISE,
    &day2::framing::EXERCISE,
    &day2::socket_names::EXERCISE,
    &day2::connect::EXERCISE,
    &day3::udp_echo::EXERCISE,
    &day3::shutdown::EXERCISE,
    &day3::fork_server::EXERCISE,
    &day4::sigaction::EXERCISE,
];

/// The exercise of this full name.
pub fn find(name: &str) -> Option<&'static Exercise> {
    EXERCISES
        .iter()
        .copied()
        .find(|exercise| exercise.name == name)
}
