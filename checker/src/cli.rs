//! The command line.

mod book;
mod checking;
mod compare;
mod completions;
mod delivery;
mod demo;
mod exercise;
#[cfg(feature = "grade")]
mod grade;
mod handout;
mod hint;
mod list;
mod live;
mod mistake;
mod naming;
mod output;
mod pager;
mod pages;
mod possible;
mod progress_line;
mod read;
mod reset;
mod terminal;
mod trace;
mod watch;
mod why;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::OnceLock,
};

use anstream::ColorChoice;
use clap::{Args, Parser, Subcommand, ValueEnum};

use self::{
    checking::{check, refuse_unusable},
    naming::{all_or, resolve_or_command},
    progress_line::ProgressLine,
    terminal::{columns, complain, knows_links, say, width},
};
use crate::{
    check,
    desk::Desk,
    doctor,
    failure::LabError,
    sandbox::{self, Isolation, Jail, Tracing},
    verify::{
        self, Trial,
        coverage::{self, Coverage},
    },
    worker::{Cancel, RunError},
    worker_pool::Conditions,
    workspace::{self, NoCourse},
};

/// Exit statuses. They are part of the interface.
mod exit {
    pub const PASSED: u8 = 0;
    pub const FAILED: u8 = 1;
    pub const USAGE: u8 = 2;
    pub const BROKEN: u8 = 3;
    pub const NOT_CHECKED: u8 = 4;
    /// 128 + SIGINT, as shells have it.
    pub const INTERRUPTED: u8 = 130;
}

/// Checks your programs of the socket lab: runs them, watches what they really do, and explains it.
///
/// Without a target: the map of the course, with what passes so far and what to do next.
#[derive(Debug, Parser)]
#[command(
    name = "checker",
    bin_name = "cargo lab",
    version,
    max_term_width = 80,
    args_conflicts_with_subcommands = true,
    after_help = "Targets: all, a day (day2), an exercise (day2_2, echo_server or day2_2_echo_server).\n\
                  Exit status: 0 all passed, 1 a test failed, 2 wrong usage, 3 the lab itself failed, \
                  4 none failed, but some could not be checked here."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: CheckArguments,
    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Colour::Auto, global = true)]
    color: Colour,
    /// What the student does next: for the commands that a session of `watch` starts
    #[arg(long, value_enum, default_value_t, hide = true, global = true)]
    desk: Desk,
}

#[derive(Debug, Args)]
struct CheckArguments {
    /// What to check
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Check this executable in place of your crate: any program with the contract, in any language
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Run only the tests whose name holds this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    #[command(flatten)]
    report: delivery::Arguments,
    /// Explain every failed test, not only the first of an exercise
    #[arg(long, short)]
    verbose: bool,
    /// End with the first failure
    #[arg(long)]
    fail_fast: bool,
    /// Show a report that is longer than the terminal in $PAGER, or in less
    #[arg(long)]
    pager: bool,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Bring back the random bytes of an earlier run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many tests run at once [default: three for each processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// How far each test is separated from this machine [default: as far as it allows]
    #[arg(long, value_name = "ISOLATION", value_parser = possible::isolations())]
    isolation: Option<Isolation>,
    /// Which tests follow the system calls of programs [default: as-needed, where the machine allows it]
    #[arg(long, value_name = "TRACING", value_parser = possible::tracings())]
    tracing: Option<Tracing>,
    /// Lock each program into a jail, as `grade` does with those that nobody has read
    #[arg(long, hide = true)]
    jail: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the exercises with points and state
    List {
        /// Those of which to list the tests: exercises or days
        targets: Vec<String>,
    },
    /// Check an exercise at every save; keys give a hint, the trace, the chapter
    ///
    /// Without a name: the exercise that comes next, and then those behind it.
    Watch {
        /// What to watch: exercises or days
        targets: Vec<String>,
    },
    /// Say what to do next in an exercise
    ///
    /// Each repetition goes one step further: a question, a direction, a place to read. An edit begins anew.
    Hint(hint::Arguments),
    /// Read the textbook in the terminal
    ///
    /// Without a name: where the last report or hint has pointed, or else the chapter of the next exercise.
    Read {
        /// A chapter (2.2), an exercise, a heading, or words of one
        #[arg(value_name = "WHAT")]
        words: Vec<String>,
    },
    /// Run one test again, and tell what it does step by step, also when it passes
    Why(why::Arguments),
    /// Make an exercise the starter again; what was there is kept
    Reset {
        /// Which exercise
        exercise: String,
    },
    /// Show your program beside the reference, once it passes
    Compare(compare::Arguments),
    /// For instructors: prove that the hidden tests are right
    ///
    /// Starters compile and fail; solutions pass; every known-wrong version is rejected by its own test, with its
    /// diagnosis and its hint; every test rejects one; every sentence of a contract is proved, or listed with a reason.
    Verify {
        /// Which exercises [default: all]
        targets: Vec<String>,
        /// Only what differs from a git revision [default: from where the branch began]
        #[arg(long, value_name = "REVISION", num_args = 0..=1, require_equals = true, conflicts_with = "targets")]
        changed: Option<Option<String>>,
        /// Print which tests prove which sentence of the contracts; build and run nothing
        #[arg(long, conflicts_with_all = ["changed", "own_tests", "times", "How"])]
        coverage: bool,
        /// Run each known-wrong version against the test that declares it only, and not against those before it
        #[arg(long)]
        own_tests: bool,
        /// Do all of it so many times
        #[arg(long, value_name = "N", default_value_t = 1)]
        times: u32,
        #[command(flatten)]
        how: How,
    },
    /// For instructors: write the source of a site with the textbook, for mdBook
    Book {
        /// The folder to write; `mdbook build FOLDER` makes the site of it
        #[arg(required_unless_present = "update")]
        folder: Option<PathBuf>,
        /// Write the table of contents and the indexes in course.md anew
        #[arg(long, conflicts_with = "folder")]
        update: bool,
    },
    /// For instructors: write and change the known-wrong versions of an exercise
    #[command(subcommand)]
    Mistake(mistake::Command),
    /// For instructors: begin a new exercise
    #[command(subcommand)]
    Exercise(exercise::Command),
    /// Run your program, and show its system calls and the TCP states of its sockets while it runs
    ///
    /// It runs at your terminal and in your network: type to it, or connect with nc from another terminal. The story
    /// comes on standard error. Ctrl-C goes to the program.
    #[command(
        after_help = "Exit status: that of the program, or 128 and the number of the signal that killed it; \
                      1 it does not compile, 2 wrong usage, 3 the lab itself failed."
    )]
    Trace(trace::Arguments),
    /// Try what the textbook says on this machine's kernel
    ///
    /// Without a name: all demos, and what each answers.
    #[command(
        after_help = "Exit status: 0 the kernel did what the textbook says, 1 it did something else, 2 wrong usage, \
                      3 the lab itself failed, 4 something could not be shown here."
    )]
    Demo(demo::Arguments),
    /// For instructors and CI: grade the submissions of a class
    ///
    /// A submission is a folder, a .zip or a .tar.gz with a student's exercises/, or with the crates worked on. Their
    /// source files are built in a workspace of the grader's own, each submission by itself, and the hidden tests run
    /// on what comes out. The same command goes on where an earlier one ended.
    #[cfg(feature = "grade")]
    #[command(after_help = grade::AFTER_HELP)]
    Grade(grade::Arguments),
    /// For instructors and CI: grade the submissions of a class
    ///
    /// Not in this build: `cargo run -p checker --features grade -- grade --help`.
    #[cfg(not(feature = "grade"))]
    #[command(disable_help_flag = true)]
    Grade {
        #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Say what this machine allows, and how to allow what is missing
    Doctor,
    /// For instructors: write what students get to a folder
    ///
    /// The exercises, the textbook and this checker as a program: no solution, no known-wrong version, and no source of
    /// a hidden test.
    Handout(handout::Arguments),
    /// Print completions for a shell, or how to install them
    Completions(completions::Arguments),
    /// What a shell can complete a line to
    #[command(hide = true)]
    Complete(completions::Question),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// In a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What is told where the feature `grade` is missing.
#[cfg(not(feature = "grade"))]
const WITHOUT_GRADE: &str = "this checker was built for one student, without grading; with it: \
                             `cargo run -p checker --features grade -- grade ...`";

/// Why a command ends without success.
enum CliError {
    Usage(String),
    Lab(LabError),
    Interrupted,
}

impl From<LabError> for CliError {
    fn from(error: LabError) -> CliError {
        CliError::Lab(error)
    }
}

impl From<NoCourse> for CliError {
    fn from(missing: NoCourse) -> CliError {
        CliError::Usage(missing.to_string())
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> CliError {
        match error {
            RunError::Cancelled => CliError::Interrupted,
            RunError::Lab(error) => CliError::Lab(error),
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no trouble; clap knows which is which, and where each goes.
            let status = if error.use_stderr() {
                exit::USAGE
            } else {
                exit::PASSED
            };
            let _ = error.print();
            return ExitCode::from(status);
        }
    };
    match cli.color {
        Colour::Auto => ColorChoice::Auto,
        Colour::Always => ColorChoice::Always,
        Colour::Never => ColorChoice::Never,
    }
    .write_global();
    let cancel = match Cancel::new() {
        Ok(cancel) => cancel,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::from(exit::BROKEN);
        }
    };
    cancel_on_signals(&cancel);
    let result = match cli.command {
        None => check(cli.check, cli.desk, &cancel),
        Some(Command::List { targets }) => list::run(&targets),
        Some(Command::Watch { targets }) => watch::run(&targets, &cancel),
        Some(Command::Read { words }) => read::run(&words),
        Some(Command::Why(arguments)) => why::run(arguments, &cancel),
        Some(Command::Reset { exercise }) => reset::run(&exercise),
        Some(Command::Compare(arguments)) => compare::run(&arguments),
        Some(Command::Hint(arguments)) => hint::run(&arguments, cli.desk),
        Some(Command::Verify {
            targets,
            coverage: true,
            ..
        }) => show_coverage(&targets),
        Some(Command::Verify {
            targets,
            changed,
            own_tests,
            times,
            how,
            ..
        }) => prove(
            &targets,
            changed.as_ref().map(Option::as_deref),
            match own_tests {
                true => Trial::OwnTest,
                false => Trial::InOrder,
            },
            times,
            &how,
            &cancel,
        ),
        Some(Command::Book { folder, .. }) => book::write(folder.as_deref()),
        Some(Command::Exercise(command)) => exercise::run(&command),
        Some(Command::Mistake(command)) => mistake::run(&command, &cancel),
        Some(Command::Trace(arguments)) => trace::run(&arguments, &cancel),
        Some(Command::Demo(arguments)) => demo::run(&arguments, &cancel),
        #[cfg(feature = "grade")]
        Some(Command::Grade(arguments)) => grade::run(arguments, &cancel),
        #[cfg(not(feature = "grade"))]
        Some(Command::Grade { .. }) => Err(CliError::Usage(WITHOUT_GRADE.to_owned())),
        Some(Command::Doctor) => examine(),
        Some(Command::Handout(arguments)) => handout::run(arguments),
        Some(Command::Completions(arguments)) => completions::run(&arguments),
        Some(Command::Complete(question)) => completions::answer(&question),
    };
    let status = result.unwrap_or_else(|trouble| {
        let (message, status) = match trouble {
            CliError::Usage(message) => (message, exit::USAGE),
            CliError::Lab(error) => (error.to_string(), exit::BROKEN),
            CliError::Interrupted => return exit::INTERRUPTED,
        };
        complain(&message);
        status
    });
    if cancel.is_cancelled() {
        return ExitCode::from(exit::INTERRUPTED);
    }
    ExitCode::from(status)
}

/// From now on, the signals that ask for an end cancel what is going on: all that was started ends first.
fn cancel_on_signals(cancel: &Cancel) {
    static CANCEL: OnceLock<Cancel> = OnceLock::new();
    extern "C" fn interrupted(_: libc::c_int) {
        if let Some(cancel) = CANCEL.get() {
            cancel.cancel();
        }
    }
    let _ = CANCEL.set(cancel.clone());
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    let action = SigAction::new(
        SigHandler::Handler(interrupted),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler reads an atomic and calls write(2), which succeeds and so leaves errno as it is.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

fn conditions(how: &How, cancel: &Cancel) -> Conditions {
    Conditions {
        seed: how.seed.unwrap_or_else(|| fastrand::u64(0..1_000_000)),
        isolation: how.isolation.unwrap_or_else(sandbox::best_isolation),
        tracing: how.tracing.unwrap_or_else(|| match sandbox::can_trace() {
            // A jail leaves to the tracer what nothing else does.
            true if how.jail => Tracing::On,
            true => Tracing::AsNeeded,
            false => Tracing::Off,
        }),
        jail: how.jail.then(Jail::of_a_program),
        jobs: how.jobs.map_or_else(check::default_jobs, usize::from),
        temporary: None,
        cancel: cancel.clone(),
    }
}

/// `changed` is there if only what differs from a revision is to be proved, and names that revision.
fn prove(
    targets: &[String],
    changed: Option<Option<&str>>,
    trial: Trial,
    times: u32,
    how: &How,
    cancel: &Cancel,
) -> Result<u8, CliError> {
    let root = workspace::find()?;
    let scope = match changed {
        Some(revision) => verify::changed::since(&root, revision)?,
        None => verify::whole(&all_or(targets)?),
    };
    if scope.is_empty() {
        say("nothing that an exercise depends on has changed\n")?;
        return Ok(exit::PASSED);
    }
    refuse_students(&root)?;
    let line = ProgressLine::new();
    let mut faults = 0;
    for round in 1..=times {
        let mut conditions = conditions(how, cancel);
        conditions.seed = conditions.seed.wrapping_add(u64::from(round - 1));
        let proof = verify::run(&root, &scope, trial, conditions, |message| {
            line.say(&format!("round {round} of {times}: {message}"));
        })?;
        faults += proof.faults.len();
        line.pause(|| say(&proof.render(width())))?;
    }
    drop(line);
    Ok(if faults == 0 {
        exit::PASSED
    } else {
        exit::FAILED
    })
}

/// Otherwise every fault would name a known-wrong version, to students of all people.
fn refuse_students(root: &Path) -> Result<(), CliError> {
    match root.join("solutions").is_dir() {
        true => Ok(()),
        false => Err(CliError::Usage(
            "verify is for the instructors' course, which has the solutions".to_owned(),
        )),
    }
}

fn show_coverage(targets: &[String]) -> Result<u8, CliError> {
    let root = workspace::find()?;
    refuse_students(&root)?;
    let exercises = all_or(targets)?.into_iter();
    let found: Vec<Coverage> = exercises
        .map(|exercise| coverage::of(&root, exercise))
        .collect();
    say(&coverage::render(&found, width()))?;
    Ok(match found.iter().all(Coverage::is_whole) {
        true => exit::PASSED,
        false => exit::FAILED,
    })
}

fn examine() -> Result<u8, CliError> {
    let (text, is_well) = doctor::examine(width());
    say(&text)?;
    Ok(if is_well { exit::PASSED } else { exit::BROKEN })
}
