//! A class, graded: untrusted submissions, many at once, each by itself.
//!
//! ```text
//! submission ─ folder, archive     what a student handed in, read into a value; nothing of it is built where it lies
//!     │
//! build ─ template                 the grader's own workspace, compiled dependencies, a confined build
//!     │
//! worker_pool                      the hidden tests
//!     │
//! gradebook ─ shard                a file a submission; the class as a table
//! ```
//!
//! Nothing below this module knows of it.

mod archive;
mod folder;
pub mod gradebook;
pub mod name;
pub mod place;
pub mod retries;
pub mod scratch;
pub mod shard;
pub mod submission;

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{
    beneath::{Directory, FileKind},
    build::{
        self, BuildEvent,
        site::Site,
        template::{Limits, Template},
    },
    exercise::Exercise,
    failure::LabError,
    report::{ExerciseReport, Report, Status},
    verdict,
    worker::RunError,
    worker_pool::{self, Batch, Conditions, Done},
    workspace,
};
use gradebook::{Gradebook, Graded};
use name::Name;
use retries::Retries;
use scratch::Scratch;
use submission::{Sources, Submission};

/// How many tests of one submission run at once: two, because a test waits half of its time.
const TESTS_AT_ONCE: usize = 2;

/// How old may be what a student gets of an unfinished submission when a result comes.
const FRESH: Duration = Duration::from_millis(50);

/// What is to be graded, and how.
#[derive(Debug)]
pub struct Grading {
    /// In the order of the course.
    pub exercises: Vec<&'static Exercise>,
    /// The submissions of this run.
    pub submissions: Vec<Submission>,
    /// Whether to try also those again on which the lab has failed too often.
    pub retries_all: bool,
    /// The processor time that the compiler may use for one program, in seconds.
    pub build_limit: u64,
    /// Seed, isolation, tracing and jail of the tests; where programs get a jail, builds get one as well. `jobs` is how
    /// many submissions are at work at once.
    pub conditions: Conditions,
}

/// What happens while a class is graded, for a progress bar.
#[derive(Debug)]
pub enum GradeEvent<'a> {
    /// The dependencies are compiled.
    Preparing,
    /// This submission has not changed since an earlier run, which has graded it, or has failed on it too often.
    Known(&'a Name),
    /// This one is graded now.
    Graded(&'a Graded),
}

/// Grades what the gradebook does not know yet, and keeps each result as soon as it is there.
///
/// # Errors
///
/// When nothing can be built at all, or the gradebook cannot be written; and when it is cancelled.
pub fn run(
    grading: &Grading,
    gradebook: &Gradebook,
    mut tell: impl FnMut(GradeEvent<'_>),
) -> Result<(), RunError> {
    let conditions = &grading.conditions;
    let mut left = VecDeque::new();
    for submission in &grading.submissions {
        let known = gradebook.find(&submission.name);
        match known {
            Some(known) if grading.leaves(&known, &read(submission, &grading.exercises)) => {
                gradebook.write_feedback(&known)?;
                tell(GradeEvent::Known(&known.name));
            }
            _ => left.push_back(submission),
        }
        conditions.cancel.check()?;
    }
    if left.is_empty() {
        return Ok(());
    }
    tell(GradeEvent::Preparing);
    let scratch = Scratch::new(conditions.temporary.as_deref(), &conditions.cancel)?;
    let limits = Limits {
        cpu: grading.build_limit,
        has_jail: conditions.jail.is_some(),
        isolation: conditions.isolation,
        cancel: conditions.cancel.clone(),
    };
    let place = scratch.folder();
    let kept = workspace::built_in().join("target/grading");
    let template = Template::prepare(place, &kept, scratch.lock(), conditions.jobs, limits)?;
    let queue = Mutex::new(left);
    let (to_main, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..grading.conditions.jobs.max(1) {
            let (to_main, queue) = (to_main.clone(), &queue);
            let worker = GradingWorker {
                grading,
                gradebook,
                scratch: &scratch,
                template: &template,
            };
            scope.spawn(move || {
                while !conditions.cancel.is_cancelled()
                    && let Some(submission) = next(queue)
                {
                    if let Some(graded) = worker.grade(submission)
                        && to_main.send(graded).is_err()
                    {
                        return;
                    }
                }
            });
        }
        drop(to_main);
        for graded in results {
            if let Err(error) = gradebook.keep(&graded) {
                queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
                return Err(error.into());
            }
            tell(GradeEvent::Graded(&graded));
        }
        Ok(conditions.cancel.check()?)
    })
}

fn next<'a>(queue: &Mutex<VecDeque<&'a Submission>>) -> Option<&'a Submission> {
    queue
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}

/// Reads a submission. Should the reader of an archive stumble over one, that is the submission's fault alone.
fn read(submission: &Submission, exercises: &[&'static Exercise]) -> Sources {
    catch_unwind(|| submission.read(exercises)).unwrap_or_else(|_| {
        let because = submission::Reason::Unreadable("no reader understands it".to_owned());
        Sources {
            refusals: vec![submission::Refusal {
                path: String::new(),
                because,
            }],
            ..Sources::default()
        }
    })
}

impl Grading {
    /// Whether a result is left as it is: the submission is the same, and the lab could do its work, or has tried it
    /// often enough.
    fn leaves(&self, known: &Graded, sources: &Sources) -> bool {
        let is_tried =
            known.status() == Status::Broken && (self.retries_all || !known.retries.are_used_up());
        !is_tried && known.digest == sources.digest()
    }
}

/// A thread that grades one submission after the other.
#[derive(Clone, Copy)]
struct GradingWorker<'a> {
    grading: &'a Grading,
    gradebook: &'a Gradebook,
    scratch: &'a Scratch,
    template: &'a Template,
}

impl GradingWorker<'_> {
    /// Grades a submission; `None` if that was cancelled. Whatever goes wrong stays with this one.
    fn grade(&self, submission: &Submission) -> Option<Graded> {
        let sources = read(submission, &self.grading.exercises);
        let tell = |so_far| {
            // Who cannot write this one cannot write the last one either, which says so.
            let _ = self
                .gradebook
                .write_feedback(&self.graded(submission, &sources, so_far));
        };
        let found =
            catch_unwind(AssertUnwindSafe(|| self.examine(&sources, tell))).unwrap_or_else(|_| {
                Err(LabError::new("the grader panicked over this submission").into())
            });
        let (exercises, trouble) = match found {
            Ok(exercises) => (exercises, None),
            Err(RunError::Cancelled) => return None,
            Err(RunError::Lab(error)) => (self.unknown(&error), Some(error)),
        };
        let graded = self.graded(submission, &sources, exercises);
        Some(self.counted(Graded { trouble, ..graded }))
    }

    /// Where the lab has failed: how often by now.
    fn counted(&self, graded: Graded) -> Graded {
        if graded.status() != Status::Broken {
            return graded;
        }
        let earlier = self.gradebook.find(&graded.name);
        let earlier = earlier.filter(|earlier| earlier.digest == graded.digest);
        Graded {
            retries: Retries::one_more(earlier.as_ref().map(|earlier| &earlier.retries)),
            ..graded
        }
    }

    fn graded(
        &self,
        submission: &Submission,
        sources: &Sources,
        exercises: Vec<ExerciseReport>,
    ) -> Graded {
        let conditions = &self.grading.conditions;
        Graded {
            version: gradebook::VERSION,
            name: submission.name.clone(),
            digest: sources.digest(),
            refusals: sources.refusals.clone(),
            more_refusals: sources.more_refusals,
            trouble: None,
            retries: Retries::default(),
            report: Report::new(conditions.seed, conditions.isolation, exercises),
        }
    }

    fn blank(&self) -> Vec<ExerciseReport> {
        let exercises = self.grading.exercises.iter();
        exercises
            .map(|exercise| {
                let mut report = ExerciseReport::new(exercise);
                report.sum_up(exercise.points());
                report
            })
            .collect()
    }

    /// What is known where the lab failed: nothing, which is never a pass.
    fn unknown(&self, trouble: &LabError) -> Vec<ExerciseReport> {
        let mut reports = self.blank();
        for (exercise, report) in self.grading.exercises.iter().zip(&mut reports) {
            report.tests = (0..exercise.tests.len())
                .map(|test| verdict::unknown(exercise, test, trouble.clone()))
                .collect();
            report.sum_up(exercise.points());
        }
        reports
    }

    /// What is known when only these tests are done. The others cost nothing yet, and give nothing.
    fn so_far(&self, done: &[Done]) -> Vec<ExerciseReport> {
        let unfinished = LabError::new("the checker has ended before this test was done");
        let mut reports = self.unknown(&unfinished);
        for Done {
            key,
            test,
            statement,
        } in done
        {
            let exercise = self.grading.exercises[*key];
            reports[*key].tests[*test] = verdict::report(exercise, *test, statement.clone());
            reports[*key].sum_up(exercise.points());
        }
        reports
    }

    /// Builds the programs, and tests each as soon as it is there. Where the format is read after a crash, `tell` gets
    /// what is known so far, now and then.
    fn examine(
        &self,
        sources: &Sources,
        tell: impl Fn(Vec<ExerciseReport>),
    ) -> Result<Vec<ExerciseReport>, RunError> {
        let exercises = &self.grading.exercises;
        let mut reports = self.blank();
        let place = self.scratch.folder();
        let submission = self.template.submission(place, &sources.crates)?;
        let programs = submission.make_programs_folder()?;
        let mut built = Ok(());
        let mut staged = Ok(());
        let mut done: Vec<Done> = Vec::new();
        let mut told = None;
        let conditions = Conditions {
            jobs: TESTS_AT_ONCE,
            ..self.grading.conditions.clone()
        };
        worker_pool::run(
            &conditions,
            0,
            Box::new(|batches| {
                let site = Site::Submission(&submission);
                let names = exercises.iter().map(|exercise| exercise.name.to_owned());
                built = build::run(&site, names, None, &mut |event| {
                    let key = |name: &str| exercises.iter().position(|one| one.name == name);
                    match event {
                        BuildEvent::Compiled(_) => (),
                        BuildEvent::Warning(name, text) => {
                            if let Some(key) = key(&name) {
                                reports[key].warnings.push(text);
                            }
                        }
                        BuildEvent::Done(name, Err(reason)) => {
                            if let Some(key) = key(&name) {
                                reports[key].no_program = Some(reason);
                            }
                        }
                        BuildEvent::Done(name, Ok(path)) => {
                            let Some(key) = key(&name) else { return };
                            match stage(&path, submission.target(), &programs) {
                                Ok(program) => {
                                    let known = Arc::default();
                                    for test in 0..exercises[key].tests.len() {
                                        let _ = batches.send(Batch {
                                            key,
                                            exercise: exercises[key],
                                            tests: vec![test],
                                            program: program.clone(),
                                            until_failure: false,
                                            known: Arc::clone(&known),
                                        });
                                    }
                                }
                                Err(error) => staged = Err(error),
                            }
                        }
                    }
                });
            }),
            &mut |result| {
                done.push(result);
                let is_fresh = told.is_some_and(|told: Instant| told.elapsed() < FRESH);
                if self.gradebook.is_read_after_a_crash() && !is_fresh {
                    tell(self.so_far(&done));
                    told = Some(Instant::now());
                }
            },
        )?;
        built?;
        staged?;
        done.sort_by_key(|done| (done.key, done.test));
        for Done {
            key,
            test,
            statement,
        } in done
        {
            reports[key]
                .tests
                .push(verdict::report(exercises[key], test, statement));
        }
        for (exercise, report) in exercises.iter().zip(&mut reports) {
            // No points without evidence, and no failure either.
            if report.no_program.is_none() && report.tests.len() < exercise.tests.len() {
                return Err(
                    LabError::new(format!("not all tests of {} were run", exercise.name)).into(),
                );
            }
            report.sum_up(exercise.points());
        }
        Ok(reports)
    }
}

/// Moves a program out of the folder that a build can write, to where a worker executes it. Its path is what the build
/// says: it must be one in that folder.
fn stage(program: &Path, target: &Path, folder: &Path) -> Result<PathBuf, LabError> {
    let below = program.strip_prefix(target).unwrap_or(Path::new(".."));
    let name = program.file_name().unwrap_or_default();
    let take = || {
        let (target, folder) = (Directory::open(target)?, Directory::open(folder)?);
        target.rename_into(below, &folder, name)?;
        folder.look(name)?.expect_kind(FileKind::File)
    };
    take().map_err(|error| {
        error.attempting(format!("could not take {} to its tests", program.display()))
    })?;
    Ok(folder.join(name))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;
    use crate::{
        sandbox::{Isolation, Tracing},
        worker::Cancel,
    };

    #[test]
    fn a_program_is_taken_from_where_it_was_built_and_from_nowhere_else() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for folder in ["target/debug", "programs", "other"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["target/debug/echo", "other/echo", "secret"] {
            fs::write(at(file), file).unwrap();
        }
        symlink(at("other"), at("target/link")).unwrap();
        symlink(at("secret"), at("target/debug/link")).unwrap();
        let take = |program: &str| stage(&at(program), &at("target"), &at("programs"));
        for program in [
            "secret",
            "target/../secret",
            "target/link/echo",
            "target/debug/link",
            "target/debug/missing",
        ] {
            assert!(take(program).is_err(), "{program}");
        }
        assert!(at("secret").is_file() && at("other/echo").is_file());
        let staged = take("target/debug/echo").unwrap();
        assert_eq!(fs::read_to_string(staged).unwrap(), "target/debug/echo");
    }

    fn grading(retries_all: bool) -> Grading {
        Grading {
            exercises: Vec::new(),
            submissions: Vec::new(),
            retries_all,
            build_limit: 1,
            conditions: Conditions {
                seed: 0,
                isolation: Isolation::Shared,
                tracing: Tracing::Off,
                jail: None,
                jobs: 1,
                temporary: None,
                cancel: Cancel::new().unwrap(),
            },
        }
    }

    /// A result on which the lab has failed so often; 0 if it has not.
    fn known(sources: &Sources, failures: u32) -> Graded {
        let retries = (0..failures).fold(Retries::default(), |retries, _| {
            Retries::one_more(Some(&retries))
        });
        Graded {
            version: gradebook::VERSION,
            name: Name::of(Path::new("anna")),
            digest: sources.digest(),
            refusals: Vec::new(),
            more_refusals: 0,
            trouble: (failures > 0).then(|| LabError::new("could not")),
            retries,
            report: Report::new(0, Isolation::Shared, Vec::new()),
        }
    }

    #[test]
    fn a_result_stands_until_the_submission_changes_or_the_lab_should_try_again() {
        let sources = Sources::default();
        let changed = Sources {
            more_refusals: 1,
            ..Sources::default()
        };
        for failures in 0..=retries::MOST {
            let known = known(&sources, failures);
            let stands = failures == 0 || failures == retries::MOST;
            assert_eq!(grading(false).leaves(&known, &sources), stands);
            assert_eq!(grading(true).leaves(&known, &sources), failures == 0);
            for retries_all in [false, true] {
                assert!(!grading(retries_all).leaves(&known, &changed));
            }
        }
    }
}
