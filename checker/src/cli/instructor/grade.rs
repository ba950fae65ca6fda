//! `checker grade`: many submissions, and what came of them.

mod merge;

use std::{
    collections::BTreeMap,
    env,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{CliError, ProgressLine, all_or, complain, exit, possible, say};
use crate::{
    exercise::Exercise,
    failure::LabError,
    grade::{
        self, GradeEvent, Grading,
        gradebook::{self, FeedbackOptions, Gradebook, Graded, GradingConfig},
        name::Name,
        place, retries,
        shard::{self, Shard},
        submission::Submission,
    },
    report::{Feedback, Format, Status, Visibility},
    sandbox::{self, Isolation, Jail, Probe, Tracing},
    worker::{Cancel, RunError},
    worker_pool::Conditions,
};

pub const AFTER_HELP: &str = "Exit status: 0 all submissions were graded, whatever their points, 2 wrong usage, \
                              3 the lab itself failed on some, 4 this machine does not allow what is needed, \
                              130 interrupted: the same command goes on.\n\
                              The same command tries what the lab has failed on again, three times in a row at most; \
                              --retry-broken tries it whenever you ask.";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// What to grade
    #[arg(value_name = "SUBMISSION", required = true)]
    submissions: Vec<PathBuf>,
    /// The folder for the grades; one of an earlier run is taken up again
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    /// Which exercises: a day, a name, as in a check [default: all]
    #[arg(long = "exercise", value_name = "TARGET")]
    exercises: Vec<String>,
    /// How many submissions are at work at once [default: one for each processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Bring back the random bytes of an earlier run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Grade one part of the class: 3/16, or /16 where the environment tells which, or all of it: all
    /// [default: what a GitLab, Slurm or Kubernetes job tells, or a GitHub workflow hands on]
    #[arg(long, value_name = "PART", value_parser = shard::parse)]
    shard: Option<shard::Asked>,
    /// Try those again, too, on which the lab itself has failed three times in a row
    #[arg(long)]
    retry_broken: bool,
    /// Refuse to grade where a hostile submission is not contained [default: where CI is set]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    strict: Option<bool>,
    #[command(flatten)]
    options: FeedbackArguments,
    /// How much processor time the compiler may use for one program, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    build_limit: u64,
    /// How far each test is separated from this machine [default: as far as it allows]
    #[arg(long, value_name = "ISOLATION", value_parser = possible::isolations())]
    isolation: Option<Isolation>,
    /// Which tests follow the system calls of programs [default: on, where the machine allows it]
    #[arg(long, value_name = "TRACING", value_parser = possible::tracings())]
    tracing: Option<Tracing>,
}

/// What students get. An earlier run in the same folder has said it, unless this one says otherwise.
#[derive(Clone, Copy, Debug, Args)]
struct FeedbackArguments {
    /// How to write what each student gets [default: human]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// How much that tells [default: full]
    #[arg(long, value_enum)]
    feedback: Option<Feedback>,
    /// On Gradescope: when students see the tests [default: visible]
    #[arg(long, value_enum, value_name = "WHEN")]
    visibility: Option<Visibility>,
}

impl FeedbackArguments {
    fn or(self, earlier: FeedbackOptions) -> FeedbackOptions {
        FeedbackOptions {
            format: self.format.unwrap_or(earlier.format),
            feedback: self.feedback.unwrap_or(earlier.feedback),
            visibility: self.visibility.unwrap_or(earlier.visibility),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put the parts of a class together which several machines have graded
    Merge {
        /// The folders of the parts
        #[arg(value_name = "DIR", required = true)]
        parts: Vec<PathBuf>,
        /// The folder for the whole
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        #[command(flatten)]
        options: FeedbackArguments,
    },
}

pub fn run(arguments: Arguments, cancel: &Cancel) -> Result<u8, CliError> {
    if let Some(Command::Merge {
        parts,
        out,
        options,
    }) = arguments.command
    {
        return merge::run(&parts, &out, options);
    }
    let Some(out) = &arguments.out else {
        return Err(CliError::Usage(
            "where to? Name a folder with --out".to_owned(),
        ));
    };
    let paths = arguments.submissions.iter();
    let mut submissions: Vec<Submission> = paths.map(|path| Submission::at(path)).collect();
    refuse_unusable(&mut submissions)?;
    let exercises = all_or(&arguments.exercises)?;
    let shard =
        shard::find(arguments.shard, |name| env::var(name).ok()).map_err(CliError::Usage)?;
    if let Some((shard, source)) = shard {
        note(&format!("part {shard} of the class, from {source}"));
    }
    let shard = shard.map(|(shard, _)| shard);
    let Some(machine) = examine_machine(&arguments) else {
        return Ok(exit::NOT_CHECKED);
    };
    let temporary = temporary_folder(&submissions, out);
    let mut gradebook = Gradebook::open(out, shard)?;
    let class = submissions.iter().map(|one| one.name.clone()).collect();
    let config = agree(
        &gradebook,
        arguments.seed,
        &exercises,
        shard,
        class,
        arguments.options,
    )?;
    gradebook.begin(&config)?;
    let submissions = match shard {
        Some(shard) => shard.of(submissions),
        None => submissions,
    };
    let grading = Grading {
        exercises,
        submissions,
        retries_all: arguments.retry_broken,
        build_limit: arguments.build_limit,
        conditions: Conditions {
            seed: config.seed,
            isolation: arguments.isolation.unwrap_or_else(|| machine.isolation()),
            tracing: arguments
                .tracing
                .unwrap_or_else(|| match machine.can_trace() {
                    true => Tracing::On,
                    false => Tracing::Off,
                }),
            jail: machine.has_jail().then(Jail::of_a_program),
            jobs: arguments.jobs.map_or_else(processors, usize::from),
            temporary,
            cancel: cancel.clone(),
        },
    };
    let is_cancelled = match watch(&grading, &gradebook) {
        Ok(()) => false,
        Err(RunError::Cancelled) => true,
        Err(RunError::Lab(error)) => return Err(error.into()),
    };
    let mut all = gradebook.all()?;
    all.retain(|name, _| config.submissions.contains(name));
    match is_cancelled {
        true => Ok(tell_how_far(&grading, &all)),
        false => conclude(&gradebook, &all),
    }
}

/// What this machine has of what grading needs. None if something is missing, and the command line or the environment
/// says that nothing is graded then.
fn examine_machine(arguments: &Arguments) -> Option<Probe> {
    let mut machine = sandbox::probe();
    // What is not wanted is as good as missing.
    if arguments.isolation == Some(Isolation::Shared) {
        machine.namespaces = Err(LabError::new("--isolation shared does without them"));
    }
    if arguments.tracing == Some(Tracing::Off) {
        machine.tracing = Err(LabError::new("--tracing off does without it"));
    }
    let missing = machine.missing();
    let is_strict = arguments.strict.unwrap_or_else(is_ci);
    for missing in &missing {
        let kind = if is_strict { "missing" } else { "note" };
        complain(&format!("{kind}: {missing}"));
    }
    if is_strict && !missing.is_empty() {
        complain(
            "nothing is graded, because a hostile submission would not be contained; --strict=false grades",
        );
        return None;
    }
    Some(machine)
}

/// For a run that was interrupted.
fn tell_how_far(grading: &Grading, all: &BTreeMap<Name, Graded>) -> u8 {
    let submissions = &grading.submissions;
    let known = submissions
        .iter()
        .filter(|submission| all.contains_key(&submission.name));
    complain(&format!(
        "{} of {} submissions are graded; the same command goes on",
        known.count(),
        submissions.len()
    ));
    exit::INTERRUPTED
}

/// Where submissions are built and tested, if not where the environment says.
fn temporary_folder(submissions: &[Submission], out: &Path) -> Option<PathBuf> {
    let paths = submissions.iter().map(|submission| &*submission.path);
    let class: Vec<PathBuf> = paths.chain([out]).map(Path::to_owned).collect();
    let wanted = env::temp_dir();
    let chosen = place::neutral(&wanted, &class);
    let shown = wanted.display();
    let is_wanted = |chosen: &PathBuf| wanted.canonicalize().is_ok_and(|wanted| wanted == *chosen);
    match &chosen {
        Some(chosen) if is_wanted(chosen) => (),
        Some(chosen) => note(&format!(
            "{shown} tells where the class lies, and programs see their paths: they are built and tested in {}",
            chosen.display()
        )),
        None => note(&format!(
            "programs see that they lie in {shown}, which tells where the class lies; set TMPDIR to another folder"
        )),
    }
    chosen
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// As CI systems say it.
fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()))
}

/// In the order of names, which is the same on every machine; and each there once.
fn refuse_unusable(submissions: &mut [Submission]) -> Result<(), CliError> {
    for submission in &*submissions {
        if let Err(error) = submission.path.symlink_metadata() {
            return Err(CliError::Usage(format!(
                "there is no submission {:?}: {error}",
                submission.path
            )));
        }
    }
    submissions.sort_by(|one, other| one.name.cmp(&other.name));
    let twice = submissions
        .windows(2)
        .find(|pair| pair[0].name == pair[1].name);
    match twice {
        Some(pair) => Err(CliError::Usage(format!(
            "two submissions are called {}; a gradebook has room for one of them",
            pair[0].name
        ))),
        None => Ok(()),
    }
}

/// What this run is about: what the earlier run in this folder was about, if there was one.
fn agree(
    gradebook: &Gradebook,
    seed: Option<u64>,
    exercises: &[&'static Exercise],
    shard: Option<Shard>,
    class: Vec<Name>,
    options: FeedbackArguments,
) -> Result<GradingConfig, CliError> {
    let earlier = gradebook.configs()?;
    let earlier = earlier
        .iter()
        .find(|config| config.shard == shard)
        .or(earlier.first());
    let known = earlier.map(|config| config.seed);
    let drawn = seed
        .or(known)
        .unwrap_or_else(|| fastrand::u64(0..1_000_000));
    let mut config = GradingConfig::new(drawn, exercises, shard, class);
    if let Some(earlier) = earlier {
        let differs = match () {
            () if earlier.version != config.version => {
                "was written by another version of the checker"
            }
            () if earlier.seed != config.seed => "has another seed",
            () if earlier.exercises != config.exercises => "is about other exercises",
            () if earlier.tests != config.tests => {
                "is about other hidden tests than this checker has"
            }
            () if earlier.shard.is_some() != shard.is_some() => {
                "is of a class that was graded in other parts"
            }
            () => "",
        };
        if !differs.is_empty() {
            return Err(CliError::Usage(format!(
                "the gradebook in this folder {differs}. It stays as it is; name another folder with --out, and the \
                 class is graded anew there"
            )));
        }
        // Submissions that came in one by one make one class.
        if shard.is_none() {
            config
                .submissions
                .extend(earlier.submissions.iter().cloned());
            config.submissions.sort();
            config.submissions.dedup();
        }
    }
    let known = earlier.map(|config| config.options);
    config.options = options.or(known.unwrap_or_default());
    Ok(config)
}

/// Grades, with a progress line on a terminal, and else a line for each submission.
fn watch(grading: &Grading, gradebook: &Gradebook) -> Result<(), RunError> {
    let is_terminal = io::stderr().is_terminal();
    let total = grading.submissions.len();
    let line = ProgressLine::new();
    let mut done = 0;
    grade::run(grading, gradebook, |event| {
        match event {
            GradeEvent::Preparing => return line.say("compiling the dependencies"),
            GradeEvent::Known(_) => done += 1,
            GradeEvent::Graded(graded) => {
                done += 1;
                if !is_terminal {
                    let report = &graded.report;
                    note(&format!(
                        "{done} of {total}: {}, {} of {} points",
                        graded.name, report.points, report.max_points
                    ));
                }
            }
        }
        line.say(&format!("{done} of {total} submissions done"));
    })
}

fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "checker: {text}");
}

/// The table, the spreadsheet, and the exit status.
fn conclude(gradebook: &Gradebook, all: &BTreeMap<Name, Graded>) -> Result<u8, CliError> {
    let path = gradebook.sum_up(all)?;
    say(&gradebook::table(all))?;
    say(&format!(
        "\n{} submissions in {}\n",
        all.len(),
        path.display()
    ))?;
    let any = |status| all.values().any(|graded| graded.status() == status);
    Ok(match () {
        () if any(Status::Broken) => {
            complain_of_broken(all);
            exit::BROKEN
        }
        () if any(Status::NotChecked) => exit::NOT_CHECKED,
        () => exit::PASSED,
    })
}

/// Which submissions the lab has failed on, and what to do about it.
fn complain_of_broken(all: &BTreeMap<Name, Graded>) {
    let broken = |is_left: bool| {
        let names: Vec<&str> = all
            .values()
            .filter(|graded| graded.status() == Status::Broken)
            .filter(|graded| graded.retries.are_used_up() == is_left)
            .map(|graded| graded.name.as_str())
            .collect();
        Some(names.join(", ")).filter(|names| !names.is_empty())
    };
    if let Some(names) = broken(false) {
        complain(&format!(
            "the lab failed on {names}; the same command tries again"
        ));
    }
    if let Some(names) = broken(true) {
        complain(&format!(
            "the lab failed {} times in a row on {names}: not tried again until the submission or the checker changes; \
             the file in submissions/ says what failed, and --retry-broken tries again",
            retries::MOST
        ));
    }
}
