//! The textbook in a terminal: a part of it found by name, and rendered.

mod inline;
mod rendering;
mod table;

use std::{fs, path::Path};

use crate::{
    book::{self, Heading},
    failure::{Attempt, LabError},
    target,
};

pub use rendering::render;

/// The textbook.
#[derive(Debug)]
pub struct Textbook {
    text: String,
    headings: Vec<Heading>,
}

/// A part of the textbook: where it begins and ends, in lines counted from 0, the end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first line of the chapter around it.
    pub chapter: usize,
    /// The line of its own heading.
    pub begin: usize,
    /// Where it ends.
    pub end: usize,
    /// Where the chapter ends.
    pub chapter_end: usize,
}

/// A name that no heading has.
#[derive(Debug)]
pub struct NoHeading {
    /// The headings that may have been meant.
    pub near: Vec<String>,
}

impl Textbook {
    /// That of the course at this root.
    ///
    /// # Errors
    ///
    /// When course.md cannot be read.
    pub fn of_course(root: &Path) -> Result<Textbook, LabError> {
        let text =
            fs::read_to_string(root.join("course.md")).attempt("could not read course.md")?;
        Ok(Textbook::new(text))
    }

    /// A textbook of this text.
    pub fn new(text: String) -> Textbook {
        let headings = book::headings(&text);
        Textbook { text, headings }
    }

    /// The part of this name: an exercise or its number for a chapter, a day, a heading, or words of one.
    ///
    /// # Errors
    ///
    /// When there is none, or several.
    pub fn find(&self, name: &str) -> Result<Part, NoHeading> {
        if let Some(index) = self.heading(|title| title == name) {
            return Ok(self.part(index));
        }
        if let Ok(exercises) = target::resolve(&[name.to_owned()])
            && let [exercise] = exercises.as_slice()
            && let Some(index) = self.heading(|title| title == exercise.chapter)
        {
            return Ok(self.part(index));
        }
        let day = name.strip_prefix("day").unwrap_or_default();
        let begins = format!("Day {}:", day.trim());
        if let Some(index) = self.heading(|title| title.starts_with(&begins)) {
            return Ok(self.part(index));
        }
        self.by_words(name)
    }

    fn by_words(&self, name: &str) -> Result<Part, NoHeading> {
        /// More are no help.
        const MOST: usize = 8;
        let words = name.to_lowercase();
        let found: Vec<usize> = (0..self.headings.len())
            .filter(|&index| self.headings[index].title.to_lowercase().contains(&words))
            .collect();
        let titles = self.headings.iter().map(|heading| heading.title.clone());
        match found.as_slice() {
            [index] => Ok(self.part(*index)),
            [] => Err(NoHeading {
                near: target::near(name, titles),
            }),
            several => Err(NoHeading {
                near: several
                    .iter()
                    .take(MOST)
                    .map(|&index| self.headings[index].title.clone())
                    .collect(),
            }),
        }
    }

    fn heading(&self, is_meant: impl Fn(&str) -> bool) -> Option<usize> {
        self.headings.iter().position(|one| is_meant(&one.title))
    }

    fn part(&self, index: usize) -> Part {
        let lines = self.text.lines().count();
        let line = |heading: &Heading| heading.line - 1;
        let end_of = |index: usize, level: usize| {
            let behind = self.headings[index + 1..].iter();
            let next = behind.clone().find(|one| one.level <= level);
            next.map_or(lines, line)
        };
        let own = &self.headings[index];
        let around = (0..=index).rev().find(|&one| self.headings[one].level <= 2);
        let around = around.unwrap_or(index);
        Part {
            chapter: line(&self.headings[around]),
            begin: line(own),
            end: end_of(index, own.level),
            chapter_end: end_of(around, self.headings[around].level),
        }
    }

    /// The text of these lines.
    pub fn lines(&self, from: usize, to: usize) -> impl Iterator<Item = &str> {
        self.text.lines().skip(from).take(to.saturating_sub(from))
    }
}
