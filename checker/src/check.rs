//! A run: build, test, report.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc::Sender},
};

use crate::{
    build::{
        self, BuildEvent,
        cargo::Building,
        site::{CourseSite, Site, Untrusted},
    },
    exercise::Exercise,
    failure::LabError,
    report::{ExerciseReport, NoProgram, Report, TestReport},
    sandbox, verdict,
    worker::RunError,
    worker_pool::{self, Batch, Conditions, Done},
};

/// What is to be checked, and how.
#[derive(Debug)]
pub struct Plan {
    /// The course's folder.
    pub root: PathBuf,
    /// In the order of the course.
    pub exercises: Vec<&'static Exercise>,
    /// Only tests whose name holds this text.
    pub only: Option<String>,
    /// Test this program in place of the student's crate. Then there is one exercise.
    pub program: Option<PathBuf>,
    /// Seed, isolation, jobs.
    pub conditions: Conditions,
    /// Whether the compiler's messages are coloured.
    pub colour: bool,
}

/// What happens during a run; for a progress line, and for reports as soon as they are there.
#[derive(Debug)]
pub enum CheckEvent<'a> {
    /// Cargo compiles this package.
    Compiling(&'a str),
    /// One more test is done, of so many.
    Tested(usize, usize),
    /// An exercise is done. They come in the order of the course.
    Exercise(&'a ExerciseReport),
    /// Something is known that was not before; for a reader of the reports of unfinished runs.
    SoFar(SoFar<'a>),
}

/// What is known while a run goes on.
#[derive(Clone, Copy)]
pub struct SoFar<'a>(&'a Progress<'a>);

impl SoFar<'_> {
    /// A report, in which the tests that are not done fail because of this error of the lab.
    pub fn report(&self, trouble: &LabError) -> Report {
        self.0.so_far(trouble)
    }
}

impl std::fmt::Debug for SoFar<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SoFar").field(&self.0.done).finish()
    }
}

/// How many workers may wait for a build at most. Each holds a network and its own part of the memory.
const MOST_AHEAD: usize = 20;

impl Plan {
    /// How many workers to fork before there is a program. Where nothing is built, they would come too late.
    fn ahead(&self) -> usize {
        let tests = self
            .exercises
            .iter()
            .map(|exercise| self.tests_of(exercise).len());
        match self.program {
            Some(_) => 0,
            None => tests.sum::<usize>().min(MOST_AHEAD),
        }
    }

    /// The places of the tests of this exercise which are wanted.
    pub fn tests_of(&self, exercise: &Exercise) -> Vec<usize> {
        tests_of(exercise, self.only.as_deref())
    }
}

/// The places of the tests of an exercise whose names hold this text; of all, if there is none.
pub fn tests_of(exercise: &Exercise, only: Option<&str>) -> Vec<usize> {
    let is_wanted = |name: &str| match only {
        None => true,
        Some(text) => name.to_lowercase().contains(&text.to_lowercase()),
    };
    (0..exercise.tests.len())
        .filter(|&test| is_wanted(exercise.tests[test].name))
        .collect()
}

/// What is known about each exercise so far.
struct Progress<'a> {
    plan: &'a Plan,
    reports: Vec<ExerciseReport>,
    waiting: Vec<usize>,
    finished: usize,
    done: usize,
}

/// Carries out a plan, whose build may have [begun](build::begin).
///
/// # Errors
///
/// When cargo cannot be started, or the program's file cannot be read; and when it is cancelled.
pub fn run(
    plan: &Plan,
    begun: Option<Building>,
    mut tell: impl FnMut(CheckEvent<'_>),
) -> Result<Report, RunError> {
    let mut progress = Progress::begin(plan);
    tell(CheckEvent::SoFar(SoFar(&progress)));
    let staging = Staging::new()?;
    let (to_main, news) = std::sync::mpsc::channel();
    let (mut trouble, mut tested) = (Ok(()), Ok(()));
    std::thread::scope(|scope| {
        // Two threads' results meet in one place: what the compiler says, and what the tests find.
        let from_build = to_main.clone();
        let (plan, staging) = (plan, &staging);
        let tested = &mut tested;
        scope.spawn(move || {
            let from_tests = from_build.clone();
            *tested = worker_pool::run(
                &plan.conditions,
                plan.ahead(),
                Box::new(|batches| {
                    let result = feed(plan, begun, staging, &batches, &from_build);
                    let _ = from_build.send(Step::Fed(result));
                }),
                &mut |done| {
                    let _ = from_tests.send(Step::Tested(done));
                },
            );
        });
        drop(to_main);
        for step in news {
            let is_finding = matches!(step, Step::Tested(_) | Step::NoProgram(..));
            match step {
                Step::Fed(result) => trouble = result,
                Step::Compiled(name) => tell(CheckEvent::Compiling(&name)),
                Step::Warning(index, text) => progress.reports[index].warnings.push(text),
                Step::NoProgram(index, reason) => {
                    progress.reports[index].no_program = Some(reason);
                    progress.waiting[index] = 0;
                }
                Step::Tested(done) => progress.note(done, &mut tell),
            }
            progress.hand_out(&mut tell);
            if is_finding {
                tell(CheckEvent::SoFar(SoFar(&progress)));
            }
        }
    });
    tested?;
    trouble?;
    progress.hand_out(&mut tell);
    Ok(Report::new(
        plan.conditions.seed,
        plan.conditions.isolation,
        progress.reports,
    ))
}

/// The report of a run that could not be carried out: every test fails because of this error of the lab.
pub fn unfinished(plan: &Plan, trouble: &LabError) -> Report {
    Progress::begin(plan).so_far(trouble)
}

/// Builds the program of one exercise, and tests nothing. The report holds what the compiler says, and why there is no
/// program if there is none.
///
/// # Errors
///
/// When the lab cannot build.
pub fn build(
    root: &Path,
    exercise: &'static Exercise,
    colour: bool,
    mut tell: impl FnMut(&str),
) -> Result<(Option<PathBuf>, ExerciseReport), RunError> {
    let mut report = ExerciseReport::new(exercise);
    let mut built = None;
    let course = CourseSite::new(root, colour, None);
    build::run(
        &Site::Course(&course),
        [exercise.name.to_owned()],
        None,
        &mut |event| match event {
            BuildEvent::Compiled(name) => tell(&name),
            BuildEvent::Warning(_, text) => report.warnings.push(text),
            BuildEvent::Done(_, Ok(program)) => built = Some(program),
            BuildEvent::Done(_, Err(reason)) => report.no_program = Some(reason),
        },
    )?;
    Ok((built, report))
}

enum Step {
    Compiled(String),
    Warning(usize, String),
    NoProgram(usize, NoProgram),
    Tested(Done),
    Fed(Result<(), RunError>),
}

impl Progress<'_> {
    fn begin(plan: &Plan) -> Progress<'_> {
        let exercises = || plan.exercises.iter();
        Progress {
            plan,
            reports: exercises().map(|one| ExerciseReport::new(one)).collect(),
            waiting: exercises().map(|one| plan.tests_of(one).len()).collect(),
            finished: 0,
            done: 0,
        }
    }

    fn so_far(&self, trouble: &LabError) -> Report {
        let mut reports = self.reports.clone();
        for (report, exercise) in reports.iter_mut().zip(&self.plan.exercises) {
            if report.no_program.is_none() {
                let is_done = |&test: &usize| {
                    let name = exercise.tests[test].name;
                    report.tests.iter().any(|done| done.name == name)
                };
                let wanted = self.plan.tests_of(exercise);
                let missing: Vec<usize> =
                    wanted.into_iter().filter(|test| !is_done(test)).collect();
                let unknown = |test: usize| verdict::unknown(exercise, test, trouble.clone());
                report.tests.extend(missing.into_iter().map(unknown));
            }
            complete(report, exercise, self.plan);
        }
        let conditions = &self.plan.conditions;
        Report::new(conditions.seed, conditions.isolation, reports)
    }

    fn note(&mut self, done: Done, tell: &mut impl FnMut(CheckEvent<'_>)) {
        let report = verdict::report(self.plan.exercises[done.key], done.test, done.statement);
        let tests = &mut self.reports[done.key].tests;
        tests.push(report);
        self.waiting[done.key] -= 1;
        self.done += 1;
        tell(CheckEvent::Tested(
            self.done,
            self.done + self.waiting.iter().sum::<usize>(),
        ));
    }

    /// Hands out the reports that are complete, as far as all before them are.
    fn hand_out(&mut self, tell: &mut impl FnMut(CheckEvent<'_>)) {
        while let Some(0) = self.waiting.get(self.finished) {
            let exercise = self.plan.exercises[self.finished];
            let report = &mut self.reports[self.finished];
            complete(report, exercise, self.plan);
            tell(CheckEvent::Exercise(report));
            self.finished += 1;
        }
    }
}

/// Puts the tests in their order, and adds them up.
fn complete(report: &mut ExerciseReport, exercise: &Exercise, plan: &Plan) {
    let place = |test: &TestReport| {
        let mut tests = exercise.tests.iter();
        tests.position(|known| known.name == test.name)
    };
    report.tests.sort_by_key(place);
    let wanted = plan.tests_of(exercise);
    report.sum_up(wanted.iter().map(|&test| exercise.tests[test].points).sum());
}

/// Builds what is to be tested, and sends each test on its way as soon as its program is there.
fn feed(
    plan: &Plan,
    begun: Option<Building>,
    staging: &Staging,
    batches: &Sender<Batch>,
    steps: &Sender<Step>,
) -> Result<(), RunError> {
    let send = |index: usize, program: &Path| -> Result<(), LabError> {
        let program = staging.ready(program)?;
        let exercise = plan.exercises[index];
        let known = Arc::default();
        for test in plan.tests_of(exercise) {
            let _ = batches.send(Batch {
                key: index,
                exercise,
                tests: vec![test],
                program: program.clone(),
                until_failure: false,
                known: Arc::clone(&known),
            });
        }
        Ok(())
    };
    if let Some(program) = &plan.program {
        let mut all = 0..plan.exercises.len();
        return Ok(all.try_for_each(|index| send(index, program))?);
    }
    let conditions = &plan.conditions;
    let confined = conditions.jail.as_ref().map(|_| Untrusted {
        isolation: conditions.isolation,
        cancel: conditions.cancel.clone(),
    });
    let course = CourseSite::new(&plan.root, plan.colour, confined);
    let names = plan.exercises.iter().map(|one| one.name.to_owned());
    let mut staged = Ok(());
    build::run(&Site::Course(&course), names, begun, &mut |event| {
        let place = |name: &str| plan.exercises.iter().position(|one| one.name == name);
        let step = match event {
            BuildEvent::Compiled(name) => Some(Step::Compiled(name)),
            BuildEvent::Warning(name, text) => place(&name).map(|index| Step::Warning(index, text)),
            BuildEvent::Done(name, Err(reason)) => {
                place(&name).map(|index| Step::NoProgram(index, reason))
            }
            BuildEvent::Done(name, Ok(program)) => {
                if let Some(Err(error)) = place(&name).map(|index| send(index, &program)) {
                    staged = Err(error);
                }
                None
            }
        };
        if let Some(step) = step {
            let _ = steps.send(step);
        }
    })?;
    Ok(staged?)
}

/// Where programs lie while they are tested: where they were built, or, when the checker is root's, in a folder that
/// the unprivileged user can read.
pub struct Staging {
    folder: Option<tempfile::TempDir>,
}

impl Staging {
    /// A place for the programs of one run.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn new() -> Result<Staging, LabError> {
        let folder = match sandbox::is_root() {
            false => None,
            true => Some(
                tempfile::Builder::new()
                    .prefix("socket-lab-")
                    .tempdir()
                    .map_err(|error| {
                        LabError::io("could not make a folder for the programs", &error)
                    })?,
            ),
        };
        Ok(Staging { folder })
    }

    /// The path under which a worker can execute this program.
    ///
    /// # Errors
    ///
    /// When it cannot be found or copied.
    pub fn ready(&self, program: &Path) -> Result<PathBuf, LabError> {
        let found = program.canonicalize().map_err(|error| {
            LabError::io(
                format!("could not find the program {}", program.display()),
                &error,
            )
        })?;
        match &self.folder {
            Some(folder) if !sandbox::is_open_to_all(&found) => {
                sandbox::unprivileged_copy(&found, folder.path())
            }
            _ => Ok(found),
        }
    }
}

/// How many tests run at once by default: three for each processor, because a test waits most of its time.
pub fn default_jobs() -> usize {
    3 * std::thread::available_parallelism().map_or(1, usize::from)
}
