//! `checker exercise`: what instructors begin a new exercise with.

use clap::Subcommand;

use super::{CliError, exit, say};
use crate::{
    scaffold::{self, Name, Refused},
    workspace,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Begin a new exercise: starter, reference, task, one hidden test and one mistake
    New {
        /// Its name: day, place in the day, and topic, as in day3_2_udp_client
        name: String,
        /// What the program is, in a few words [default: the topic]
        #[arg(long)]
        title: Option<String>,
    },
}

pub(super) fn run(command: &Command) -> Result<u8, CliError> {
    let Command::New { name: text, title } = command;
    let name = Name::parse(text).ok_or_else(|| {
        CliError::Usage(format!(
            "'{text}' cannot be the name of an exercise; it is a day, a place in the day and a topic, as in \
             day3_2_udp_client"
        ))
    })?;
    let title = title
        .clone()
        .unwrap_or_else(|| name.topic().replace('_', " "));
    if title.contains(['"', '\\', '{', '}', '\n']) {
        return Err(CliError::Usage(
            "the title stands in a string of Rust; write it without quotes, backslashes and braces"
                .to_owned(),
        ));
    }
    let root = workspace::find()?;
    if !root.join("checker/course/src").is_dir() {
        return Err(CliError::Usage(
            "this is for the instructors' course, which has the source of the tests".to_owned(),
        ));
    }
    let files = scaffold::write(&root, &name, &title).map_err(|refused| match refused {
        Refused::Taken(file) => CliError::Usage(format!("{} is there already", file.display())),
        Refused::OtherForm(file) => CliError::Usage(format!(
            "{} does not list exercises in the form that this command knows; nothing was written",
            file.display()
        )),
        Refused::Lab(error) => CliError::Lab(error),
    })?;
    let mut out = String::new();
    for file in files {
        out.push_str(&format!("  {}\n", file.display()));
    }
    out.push_str(&format!(
        "Next: write the chapter \"{}\" in course.md, then the task, the reference and the tests.\n\
         `cargo teach verify {text}` says what is missing.\n",
        name.chapter(&title)
    ));
    say(&out)?;
    Ok(exit::PASSED)
}
