//! `checker read`.

use super::{CliError, checking::recall, exit, naming::one_or_next, pages, terminal::width};
use crate::{
    last_report::LastReport,
    reading::{Textbook, render},
    workspace,
};

/// Shows a part of the textbook. Without a name: where the last report or hint has pointed, or else the chapter of the
/// next exercise.
pub(super) fn run(words: &[String]) -> Result<u8, CliError> {
    let root = workspace::find()?;
    let textbook = Textbook::of_course(&root)?;
    let name = match words {
        [] => {
            let last = LastReport::load(&root).unwrap_or_default();
            match last.heading() {
                Some(heading) => heading.to_owned(),
                None => one_or_next(None, &recall(&root))?.chapter.to_owned(),
            }
        }
        words => words.join(" "),
    };
    let part = textbook.find(&name).map_err(|missing| {
        let near = missing.near.iter().map(|near| format!("  {near}"));
        let near: Vec<String> = near.collect();
        CliError::Usage(match near.is_empty() {
            true => format!("course.md has no heading with '{name}'"),
            false => format!(
                "which heading of course.md is '{name}'?\n{}",
                near.join("\n")
            ),
        })
    })?;
    let width = width();
    let before = match part.begin > part.chapter {
        true => render(textbook.lines(part.chapter, part.begin), width) + "\n",
        false => String::new(),
    };
    let whole = before.clone() + &render(textbook.lines(part.begin, part.chapter_end), width);
    let alone = render(textbook.lines(part.begin, part.end), width);
    pages::show(&whole, before.lines().count(), &alone)?;
    Ok(exit::PASSED)
}
