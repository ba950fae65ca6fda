//! A class on several machines: which part of it this one grades.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One part of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which, counted from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

/// What `--shard` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `3/16`
    Shard(Shard),
    /// `/16`: the engine that started this job tells which.
    Of(u32),
    /// `all`: no part, whatever the environment says.
    All,
}

impl Shard {
    fn new(index: u32, of: u32) -> Result<Shard, String> {
        match (1..=of).contains(&index) {
            true => Ok(Shard { index, of }),
            false => Err(format!(
                "there is no part {index} of {of}; the first is 1/{of}"
            )),
        }
    }

    /// Those of a class, in the order of names, that are in this part.
    pub fn of<T>(self, class: Vec<T>) -> Vec<T> {
        let first = self.index as usize - 1;
        class
            .into_iter()
            .skip(first)
            .step_by(self.of as usize)
            .collect()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// Reads the value of `--shard`.
///
/// # Errors
///
/// When it is none.
pub fn parse(text: &str) -> Result<Asked, String> {
    const FORM: &str = "write it as 3/16, /16 or all";
    if text == "all" {
        return Ok(Asked::All);
    }
    let (index, of) = text.split_once('/').ok_or(FORM)?;
    let of: u32 = of.parse().map_err(|_| FORM)?;
    if of == 0 {
        return Err(FORM.to_owned());
    }
    if index.is_empty() {
        return Ok(Asked::Of(of));
    }
    Shard::new(index.parse().map_err(|_| FORM)?, of).map(Asked::Shard)
}

/// The part that is asked for, or else the one that the engine which started this job tells in its environment, and
/// where it was found.
///
/// # Errors
///
/// When the environment tells only half of it, or nonsense.
pub fn find(asked: Option<Asked>, variable: impl Fn(&str) -> Option<String>) -> Found {
    let of = match asked {
        Some(Asked::All) => return Ok(None),
        Some(Asked::Shard(shard)) => return Ok(Some((shard, "--shard"))),
        Some(Asked::Of(of)) => Some(of),
        None => None,
    };
    let engine = Engine { variable, of };
    let found = [
        Engine::slurm,
        Engine::kubernetes,
        Engine::github,
        Engine::gitlab,
    ];
    for find in found {
        if let Some(found) = find(&engine)? {
            return Ok(Some(found));
        }
    }
    match of {
        Some(of) => Err(format!(
            "--shard /{of} needs an engine that tells which part this is; say --shard 1/{of}"
        )),
        None => Ok(None),
    }
}

/// A part, and the variable or option that names it; none if the engine is another one.
type Found = Result<Option<(Shard, &'static str)>, String>;

/// What a CI engine or a scheduler tells a job about its part.
struct Engine<V> {
    variable: V,
    /// How many parts the command line asks for.
    of: Option<u32>,
}

impl<V: Fn(&str) -> Option<String>> Engine<V> {
    fn number(&self, name: &str) -> Result<Option<u32>, String> {
        let Some(text) = (self.variable)(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let number = text.trim().parse();
        number
            .map(Some)
            .map_err(|_| format!("{name} is '{}', and no number", text.escape_default()))
    }

    /// How many parts there are, if the command line does not contradict.
    fn total(&self, engine: u32) -> Result<u32, String> {
        match self.of {
            Some(of) if of != engine => {
                Err(format!("--shard says {of} parts, the environment {engine}"))
            }
            _ => Ok(engine),
        }
    }

    /// An array job. Its numbers need not begin with 1.
    fn slurm(&self) -> Found {
        let Some(task) = self.number("SLURM_ARRAY_TASK_ID")? else {
            return Ok(None);
        };
        let least = self.number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(task);
        let most = self.number("SLURM_ARRAY_TASK_MAX")?.unwrap_or(task);
        let step = self.number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let count = self.number("SLURM_ARRAY_TASK_COUNT")?.unwrap_or(1);
        let is_even = most >= least && task >= least && (most - least) / step + 1 == count;
        if !is_even || (task - least) % step != 0 {
            return Err(
                "the numbers of this Slurm array are not evenly spaced; say --shard".to_owned(),
            );
        }
        let shard = Shard::new((task - least) / step + 1, self.total(count)?)?;
        Ok(Some((shard, "SLURM_ARRAY_TASK_ID")))
    }

    /// An indexed job tells the index, from 0, but not how many there are.
    fn kubernetes(&self) -> Found {
        let Some(index) = self.number("JOB_COMPLETION_INDEX")? else {
            return Ok(None);
        };
        let of = match (self.of, self.number("JOB_COMPLETIONS")?) {
            (Some(of), None) => of,
            (_, Some(engine)) => self.total(engine)?,
            (None, None) => {
                return Err("this is part of an indexed job; say of how many parts, for example --shard /16, or \
                            --shard all"
                    .to_owned());
            }
        };
        let shard = Shard::new(index.saturating_add(1), of)?;
        Ok(Some((shard, "JOB_COMPLETION_INDEX")))
    }

    /// A job of a matrix knows nothing by itself; the workflow hands on strategy.job-index, from 0, and
    /// strategy.job-total under these names.
    fn github(&self) -> Found {
        let Some(index) = self.number("STRATEGY_JOB_INDEX")? else {
            return Ok(None);
        };
        let engine = self.number("STRATEGY_JOB_TOTAL")?.or(self.of);
        let engine = engine.ok_or("STRATEGY_JOB_INDEX is set, and STRATEGY_JOB_TOTAL is not")?;
        let shard = Shard::new(index.saturating_add(1), self.total(engine)?)?;
        Ok(Some((shard, "STRATEGY_JOB_INDEX")))
    }

    /// A job with `parallel`, from 1.
    fn gitlab(&self) -> Found {
        if (self.variable)("GITLAB_CI").is_none() {
            return Ok(None);
        }
        let Some(index) = self.number("CI_NODE_INDEX")? else {
            return Ok(None);
        };
        let engine = self.number("CI_NODE_TOTAL")?.or(self.of);
        let engine = engine.ok_or("CI_NODE_INDEX is set, and CI_NODE_TOTAL is not")?;
        Ok(Some((
            Shard::new(index, self.total(engine)?)?,
            "CI_NODE_INDEX",
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(
        asked: Option<Asked>,
        environment: &[(&str, &str)],
    ) -> Result<Option<(u32, u32)>, String> {
        let variable = |name: &str| {
            let mut all = environment.iter();
            all.find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        find(asked, variable).map(|found| found.map(|(shard, _)| (shard.index, shard.of)))
    }

    #[test]
    fn each_engine_is_read_as_it_counts() {
        let gitlab = [
            ("GITLAB_CI", "true"),
            ("CI_NODE_INDEX", "1"),
            ("CI_NODE_TOTAL", "4"),
        ];
        assert_eq!(found(None, &gitlab), Ok(Some((1, 4))));
        let github = [("STRATEGY_JOB_INDEX", "0"), ("STRATEGY_JOB_TOTAL", "4")];
        assert_eq!(found(None, &github), Ok(Some((1, 4))));
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "12"),
            ("SLURM_ARRAY_TASK_MIN", "10"),
            ("SLURM_ARRAY_TASK_MAX", "16"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(found(None, &slurm), Ok(Some((2, 4))));
        let kubernetes = [("JOB_COMPLETION_INDEX", "3")];
        assert_eq!(found(Some(Asked::Of(4)), &kubernetes), Ok(Some((4, 4))));
        assert!(found(None, &kubernetes).is_err());
        assert_eq!(found(None, &[]), Ok(None));
    }

    #[test]
    fn what_is_asked_for_outweighs_the_environment() {
        let gitlab = [
            ("GITLAB_CI", "true"),
            ("CI_NODE_INDEX", "1"),
            ("CI_NODE_TOTAL", "4"),
        ];
        assert_eq!(found(parse("3/16").ok(), &gitlab), Ok(Some((3, 16))));
        assert_eq!(found(parse("all").ok(), &gitlab), Ok(None));
        assert!(found(parse("/16").ok(), &gitlab).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["0/4", "5/4", "3", "a/b", "1/0", ""] {
            assert!(parse(text).is_err(), "{text}");
        }
        let uneven = [
            ("SLURM_ARRAY_TASK_ID", "5"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
            ("SLURM_ARRAY_TASK_COUNT", "3"),
        ];
        assert!(found(None, &uneven).is_err());
        assert!(found(None, &[("GITLAB_CI", "1"), ("CI_NODE_INDEX", "x")]).is_err());
    }

    #[test]
    fn every_submission_is_in_one_part() {
        let class: Vec<usize> = (0..100).collect();
        let parts = (1..=16).flat_map(|index| Shard { index, of: 16 }.of(class.clone()));
        let mut all: Vec<usize> = parts.collect();
        all.sort_unstable();
        assert_eq!(all, class);
    }
}
