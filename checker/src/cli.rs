//! The command line.

mod checking;
mod compare;
mod completions;
mod delivery;
mod demo;
mod hint;
#[cfg(feature = "instructor")]
mod instructor;
#[cfg(not(feature = "instructor"))]
#[path = "cli/without_instructor.rs"]
mod instructor;
mod list;
mod live;
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

use std::{path::PathBuf, process::ExitCode, sync::OnceLock};

use anstream::ColorChoice;
use clap::{Args, Parser, Subcommand, ValueEnum};

use self::{
    checking::{check, refuse_unusable},
    naming::{all_or, resolve_or_command},
    terminal::{columns, complain, knows_links, say, width},
};
use crate::{
    check, doctor,
    failure::LabError,
    frontend::Frontend,
    sandbox::{self, Isolation, Jail, Tracing},
    worker::{Cancel, RunError},
    worker_pool::Conditions,
    workspace::NoCourse,
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
    frontend: Frontend,
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
    /// Say what this machine allows, and how to allow what is missing
    Doctor,
    /// Print completions for a shell, or how to install them
    Completions(completions::Arguments),
    /// What a shell can complete a line to
    #[command(hide = true)]
    Complete(completions::Question),
    #[command(flatten)]
    Instructor(instructor::Command),
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
        None => check(cli.check, cli.frontend, &cancel),
        Some(Command::List { targets }) => list::run(&targets),
        Some(Command::Watch { targets }) => watch::run(&targets, &cancel),
        Some(Command::Read { words }) => read::run(&words),
        Some(Command::Why(arguments)) => why::run(arguments, &cancel),
        Some(Command::Reset { exercise }) => reset::run(&exercise),
        Some(Command::Compare(arguments)) => compare::run(&arguments),
        Some(Command::Hint(arguments)) => hint::run(&arguments, cli.frontend),
        Some(Command::Trace(arguments)) => trace::run(&arguments, &cancel),
        Some(Command::Demo(arguments)) => demo::run(&arguments, &cancel),
        Some(Command::Doctor) => examine(),
        Some(Command::Completions(arguments)) => completions::run(&arguments),
        Some(Command::Complete(question)) => completions::answer(&question),
        Some(Command::Instructor(command)) => instructor::run(command, &cancel),
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

fn examine() -> Result<u8, CliError> {
    let (text, is_well) = doctor::examine(width());
    say(&text)?;
    Ok(if is_well { exit::PASSED } else { exit::BROKEN })
}
