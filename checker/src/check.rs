//! A run: build, test, report.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender},
    },
    time::Duration,
};

use crate::{
    build::{
        self, BuildEvent,
        cargo::Building,
        site::{CourseSite, Site},
    },
    exercise::Exercise,
    failure::LabError,
    report::{ExerciseReport, NoProgram, Report, Status, TestReport},
    sandbox,
    test_worker::Statement,
    verdict,
    worker::{Cancel, RunError},
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
    /// End with the first failure.
    pub fails_fast: bool,
    /// Seed, isolation, jobs.
    pub conditions: Conditions,
    /// Whether the compiler's messages are coloured.
    pub colour: bool,
}

/// What happens during a run; for a progress line, and for reports as soon as they are there.
#[derive(Debug)]
pub enum CheckEvent<'a> {
    /// Cargo has compiled this package.
    Compiled(&'a str),
    /// How far the tests are.
    Testing(Stage<'a>),
    /// The first failure of an exercise is known: all tests before it have ended, and those behind it still run. The
    /// report holds what is known. The reports of all exercises before have come.
    FirstFailure(&'a ExerciseReport, &'a TestReport),
    /// An exercise is done, or, when the run ends early, as much of it as will be known. They come in the order of the
    /// course.
    Exercise(&'a ExerciseReport),
    /// Something is known that was not before; for a reader of the reports of unfinished runs.
    SoFar(SoFar<'a>),
    /// Nothing has happened for a moment.
    Waiting,
}

/// How far the tests of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage<'a> {
    /// How many tests have ended.
    pub done: usize,
    /// How many there are.
    pub of: usize,
    /// The first test that runs.
    pub runs: Option<&'a str>,
    /// How many exercises are not built yet.
    pub unbuilt: usize,
}

/// What came of a run.
#[derive(Debug)]
pub struct Finding {
    /// What was found. Exercises of which nothing is known are not in it.
    pub report: Report,
    /// How many tests were not finished, because the run was cancelled, or was to end with the first failure.
    pub unfinished: usize,
}

/// How long nothing happens before that is said.
const MOMENT: Duration = Duration::from_millis(100);

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
    built: Vec<bool>,
    finished: usize,
    /// Whether the first failure of the exercise whose turn it is was handed out.
    has_failed: bool,
    done: usize,
}

/// Carries out a plan, whose build may have [begun](build::begin). When it is cancelled, what is known by then counts.
///
/// # Errors
///
/// When cargo cannot be started, or the program's file cannot be read.
pub fn run(
    plan: &Plan,
    begun: Option<Building>,
    mut tell: impl FnMut(CheckEvent<'_>),
) -> Result<Finding, RunError> {
    let mut progress = Progress::begin(plan);
    tell(CheckEvent::SoFar(SoFar(&progress)));
    if plan.program.is_some() {
        tell(CheckEvent::Testing(progress.stage()));
    }
    let staging = Staging::new()?;
    let conditions = Conditions {
        cancel: plan.conditions.cancel.part()?,
        ..plan.conditions.clone()
    };
    let (to_main, news) = std::sync::mpsc::channel();
    let mut trouble = Ok(());
    std::thread::scope(|scope| {
        // Two threads' results meet in one place: what the compiler says, and what the tests find.
        let from_build = to_main.clone();
        let (conditions, staging) = (&conditions, &staging);
        scope.spawn(move || {
            let from_tests = from_build.clone();
            // That it was cancelled is seen in what is missing.
            let _ = worker_pool::run(
                conditions,
                plan.ahead(),
                Box::new(|batches| {
                    let result = feed(plan, conditions, begun, staging, &batches, &from_build);
                    let _ = from_build.send(Step::Fed(result));
                }),
                &mut |done| {
                    let _ = from_tests.send(Step::Tested(done));
                },
            );
        });
        drop(to_main);
        loop {
            match news.recv_timeout(MOMENT) {
                Ok(Step::Fed(result)) => trouble = result,
                Ok(step) => progress.take(step, &mut tell),
                Err(RecvTimeoutError::Timeout) => tell(CheckEvent::Waiting),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if plan.fails_fast && progress.knows_failure() {
                conditions.cancel.cancel();
            }
        }
    });
    match trouble {
        Err(RunError::Lab(error)) => Err(error.into()),
        Err(RunError::Cancelled) | Ok(()) => Ok(progress.end(&mut tell)),
    }
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
/// When the lab cannot build, and when it is cancelled.
pub fn build(
    root: &Path,
    exercise: &'static Exercise,
    colour: bool,
    cancel: &Cancel,
    mut tell: impl FnMut(&str),
) -> Result<(Option<PathBuf>, ExerciseReport), RunError> {
    let mut report = ExerciseReport::new(exercise);
    let mut built = None;
    let course = CourseSite::new(root, colour, cancel, None);
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
    Built(usize),
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
            built: vec![plan.program.is_some(); plan.exercises.len()],
            finished: 0,
            has_failed: false,
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

    /// Takes in what has happened, and tells what is known now.
    fn take(&mut self, step: Step, tell: &mut impl FnMut(CheckEvent<'_>)) {
        let is_finding = matches!(step, Step::Tested(_) | Step::NoProgram(..));
        match step {
            Step::Fed(_) => (),
            Step::Compiled(name) => tell(CheckEvent::Compiled(&name)),
            Step::Warning(index, text) => self.reports[index].warnings.push(text),
            Step::Built(index) => {
                self.built[index] = true;
                tell(CheckEvent::Testing(self.stage()));
            }
            Step::NoProgram(index, reason) => {
                self.reports[index].no_program = Some(reason);
                self.waiting[index] = 0;
                self.built[index] = true;
            }
            Step::Tested(done) => self.note(done, tell),
        }
        self.hand_out(tell);
        if is_finding {
            tell(CheckEvent::SoFar(SoFar(self)));
        }
    }

    fn note(&mut self, done: Done, tell: &mut impl FnMut(CheckEvent<'_>)) {
        let report = verdict::report(self.plan.exercises[done.key], done.test, done.statement);
        self.reports[done.key].tests.push(report);
        self.waiting[done.key] -= 1;
        self.done += 1;
        tell(CheckEvent::Testing(self.stage()));
    }

    /// Whether the first failure of the run is known.
    fn knows_failure(&self) -> bool {
        let mut complete = self.reports[..self.finished].iter();
        self.has_failed || complete.any(|report| report.status == Status::Failed)
    }

    fn stage(&self) -> Stage<'_> {
        let runs =
            (0..self.reports.len()).find(|&index| self.waiting[index] > 0 && self.built[index]);
        Stage {
            done: self.done,
            of: self.done + self.waiting.iter().sum::<usize>(),
            runs: runs.and_then(|index| self.first_unfinished(index)),
            unbuilt: self.built.iter().filter(|built| !**built).count(),
        }
    }

    /// The first test of an exercise that has not ended: they begin in their order, so that it runs.
    fn first_unfinished(&self, index: usize) -> Option<&'static str> {
        let exercise = self.plan.exercises[index];
        let wanted = self.plan.tests_of(exercise).into_iter();
        let mut names = wanted.map(|test| exercise.tests[test].name);
        names.find(|name| {
            self.reports[index]
                .tests
                .iter()
                .all(|test| test.name != *name)
        })
    }

    /// Hands out the reports that are complete, as far as all before them are; of the next one its first failure.
    fn hand_out(&mut self, tell: &mut impl FnMut(CheckEvent<'_>)) {
        self.hand_out_failure(tell);
        while let Some(0) = self.waiting.get(self.finished) {
            let report = &mut self.reports[self.finished];
            complete(report, self.plan.exercises[self.finished], self.plan);
            tell(CheckEvent::Exercise(report));
            self.finished += 1;
            self.has_failed = false;
            self.hand_out_failure(tell);
        }
    }

    /// Hands out the first failure of the exercise whose turn it is, if it is known and others still run.
    fn hand_out_failure(&mut self, tell: &mut impl FnMut(CheckEvent<'_>)) {
        let index = self.finished;
        if self.has_failed || self.waiting.get(index).is_none_or(|&waiting| waiting == 0) {
            return;
        }
        let unfinished = self.first_unfinished(index);
        let report = &mut self.reports[index];
        complete(report, self.plan.exercises[index], self.plan);
        let order = self.plan.exercises[index]
            .tests
            .iter()
            .map(|test| test.name);
        let ended = order.take_while(|name| Some(*name) != unfinished);
        let mut ended = ended.filter_map(|name| report.tests.iter().find(|test| test.name == name));
        if let Some(first) = ended.find(|test| test.status == Status::Failed) {
            self.has_failed = true;
            tell(CheckEvent::FirstFailure(report, first));
        }
    }

    /// Hands out what is known of the exercises that will not be complete, and closes the books.
    fn end(mut self, tell: &mut impl FnMut(CheckEvent<'_>)) -> Finding {
        let is_known =
            |report: &ExerciseReport| !report.tests.is_empty() || report.no_program.is_some();
        for index in self.finished..self.reports.len() {
            let report = &mut self.reports[index];
            complete(report, self.plan.exercises[index], self.plan);
            if is_known(report) {
                tell(CheckEvent::Exercise(report));
            }
        }
        let is_whole = self.waiting.iter().all(|&waiting| waiting == 0);
        self.reports.retain(|report| is_whole || is_known(report));
        let conditions = &self.plan.conditions;
        Finding {
            report: Report::new(conditions.seed, conditions.isolation, self.reports),
            unfinished: self.waiting.iter().sum(),
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
    conditions: &Conditions,
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
    let confined = conditions.jail.as_ref().map(|_| conditions.isolation);
    let course = CourseSite::new(&plan.root, plan.colour, &conditions.cancel, confined);
    let names = plan.exercises.iter().map(|one| one.name.to_owned());
    build::run(&Site::Course(&course), names, begun, &mut |event| {
        let place = |name: &str| plan.exercises.iter().position(|one| one.name == name);
        let step = match event {
            BuildEvent::Compiled(name) => Some(Step::Compiled(name)),
            BuildEvent::Warning(name, text) => place(&name).map(|index| Step::Warning(index, text)),
            BuildEvent::Done(name, Err(reason)) => {
                place(&name).map(|index| Step::NoProgram(index, reason))
            }
            BuildEvent::Done(name, Ok(program)) => {
                if let Some(index) = place(&name)
                    && let Err(error) = send(index, &program)
                {
                    give_up(plan, index, &error, steps);
                }
                place(&name).map(Step::Built)
            }
        };
        if let Some(step) = step {
            let _ = steps.send(step);
        }
    })
}

/// The program of an exercise is there, and the lab cannot run it. The others are tested all the same.
fn give_up(plan: &Plan, index: usize, error: &LabError, steps: &Sender<Step>) {
    for test in plan.tests_of(plan.exercises[index]) {
        let _ = steps.send(Step::Tested(Done {
            key: index,
            test,
            statement: Statement::broken(error.clone()),
        }));
    }
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
