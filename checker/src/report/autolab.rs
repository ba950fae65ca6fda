//! What an Autolab autograder prints: the report for people, and in the last line the scores, a problem for each
//! exercise. An exercise of which nothing is known, because the lab failed, gets no score: it stays ungraded.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    context::Context,
    human, json,
    model::{Report, Status},
};
use crate::failure::LabError;

#[derive(Serialize)]
struct Autoresult<'a> {
    scores: BTreeMap<&'a str, u32>,
}

/// The report as Autolab reads it.
///
/// # Errors
///
/// Never in practice: it has no value that JSON cannot hold.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let graded = report.exercises.iter();
    let graded = graded.filter(|exercise| exercise.status != Status::Broken);
    let scores = graded.map(|exercise| (exercise.name.as_str(), exercise.points));
    let last = json::line(&Autoresult {
        scores: scores.collect(),
    })?;
    Ok(human::render(report, context)? + &last)
}
