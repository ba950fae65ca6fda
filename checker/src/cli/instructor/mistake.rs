//! `checker mistake`: how instructors write, read and carry over the known-wrong versions.

use std::{
    fs,
    io::{self, IsTerminal},
    path::Path,
};

use clap::Subcommand;

use super::{CliError, How, ProgressLine, conditions, exit, say, width};
use crate::{
    atomic_file,
    exercise::Exercise,
    failure::{Attempt, Failure, LabError},
    mistakes::{
        self, Mistakes,
        patch::Patch,
        rebase::{self, Reason},
        workbench::{self, Trial, Unfinished},
    },
    report::layout::fold,
    target, verdict,
    worker::Cancel,
    workspace,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the mistakes of an exercise: which test rejects each, and why it is wrong
    List {
        /// Which exercise
        exercise: String,
    },
    /// Print a mistake: which test rejects it, why it is wrong, and the change that makes it
    Show {
        /// Which exercise
        exercise: String,
        /// Which mistake
        name: String,
        /// Print the whole program
        #[arg(long)]
        program: bool,
    },
    /// Write a new mistake, beginning with the reference
    ///
    /// Opens the program in the editor that VISUAL or EDITOR names, tries it out, and stores the change.
    New {
        /// Which exercise
        exercise: String,
        /// Its name: small letters, digits and underscores
        name: String,
        #[command(flatten)]
        how: How,
    },
    /// Change a mistake
    ///
    /// Opens the whole program in the editor that VISUAL or EDITOR names, tries it out, and stores the change.
    Edit {
        /// Which exercise
        exercise: String,
        /// Which mistake
        name: String,
        #[command(flatten)]
        how: How,
    },
    /// Carry the mistakes of an exercise over to its changed reference
    Rebase {
        /// Which exercise
        exercise: String,
    },
}

pub(super) fn run(command: &Command, cancel: &Cancel) -> Result<u8, CliError> {
    match command {
        Command::List { exercise } => list(&find(exercise)?),
        Command::Show {
            exercise,
            name,
            program,
        } => show(&find(exercise)?, name, *program),
        Command::New {
            exercise,
            name,
            how,
        } => {
            let known = find(exercise)?;
            if known.file(name).exists() {
                return Err(CliError::Usage(format!(
                    "{name} is a mistake of {} already; `cargo teach mistake edit {exercise} {name}` changes it",
                    known.exercise.name
                )));
            }
            if !mistakes::is_name(name) {
                return Err(CliError::Usage(format!(
                    "'{name}' cannot be the name of a mistake; use small letters, digits and underscores, as in \
                     never_closes"
                )));
            }
            edit(&known, name, how, cancel)
        }
        Command::Edit {
            exercise,
            name,
            how,
        } => {
            let known = find(exercise)?;
            expect_file(&known, name)?;
            edit(&known, name, how, cancel)
        }
        Command::Rebase { exercise } => carry_over(&find(exercise)?),
    }
}

/// The mistakes of the one exercise that this name stands for.
fn find(name: &str) -> Result<Mistakes, CliError> {
    let exercises = target::resolve(&[name.to_owned()])?;
    let [exercise] = exercises.as_slice() else {
        return Err(CliError::Usage(format!(
            "'{name}' stands for several exercises; name one"
        )));
    };
    let known = Mistakes::of(&workspace::find()?, exercise);
    match known.reference_file().is_file() {
        true => Ok(known),
        false => Err(CliError::Usage(
            "this is for the instructors' course, which has the solutions".to_owned(),
        )),
    }
}

fn expect_file(known: &Mistakes, name: &str) -> Result<(), CliError> {
    if known.file(name).is_file() {
        return Ok(());
    }
    let near = target::near(name, known.names()?);
    let meant = match near.as_slice() {
        [] => format!(
            "`cargo teach mistake list {}` shows all",
            known.exercise.number()
        ),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    Err(CliError::Usage(format!(
        "{} has no mistake '{name}'; {meant}",
        known.exercise.name
    )))
}

fn list(known: &Mistakes) -> Result<u8, CliError> {
    let mut text = String::new();
    for name in known.names()? {
        let patch = known.patch(&name)?;
        text.push_str(&format!("{name}\n  {}\n", declared(known, &name)));
        let why = patch.why.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(&fold(&why, width(), "  ", "  "));
        text.push('\n');
    }
    say(&text)?;
    Ok(exit::PASSED)
}

fn show(known: &Mistakes, name: &str, whole: bool) -> Result<u8, CliError> {
    expect_file(known, name)?;
    let patch = known.patch(name)?;
    if !whole {
        say(&format!("{name}: {}\n\n{patch}", declared(known, name)))?;
        return Ok(exit::PASSED);
    }
    match patch.apply(&known.reference()?) {
        Ok(program) => say(&program)?,
        Err(mismatch) => return Err(unfit(known, name, &mismatch.to_string())),
    }
    Ok(exit::PASSED)
}

/// Which test declares a mistake, in a line.
fn declared(known: &Mistakes, name: &str) -> String {
    match known.declaration(name) {
        Some((test, mistake)) => format!(
            "{} in \"{}\"",
            mistake.diagnosis, known.exercise.tests[test].name
        ),
        None => "declared by no test yet".to_owned(),
    }
}

fn unfit(known: &Mistakes, name: &str, why: &str) -> CliError {
    CliError::Usage(format!(
        "{name} {why}; `cargo teach mistake rebase {}` carries it over",
        known.exercise.number()
    ))
}

/// From the draft to the stored change. A draft that is not finished stays, and the same command goes on with it.
fn edit(known: &Mistakes, name: &str, how: &How, cancel: &Cancel) -> Result<u8, CliError> {
    let root = workspace::find()?;
    let draft = workbench::draft_file(&root, known.exercise, name);
    if !draft.exists() {
        let program = workbench::first_draft(known, name)?
            .map_err(|mismatch| unfit(known, name, &mismatch.to_string()))?;
        workbench::write_draft(&draft, &program)?;
    }
    if !workbench::open_editor(&draft)? {
        wait_for_editing(&draft)?;
    }
    workbench::format(&draft);
    let program = fs::read_to_string(&draft).attempt("could not read the draft")?;
    let patch = workbench::finish(&known.reference()?, &program)
        .map_err(|unfinished| CliError::Usage(not_finished(known, name, &draft, &unfinished)))?;
    let line = ProgressLine::new();
    let trial = workbench::try_out(
        &root,
        known.exercise,
        name,
        &program,
        &conditions(how, cancel),
        |message| {
            line.say(message);
        },
    );
    drop(line);
    let trial = trial?;
    let result = verdict(known, name, &trial);
    if let Trial::DoesNotCompile(_) = trial {
        say(&format!(
            "{result}\nnot stored: the draft is {}; the same command goes on with it\n",
            draft.display()
        ))?;
        return Ok(exit::FAILED);
    }
    store(known, name, &patch, &draft)?;
    say(&format!(
        "{result}\nstored in {}\n",
        shown(&root, known, name)
    ))?;
    Ok(match trial {
        Trial::Rejected { .. } => exit::PASSED,
        _ => exit::FAILED,
    })
}

/// For those who edit elsewhere.
fn wait_for_editing(draft: &Path) -> Result<(), LabError> {
    if !io::stdin().is_terminal() {
        return Ok(());
    }
    say(&format!(
        "edit {}, then press Enter here (EDITOR is not set)\n",
        draft.display()
    ))?;
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .attempt("could not read standard input")?;
    Ok(())
}

fn not_finished(known: &Mistakes, name: &str, draft: &Path, why: &Unfinished) -> String {
    let what = match why {
        Unfinished::Marked(lines) => format!("the merge has left markers at {}", places(lines)),
        Unfinished::NoReason => {
            "its head comment does not say why it is wrong; write that below the first line"
                .to_owned()
        }
        Unfinished::Unchanged => "it is the reference; change one thing".to_owned(),
    };
    let verb = if known.file(name).exists() {
        "edit"
    } else {
        "new"
    };
    format!(
        "not stored: {what}. The draft is {}; `cargo teach mistake {verb} {} {name}` goes on with it",
        draft.display(),
        known.exercise.number()
    )
}

fn places(lines: &[usize]) -> String {
    let numbers: Vec<String> = lines.iter().map(usize::to_string).collect();
    format!("lines {}", numbers.join(", "))
}

/// What the tests say, and what to write where it is not declared like that.
fn verdict(known: &Mistakes, name: &str, trial: &Trial) -> String {
    let (test, failure) = match trial {
        Trial::DoesNotCompile(said) => return format!("{name} does not compile:\n{said}"),
        Trial::Passes => {
            return format!(
                "{name} passes all tests: no test rejects it yet. Write the one that does, or show that it is no \
                 mistake"
            );
        }
        Trial::Rejected { test, failure } => (*test, failure),
    };
    let seen = format!(
        "{name} is rejected by \"{}\": {} ({})",
        known.exercise.tests[test].name, failure.diagnosis, failure.symptom
    );
    match known.declaration(name) {
        Some((declared, mistake)) if (declared, mistake.diagnosis) == (test, failure.diagnosis) => {
            format!("{seen}, as declared")
        }
        Some((place, mistake)) => format!(
            "{seen}\ndeclared is {} in \"{}\"",
            mistake.diagnosis, known.exercise.tests[place].name
        ),
        None => format!(
            "{seen}\n\n{}",
            declaration(known.exercise, name, test, failure)
        ),
    }
}

/// The lines for the test's file.
fn declaration(exercise: &Exercise, name: &str, test: usize, failure: &Failure) -> String {
    let clue = verdict::judge(exercise, test, failure).clue;
    let (test, diagnosis) = (&exercise.tests[test], failure.diagnosis);
    let lines = match test.rejects.iter().find(|one| one.diagnosis == diagnosis) {
        Some(_) => format!(
            "Declare it in the test \"{}\": add \"{name}\" to the `mistakes` of its `Diagnosis::{diagnosis:?}`. It gets \
             the hint that stands there.\n",
            test.name
        ),
        None => format!(
            "Declare it in the `rejects` of the test \"{}\":\n\n    Rejection {{\n        diagnosis: \
             Diagnosis::{diagnosis:?},\n        mistakes: &[\"{name}\"],\n        hint: \"…\",\n    }},\n",
            test.name
        ),
    };
    match clue {
        Some(clue) => format!(
            "{lines}\nIts hint is that of the clue {:?}: add it to the `mistakes` there, too.\n",
            clue.seen
        ),
        None => lines,
    }
}

fn store(known: &Mistakes, name: &str, patch: &Patch, draft: &Path) -> Result<(), LabError> {
    let file = known.file(name);
    let attempt = format!("could not write {}", file.display());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).attempt(&attempt)?;
    }
    atomic_file::write(&file, &patch.to_string(), None).attempt(&attempt)?;
    fs::remove_file(draft).attempt("could not remove the draft")
}

fn shown(root: &Path, known: &Mistakes, name: &str) -> String {
    let file = known.file(name);
    file.strip_prefix(root)
        .unwrap_or(&file)
        .display()
        .to_string()
}

fn carry_over(known: &Mistakes) -> Result<u8, CliError> {
    let root = workspace::find()?;
    let rebased = rebase::run(&root, known)?;
    let mut text = String::new();
    for conflict in &rebased.conflicts {
        let name = &conflict.name;
        let what = match &conflict.reason {
            Reason::Overlap { lines, .. } => format!(
                "the reference has changed in the same place. `cargo teach mistake edit {} {name}` opens the program \
                 with both versions, at {}",
                known.exercise.number(),
                places(lines)
            ),
            Reason::Same => format!(
                "the reference is now what it was a mistake to be. Remove {}, or change it",
                shown(&root, known, name)
            ),
            Reason::NoBase(mismatch) => format!(
                "{} {mismatch}, and git knows no earlier reference to which it applies",
                shown(&root, known, name)
            ),
        };
        text.push_str(&fold(
            &format!("{name}: {what}"),
            width(),
            "conflict  ",
            "  ",
        ));
        text.push('\n');
    }
    text.push_str(&format!(
        "{}: {} carried over, {} as they were, {} with a conflict\n",
        known.exercise.name,
        rebased.carried.len(),
        rebased.as_they_were,
        rebased.conflicts.len()
    ));
    say(&text)?;
    Ok(match rebased.conflicts.is_empty() {
        true => exit::PASSED,
        false => exit::FAILED,
    })
}
