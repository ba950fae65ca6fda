//! The course in order: the one list of its exercises.

use crate::days;
use harness::exercise::Exercise;

/// Every exercise, in the order of the course.
pub const EXERCISES: &[&Exercise] = &[
    &days::day1::file_copy::EXERCISE,
    &days::day1::endianness::EXERCISE,
    &days::day2::inet_pton_ntop::EXERCISE,
    &days::day2::echo_server::EXERCISE,
    &days::day2::echo_client::EXERCISE,
    &days::day2::framing::EXERCISE,
    &days::day2::socket_names::EXERCISE,
    &days::day2::connect::EXERCISE,
    &days::day3::udp_echo::EXERCISE,
    &days::day3::udp_client::EXERCISE,
    &days::day3::shutdown::EXERCISE,
    &days::day3::close::EXERCISE,
    &days::day3::resolve::EXERCISE,
    &days::day3::fork_wait::EXERCISE,
    &days::day3::fork_server::EXERCISE,
    &days::day3::exit::EXERCISE,
    &days::day4::sigaction::EXERCISE,
    &days::day4::graceful_shutdown::EXERCISE,
    &days::day4::timeout::EXERCISE,
    &days::day4::sigpipe::EXERCISE,
];

/// The exercise of this full name.
pub fn find(name: &str) -> Option<&'static Exercise> {
    EXERCISES
        .iter()
        .copied()
        .find(|exercise| exercise.name == name)
}
