//! `checker grade merge`: the parts of a class, put together.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{CliError, FeedbackArguments, complain, conclude, exit};
use crate::{
    grade::{
        gradebook::{self, Gradebook, Graded, GradingConfig},
        name::Name,
    },
    report::Status,
};

/// What the parts have told so far.
#[derive(Default)]
struct Whole {
    config: Option<GradingConfig>,
    all: BTreeMap<Name, Graded>,
}

pub fn run(parts: &[PathBuf], out: &Path, options: FeedbackArguments) -> Result<u8, CliError> {
    let mut whole = Whole::default();
    for part in parts {
        let gradebook = Gradebook::at(part)?;
        let configs = gradebook.configs()?;
        if configs.is_empty() {
            return Err(CliError::Usage(format!(
                "there is no gradebook in {}",
                part.display()
            )));
        }
        for config in configs {
            whole.add_config(part, config)?;
        }
        for (name, graded) in gradebook.all()? {
            whole.add(name, graded)?;
        }
    }
    let Whole { config, all } = whole;
    let Some(mut config) = config else {
        return Err(CliError::Usage("name the folders of the parts".to_owned()));
    };
    config.submissions.sort();
    config.submissions.dedup();
    config.options = options.or(config.options);
    let mut gradebook = Gradebook::open(out, None)?;
    gradebook.begin(&config)?;
    for graded in all.values() {
        gradebook.keep(graded)?;
    }
    let status = conclude(&gradebook, &all)?;
    let names = config
        .submissions
        .iter()
        .filter(|name| !all.contains_key(name))
        .map(Name::as_str);
    let missing: Vec<&str> = names.collect();
    if !missing.is_empty() {
        complain(&format!("no part has graded {}", missing.join(", ")));
        return Ok(exit::BROKEN);
    }
    Ok(status)
}

impl Whole {
    fn add_config(&mut self, part: &Path, mut config: GradingConfig) -> Result<(), CliError> {
        if config.version != gradebook::VERSION {
            return Err(CliError::Usage(format!(
                "the part in {} was written by another version of the checker; that one can merge it",
                part.display()
            )));
        }
        config.shard = None;
        let whole = self.config.get_or_insert_with(|| config.clone());
        if (&config.exercises, &config.tests) != (&whole.exercises, &whole.tests) {
            return Err(CliError::Usage(format!(
                "the part in {} is about other exercises or hidden tests than those before it",
                part.display()
            )));
        }
        whole.submissions.extend(config.submissions);
        Ok(())
    }

    /// Of two results for the same work, the one that says something stands.
    fn add(&mut self, name: Name, graded: Graded) -> Result<(), CliError> {
        let says_something = |graded: &Graded| graded.status() != Status::Broken;
        match self.all.get(&name).filter(|known| says_something(known)) {
            Some(known) => {
                if says_something(&graded) && known.report.points != graded.report.points {
                    return Err(CliError::Usage(format!(
                        "two parts have graded {name}, and differ about it; remove one of the two files"
                    )));
                }
            }
            None => {
                self.all.insert(name, graded);
            }
        }
        Ok(())
    }
}
