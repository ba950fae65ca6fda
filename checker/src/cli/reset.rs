//! `checker reset`.

use super::{
    CliError, exit,
    naming::one,
    terminal::{complain, say},
};
use crate::{
    progress::Progress,
    starter::{self, Reset},
    workspace,
};

/// Makes an exercise the starter again, and says where the program is that was there.
pub(super) fn run(name: &str) -> Result<u8, CliError> {
    let root = workspace::find()?;
    let exercise = one(name)?;
    let number = exercise.number();
    match starter::reset(&root, exercise)? {
        Reset::Same => say(&format!(
            "exercises/{} is the starter already\n",
            exercise.name
        ))?,
        Reset::Kept(folder) => {
            let shown = folder.strip_prefix(&root).unwrap_or(&folder);
            let shown = shown.display();
            say(&format!(
                "exercises/{name} is the starter again.\nWhat was there is in {shown}; to have it back:\n\n  \
                 cp -r {shown}/. exercises/{name}/\n\nnext  cargo lab {number}\n",
                name = exercise.name,
            ))?;
            let forgotten = Progress::load(&root).and_then(|mut progress| {
                progress.forget(exercise);
                progress.save(&root)
            });
            if let Err(error) = forgotten {
                complain(&error.to_string());
            }
        }
    }
    Ok(exit::PASSED)
}
