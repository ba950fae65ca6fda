//! What can come next on a command line of the lab: for the completions of shells.
//!
//! A shell asks with the words that stand there, the last of which is not complete. So there is one place that knows what
//! fits, and the scripts for shells are short.

use clap::{Arg, Command};

use crate::{demos::DEMOS, exercise::Exercise, retelling, syllabus::EXERCISES, target};

/// Something that fits, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The word.
    pub value: String,
    /// What it is, in a line; may be empty.
    pub help: String,
}

/// What can stand in the place of the last of these words, behind the ones before it. Nothing means that the lab has no
/// idea: it may be a file.
pub fn candidates(root: &Command, words: &[String]) -> Vec<Candidate> {
    let Some((word, before)) = words.split_last() else {
        return Vec::new();
    };
    let word = &unquoted(word);
    let line = Line::read(root, before);
    let mut found = match line.pending {
        Some(option) => values(option, &line),
        None if word.starts_with('-') => options(root, line.command),
        None => positional(root, &line, word),
    };
    found.retain(|candidate| {
        candidate
            .value
            .to_lowercase()
            .starts_with(&word.to_lowercase())
    });
    found
}

/// A word as the shell will read it, be it complete or not.
fn unquoted(word: &str) -> String {
    let inner = word.strip_prefix(['"', '\'']).unwrap_or(word);
    inner.replace('\\', "")
}

/// The words before the one that is not complete.
struct Line<'a> {
    command: &'a Command,
    /// The option that waits for its value.
    pending: Option<&'a Arg>,
    /// The words that are neither commands nor options nor their values.
    given: Vec<String>,
}

impl<'a> Line<'a> {
    fn read(root: &'a Command, words: &[String]) -> Line<'a> {
        let mut line = Line {
            command: root,
            pending: None,
            given: Vec::new(),
        };
        for word in words {
            let word = unquoted(word.trim_end_matches(['"', '\'']));
            if line.pending.take().is_some() {
                continue;
            }
            let inner = line.command.find_subcommand(&word);
            match inner.filter(|_| line.given.is_empty()) {
                Some(command) => line.command = command,
                None if word.starts_with('-') => line.pending = option(line.command, &word),
                None => line.given.push(word),
            }
        }
        line
    }

    /// The exercises that are named.
    fn exercises(&self) -> Vec<&'static Exercise> {
        target::resolve(&self.given).unwrap_or_default()
    }
}

/// The option of this name, if it takes a value that is not in the same word.
fn option<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let mut options = command.get_arguments();
    options.find(|option| {
        let is_meant = match word.strip_prefix("--") {
            Some(long) => option.get_long() == Some(long),
            None => option
                .get_short()
                .is_some_and(|short| word == format!("-{short}")),
        };
        is_meant && option.get_action().takes_values()
    })
}

fn values(option: &Arg, line: &Line<'_>) -> Vec<Candidate> {
    match option.get_id().as_str() {
        "only" if line.command.get_name() != "trace" => tests(&line.exercises()),
        "exercise" => exercises(""),
        _ => possible(option),
    }
}

fn possible(argument: &Arg) -> Vec<Candidate> {
    let values = argument.get_possible_values().into_iter();
    let shown = values.filter(|value| !value.is_hide_set());
    shown
        .map(|value| Candidate {
            value: value.get_name().to_owned(),
            help: value
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default(),
        })
        .collect()
}

fn options(root: &Command, command: &Command) -> Vec<Candidate> {
    let global = root.get_arguments().filter(|option| option.is_global_set());
    let own = command.get_arguments();
    let both = own.chain(global.filter(|_| root.get_name() != command.get_name()));
    let shown = both.filter(|option| !option.is_hide_set());
    let mut found: Vec<Candidate> = shown
        .filter_map(|option| {
            Some(Candidate {
                value: format!("--{}", option.get_long()?),
                help: option
                    .get_help()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            })
        })
        .collect();
    found.push(Candidate {
        value: "--help".to_owned(),
        help: String::new(),
    });
    found
}

/// What a word that is no option can be.
fn positional(root: &Command, line: &Line<'_>, word: &str) -> Vec<Candidate> {
    let is_root = line.command.get_name() == root.get_name();
    let mut found = match line.command.get_name() {
        _ if line.command.has_subcommands() && line.given.is_empty() => commands(line.command),
        _ => Vec::new(),
    };
    found.extend(match line.command.get_name() {
        _ if is_root => exercises(word)
            .into_iter()
            .chain([Candidate {
                value: "all".to_owned(),
                help: "all exercises".to_owned(),
            }])
            .collect(),
        "list" | "verify" => exercises(word),
        "why" if !line.given.is_empty() => tests(&line.exercises()),
        "hint" | "reset" | "compare" | "trace" | "why" | "read" => match line.given.is_empty() {
            true => exercises(word),
            false => Vec::new(),
        },
        "show" | "new" | "edit" | "rebase" => exercises(word),
        "demo" => demos(),
        _ => {
            let mut arguments = line.command.get_positionals();
            arguments.next().map(possible).unwrap_or_default()
        }
    });
    found
}

fn commands(command: &Command) -> Vec<Candidate> {
    let shown = command.get_subcommands().filter(|one| !one.is_hide_set());
    shown
        .map(|one| Candidate {
            value: one.get_name().to_owned(),
            help: one.get_about().map(ToString::to_string).unwrap_or_default(),
        })
        .collect()
}

/// Days and numbers; and the names that begin like this word, which is some other way to name an exercise.
fn exercises(word: &str) -> Vec<Candidate> {
    let mut found = Vec::new();
    for exercise in EXERCISES {
        let (number, help) = (exercise.number(), exercise.title.to_owned());
        let day = format!("day{}", exercise.day());
        if !found.iter().any(|known: &Candidate| known.value == day) {
            found.push(Candidate {
                help: format!("all of day {}", exercise.day()),
                value: day,
            });
        }
        let dotted = number.trim_start_matches("day").replace('_', ".");
        let others = [dotted, exercise.topic().to_owned()];
        let others = others.into_iter().filter(|_| !word.is_empty());
        for value in [number.to_owned()].into_iter().chain(others) {
            found.push(Candidate {
                value,
                help: help.clone(),
            });
        }
    }
    found
}

/// The tests of these exercises; without any, of all.
fn tests(exercises: &[&'static Exercise]) -> Vec<Candidate> {
    let found = retelling::find(exercises, "");
    let candidate = |(exercise, test): &retelling::Found| Candidate {
        value: test.name.to_owned(),
        help: exercise.number().to_owned(),
    };
    found.iter().map(candidate).collect()
}

fn demos() -> Vec<Candidate> {
    let demos = DEMOS.iter().map(|demo| Candidate {
        value: demo.name.to_owned(),
        help: demo.question.to_owned(),
    });
    demos.collect()
}
