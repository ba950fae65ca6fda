//! The command line.

mod delivery;
mod demo;
mod grade;
mod trace;

use std::{
    fs,
    io::{self, IsTerminal, Write},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::Ordering,
};

use anstream::ColorChoice;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::delivery::Delivery;
use crate::{
    arena::{self, Isolation, Jail, Tracing},
    check::{self, Event, Plan},
    crew::{Conditions, INTERRUPTED},
    doctor,
    exercise::Exercise,
    failure::LabError,
    handout::{self, Handout},
    map,
    progress::Progress,
    report::{Report, Status, human},
    syllabus::EXERCISES,
    target::{self, Unknown},
    verify, workspace,
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
    version,
    max_term_width = 80,
    args_conflicts_with_subcommands = true,
    after_help = "Targets: all, a day (day2), an exercise (day2_2, echo_server or day2_2_echo_server).\n\
                  Exit status: 0 all passed, 1 a test failed, 2 wrong usage, 3 the lab itself failed,\n\
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
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Bring back the random bytes of an earlier run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many tests run at once [default: two for each processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// How far each test is separated from this machine [default: as far as it allows]
    #[arg(long, value_enum)]
    isolation: Option<Isolation>,
    /// Whether to follow the system calls of programs [default: on, where the machine allows it]
    #[arg(long, value_enum)]
    tracing: Option<Tracing>,
    /// Lock each program into a jail, as `grade` does with those that nobody has read
    #[arg(long, hide = true)]
    jail: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the exercises and their tests
    List {
        /// Which exercises [default: all]
        targets: Vec<String>,
    },
    /// Say what to do next in an exercise
    Hint {
        /// Which exercise
        exercise: String,
    },
    /// For instructors: prove that the hidden tests are right
    ///
    /// Starters compile and fail; solutions pass; every known-wrong version is rejected by its own test, with its
    /// diagnosis and its hint; every test rejects one.
    Verify {
        /// Which exercises [default: all]
        targets: Vec<String>,
        /// Do all of it so many times
        #[arg(long, value_name = "N", default_value_t = 1)]
        times: u32,
        #[command(flatten)]
        how: How,
    },
    /// Run your program, and show its system calls and the TCP states of its sockets while it runs
    ///
    /// It runs at your terminal and in your network: type to it, or connect with nc from another terminal. The story
    /// comes on standard error. Ctrl-C goes to the program.
    #[command(
        after_help = "Exit status: that of the program, or 128 and the number of the signal that killed it;\n\
                      1 it does not compile, 2 wrong usage, 3 the lab itself failed."
    )]
    Trace(trace::Arguments),
    /// Try what the textbook says on this machine's kernel
    ///
    /// Without a name: all demos, and what each answers.
    #[command(
        after_help = "Exit status: 0 the kernel did what the textbook says, 1 it did something else, 2 wrong usage,\n\
                      3 the lab itself failed, 4 something could not be shown here."
    )]
    Demo(demo::Arguments),
    /// For instructors and CI: grade the submissions of a class
    ///
    /// A submission is a folder, a .zip or a .tar.gz with a student's exercises/, or with the crates worked on. Their
    /// source files are built in a workspace of the grader's own, each submission by itself, and the hidden tests run
    /// on what comes out. The same command goes on where an earlier one ended.
    #[command(after_help = grade::AFTER_HELP)]
    Grade(grade::Arguments),
    /// Say what this machine allows, and how to allow what is missing
    Doctor,
    /// For instructors: write what students get to a folder
    ///
    /// The exercises, the textbook and this checker as a program: no solution, no known-wrong version, and no source of
    /// a hidden test.
    Handout {
        /// A new folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// A checker to hand out, one for each kind of machine [default: this one]
        #[arg(long = "checker", value_name = "PATH")]
        checkers: Vec<PathBuf>,
        /// Add the source of what the exercises depend on, so that students need no network
        #[arg(long)]
        vendor: bool,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
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
enum Trouble {
    Usage(String),
    Lab(LabError),
}

impl From<LabError> for Trouble {
    fn from(error: LabError) -> Trouble {
        Trouble::Lab(error)
    }
}

impl From<Unknown> for Trouble {
    fn from(unknown: Unknown) -> Trouble {
        let meant = match (target::other_day(&unknown.name), unknown.near.as_slice()) {
            (Some(days), _) => format!("there are day{} to day{}", days.start(), days.end()),
            (None, []) => "`checker list` shows all names".to_owned(),
            (None, near) => format!("did you mean {}?", near.join(" or ")),
        };
        Trouble::Usage(format!("there is no target '{}'; {meant}", unknown.name))
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
    catch_interrupts();
    let result = match cli.command {
        None => check(cli.check),
        Some(Command::List { targets }) => list(&targets),
        Some(Command::Hint { exercise }) => hint(&exercise),
        Some(Command::Verify {
            targets,
            times,
            how,
        }) => prove(&targets, times, &how),
        Some(Command::Trace(arguments)) => trace::run(&arguments),
        Some(Command::Demo(arguments)) => demo::run(&arguments),
        Some(Command::Grade(arguments)) => grade::run(arguments),
        Some(Command::Doctor) => examine(),
        Some(Command::Handout {
            folder,
            checkers,
            vendor,
        }) => hand_out(&folder, checkers, vendor),
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "checker", &mut text);
            say(&String::from_utf8_lossy(&text))
                .map(|()| exit::PASSED)
                .map_err(Trouble::from)
        }
    };
    let status = result.unwrap_or_else(|trouble| {
        let (message, status) = match trouble {
            Trouble::Usage(message) => (message, exit::USAGE),
            Trouble::Lab(error) => (error.to_string(), exit::BROKEN),
        };
        complain(&message);
        status
    });
    if INTERRUPTED.load(Ordering::Relaxed) {
        return ExitCode::from(exit::INTERRUPTED);
    }
    ExitCode::from(status)
}

/// Ctrl-C and a polite end are noticed by the crew, which ends its runners first.
fn catch_interrupts() {
    extern "C" fn interrupted(_: libc::c_int) {
        INTERRUPTED.store(true, Ordering::Relaxed);
    }
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    let action = SigAction::new(
        SigHandler::Handler(interrupted),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler only stores to an atomic.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

/// Writes to standard output. A reader who has gone (`checker list | head -1`) is no trouble; a full disk is.
fn say(text: &str) -> Result<(), LabError> {
    let mut stdout = anstream::stdout();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(LabError::io("could not write to standard output", &error))
        }
        _ => Ok(()),
    }
}

fn complain(text: &str) {
    let text = human::fold(&format!("checker: {text}"), width(), "", "  ");
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// The width of the terminal; 80 columns where there is none.
fn width() -> usize {
    columns(&io::stdout())
}

fn columns(output: &impl AsRawFd) -> usize {
    let (_, columns) = console_size(output).unwrap_or((0, 80));
    usize::from(columns).clamp(60, 120)
}

fn console_size(output: &impl AsRawFd) -> Option<(u16, u16)> {
    // SAFETY: a winsize is plain integers, for which all zeros are valid.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: TIOCGWINSZ (ioctl_tty(2)) writes a winsize, which is alive during the call.
    let result = unsafe { libc::ioctl(output.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

fn conditions(how: &How) -> Conditions {
    let machine = arena::probe();
    Conditions {
        seed: how.seed.unwrap_or_else(|| fastrand::u64(0..1_000_000)),
        isolation: how.isolation.unwrap_or_else(|| machine.isolation()),
        tracing: how.tracing.unwrap_or_else(|| machine.tracing()),
        jail: how.jail.then(Jail::of_a_program),
        jobs: how.jobs.map_or_else(check::default_jobs, usize::from),
    }
}

fn check(arguments: CheckArguments) -> Result<u8, Trouble> {
    let root = workspace::find()?;
    if arguments.targets.is_empty() {
        if arguments.program.is_some()
            || arguments.only.is_some()
            || arguments.report.output.is_some()
        {
            return Err(Trouble::Usage(
                "which exercise? Name a target, for example day2_2".to_owned(),
            ));
        }
        say(&map::draw(&recall(&root), width()))?;
        return Ok(exit::PASSED);
    }
    let exercises = resolve_or_command(&arguments.targets)?;
    if let (Some(_), [_, _, ..]) = (&arguments.program, exercises.as_slice()) {
        return Err(Trouble::Usage(
            "--program is one program: name one exercise, for example day2_2".to_owned(),
        ));
    }
    if let Some(program) = &arguments.program {
        refuse_unusable(program)?;
    }
    let mut plan = Plan {
        colour: anstream::stdout().is_terminal() && ColorChoice::global() != ColorChoice::Never
            || ColorChoice::global() == ColorChoice::Always,
        conditions: conditions(&arguments.how),
        root,
        exercises,
        only: arguments.only.clone(),
        program: arguments.program.clone(),
    };
    refuse_unknown_test(&plan)?;
    let mut delivery = Delivery::new(
        &arguments.report,
        arguments.program.clone(),
        arguments.verbose,
    )?;
    let exercises = plan.exercises.clone();
    plan.exercises = exercises
        .into_iter()
        .filter(|exercise| !plan.tests_of(exercise).is_empty())
        .collect();
    let report = watch(&plan, &mut delivery, &arguments)?;
    if INTERRUPTED.load(Ordering::Relaxed) {
        return Ok(exit::INTERRUPTED);
    }
    if plan.program.is_none()
        && let Some(progress) = remember(&plan.root, &report)
        && (delivery.shows_people() && report.status == Status::Passed)
    {
        say(&map::onward(&plan.exercises, &progress))?;
    }
    delivery.deliver(&report)?;
    Ok(match report.status {
        Status::Passed => exit::PASSED,
        Status::Failed => exit::FAILED,
        Status::Broken => exit::BROKEN,
        Status::NotChecked => exit::NOT_CHECKED,
    })
}

fn refuse_unusable(program: &Path) -> Result<(), Trouble> {
    let path = program.display();
    match fs::metadata(program) {
        Err(error) => Err(Trouble::Usage(format!(
            "there is no program {path}: {error}"
        ))),
        Ok(found) if !found.is_file() => Err(Trouble::Usage(format!("{path} is not a file"))),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => Err(Trouble::Usage(format!(
            "{path} is not executable; `chmod +x {path}` makes it so"
        ))),
        Ok(_) => Ok(()),
    }
}

/// A mistyped command looks like a target, so that near names of both are offered.
fn resolve_or_command(targets: &[String]) -> Result<Vec<&'static Exercise>, Trouble> {
    target::resolve(targets).map_err(|mut unknown| {
        let commands = Cli::command();
        let names = commands
            .get_subcommands()
            .map(|command| command.get_name().to_owned());
        unknown.near = target::near(&unknown.name, target::all_names().into_iter().chain(names));
        unknown.into()
    })
}

fn refuse_unknown_test(plan: &Plan) -> Result<(), Trouble> {
    let Some(text) = &plan.only else {
        return Ok(());
    };
    if plan
        .exercises
        .iter()
        .any(|exercise| !plan.tests_of(exercise).is_empty())
    {
        return Ok(());
    }
    let names = plan
        .exercises
        .iter()
        .flat_map(|exercise| exercise.tests)
        .map(|test| test.name);
    let near = target::near(text, names.clone().map(str::to_owned));
    let near = if near.is_empty() {
        names.map(str::to_owned).collect()
    } else {
        near
    };
    Err(Trouble::Usage(format!(
        "no test has a name with '{text}' in it; there are:\n{}",
        near.join("\n")
    )))
}

/// Runs the plan, with a progress line on a terminal, and reports for people as soon as they are complete.
fn watch(
    plan: &Plan,
    delivery: &mut Delivery,
    arguments: &CheckArguments,
) -> Result<Report, LabError> {
    let bar = progress_line();
    let detail = human::Detail {
        seed: plan.conditions.seed,
        program: plan.program.as_deref(),
        verbose: arguments.verbose,
        width: width(),
    };
    let feedback = arguments.report.feedback;
    let to_terminal = delivery.shows_people();
    let (mut shown, mut kept) = (Ok(()), Ok(()));
    let report = check::run(plan, |event| match event {
        Event::Compiling(name) => bar.set_message(format!("compiling {name}")),
        Event::Tested(done, of) => bar.set_message(format!("{done} of {of} tests done")),
        Event::Exercise(exercise) => {
            if to_terminal && !INTERRUPTED.load(Ordering::Relaxed) {
                let exercise = feedback.of_exercise(exercise);
                let said = bar.suspend(|| say(&human::exercise(&exercise, detail)));
                shown = std::mem::replace(&mut shown, Ok(())).and(said);
            }
        }
        Event::SoFar(so_far) => {
            kept = std::mem::replace(&mut kept, Ok(())).and_then(|()| delivery.keep(so_far));
        }
    });
    bar.finish_and_clear();
    let report = match report {
        Ok(report) => report,
        Err(trouble) => {
            delivery.give_up(&check::unfinished(plan, &trouble))?;
            return Err(trouble);
        }
    };
    shown.and(kept)?;
    if to_terminal && !INTERRUPTED.load(Ordering::Relaxed) {
        say(&human::summary(&feedback.of(&report)))?;
    }
    Ok(report)
}

/// One line on standard error that says what is going on; nothing where that is no terminal.
fn progress_line() -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr_with_hz(10)
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

/// What passes so far. A file that cannot be read is worth a note; the map is drawn without it.
fn recall(root: &Path) -> Progress {
    Progress::load(root).unwrap_or_else(|error| {
        complain(&error.to_string());
        Progress::default()
    })
}

/// The map of the course lives on this. If it cannot be written, the run is as good as before; and a file that cannot
/// be read is left as it is. Returns what passes now, where that is known.
fn remember(root: &Path, report: &Report) -> Option<Progress> {
    let mut progress = match Progress::load(root) {
        Ok(progress) => progress,
        Err(error) => {
            let advice = "mend it, or remove it to begin anew";
            complain(&format!("{error}; {advice}"));
            return None;
        }
    };
    progress.take(report);
    if let Err(error) = progress.save(root) {
        complain(&format!("could not remember what passes, in .lab: {error}"));
    }
    Some(progress)
}

fn all_or(targets: &[String]) -> Result<Vec<&'static Exercise>, Trouble> {
    if targets.is_empty() {
        return Ok(target::resolve(&["all".to_owned()])?);
    }
    Ok(target::resolve(targets)?)
}

fn list(targets: &[String]) -> Result<u8, Trouble> {
    let exercises = all_or(targets)?;
    say(&map::list(&exercises, width()))?;
    Ok(exit::PASSED)
}

fn hint(name: &str) -> Result<u8, Trouble> {
    let root = workspace::find()?;
    let exercises = target::resolve(&[name.to_owned()])?;
    for exercise in exercises {
        say(&map::hint(exercise, &recall(&root), width()))?;
    }
    Ok(exit::PASSED)
}

fn prove(targets: &[String], times: u32, how: &How) -> Result<u8, Trouble> {
    let root = workspace::find()?;
    let exercises = all_or(targets)?;
    let bar = progress_line();
    let mut faults = 0;
    for round in 1..=times {
        let mut conditions = conditions(how);
        conditions.seed = conditions.seed.wrapping_add(u64::from(round - 1));
        let proof = verify::run(&root, &exercises, conditions, |message| {
            bar.set_message(format!("round {round} of {times}: {message}"));
        })?;
        faults += proof.faults.len();
        bar.suspend(|| say(&proof.render(width())))?;
        if INTERRUPTED.load(Ordering::Relaxed) {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(if faults == 0 {
        exit::PASSED
    } else {
        exit::FAILED
    })
}

fn hand_out(folder: &Path, mut checkers: Vec<PathBuf>, vendor: bool) -> Result<u8, Trouble> {
    if !handout::is_free(folder) {
        return Err(Trouble::Usage(format!(
            "{} is there already, and not empty; name a new folder",
            folder.display()
        )));
    }
    if checkers.is_empty() {
        let this = std::env::current_exe();
        checkers.push(this.map_err(|error| LabError::io("could not find this program", &error))?);
    }
    let root = workspace::find()?;
    let handout = Handout {
        root,
        checkers,
        vendor,
    };
    let machines = handout.write_to(folder)?;
    say(&format!(
        "{} is ready to be handed out: {} exercises, and a checker for {}\n",
        folder.display(),
        EXERCISES.len(),
        machines.join(" and ")
    ))?;
    Ok(exit::PASSED)
}

fn examine() -> Result<u8, Trouble> {
    let (text, is_well) = doctor::examine(width());
    say(&text)?;
    Ok(if is_well { exit::PASSED } else { exit::BROKEN })
}
