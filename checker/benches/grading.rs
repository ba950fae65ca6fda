//! How fast a class is graded: `cargo bench -p checker --bench grading`. Submissions per minute, and the time of one as
//! a ratio to the bare `cargo build` of the same crates, whose dependencies are compiled in both cases.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use checker::workspace;

/// How many submissions a class has, beyond those with which the clock starts.
const CLASS: usize = 8;

fn main() {
    let one = vec!["day2_2_echo_server"];
    let all: Vec<&str> = checker::syllabus::EXERCISES
        .iter()
        .map(|exercise| exercise.name)
        .collect();
    println!(
        "{:<14} {:>4} {:>12} {:>14} {:>14} {:>7} {:>16}",
        "exercises", "jobs", "a minute", "ms/submission", "ms bare build", "ratio", "s to prepare"
    );
    for (what, exercises) in [("one", one), ("all", all)] {
        for jobs in [1, 2] {
            let course = Course::new(&exercises);
            let before = course.bare_builds(jobs);
            let graded = course.graded(jobs);
            let after = course.bare_builds(jobs);
            let bare = (before + after) / 2;
            let each = graded.rest / CLASS as u32;
            println!(
                "{what:<14} {jobs:>4} {:>12.1} {:>14.0} {:>14.0} {:>7.2} {:>16.1}",
                60.0 / each.as_secs_f64(),
                each.as_secs_f64() * 1000.0,
                bare.as_secs_f64() * 1000.0,
                each.as_secs_f64() / bare.as_secs_f64(),
                graded.first.as_secs_f64(),
            );
        }
    }
}

/// The solutions of some exercises, in a workspace of their own, and as submissions.
struct Course {
    exercises: Vec<String>,
    folder: tempfile::TempDir,
}

/// When results came.
struct Graded {
    /// From the start to the result with which the clock of the others starts.
    first: Duration,
    /// From then to the last result.
    rest: Duration,
}

impl Course {
    fn new(exercises: &[&str]) -> Course {
        let course = Course {
            exercises: exercises.iter().map(|&name| name.to_owned()).collect(),
            folder: tempfile::tempdir().expect("a folder"),
        };
        let root = course.folder.path().join("bare");
        for name in exercises {
            fs::create_dir_all(root.join("exercises").join(name)).expect("a folder");
            let manifest = Path::new("exercises").join(name).join("Cargo.toml");
            fs::copy(real().join(&manifest), root.join(&manifest)).expect("a manifest");
        }
        let manifest = workspace::manifest(&["exercises/*"]);
        fs::write(root.join("Cargo.toml"), manifest).expect("a manifest");
        fs::copy(real().join("Cargo.lock"), root.join("Cargo.lock")).expect("a lock file");
        course.write(&root, 0);
        course.build(&root, 2);
        course
    }

    /// The solutions, each different from those of other rounds.
    fn write(&self, root: &Path, round: usize) {
        for name in &self.exercises {
            let solution = real().join("solutions").join(name).join("src/main.rs");
            let solution = fs::read_to_string(solution).expect("a solution");
            let source = root.join("exercises").join(name).join("src");
            fs::create_dir_all(&source).expect("a folder");
            let marked = format!("{solution}\n#[used]\nstatic ROUND: usize = {round};\n");
            fs::write(source.join("main.rs"), marked).expect("a source file");
        }
    }

    fn build(&self, root: &Path, jobs: usize) -> Duration {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(["build", "--quiet", "--offline", "--jobs", &jobs.to_string()])
            .current_dir(root);
        let start = Instant::now();
        assert!(cargo.status().expect("cargo").success());
        start.elapsed()
    }

    /// One bare build of all crates after an edit of each: the mean of several.
    fn bare_builds(&self, jobs: usize) -> Duration {
        const ROUNDS: usize = 4;
        let root = self.folder.path().join("bare");
        let round = |round| {
            self.write(&root, 1000 + round);
            self.build(&root, jobs)
        };
        (0..ROUNDS).map(round).sum::<Duration>() / ROUNDS as u32
    }

    fn graded(&self, jobs: usize) -> Graded {
        let folder = self.folder.path();
        let class: Vec<PathBuf> = (0..CLASS + jobs)
            .map(|number| folder.join(format!("student{number}")))
            .collect();
        for (number, submission) in class.iter().enumerate() {
            self.write(submission, number);
        }
        let out = folder.join(format!("grades{jobs}"));
        let mut checker = Command::new(env!("CARGO_BIN_EXE_checker"));
        checker
            .args([
                "grade",
                "--strict=false",
                "--jobs",
                &jobs.to_string(),
                "--out",
            ])
            .arg(&out)
            .args(self.exercises.iter().flat_map(|name| ["--exercise", name]))
            .args(&class)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let start = Instant::now();
        let mut child = checker.spawn().expect("the checker");
        // A line for each result: `3 of 10: student7, 30 of 30 points`.
        let lines = BufReader::new(child.stderr.take().expect("its standard error")).lines();
        let times: Vec<Duration> = lines
            .map_while(Result::ok)
            .filter(|line| line.ends_with("points"))
            .map(|_| start.elapsed())
            .collect();
        assert!(child.wait().expect("its end").success());
        // The first ones, as many as are at work at once, are where the clock starts.
        Graded {
            first: times[jobs - 1],
            rest: times[times.len() - 1] - times[jobs - 1],
        }
    }
}

fn real() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a folder above")
}
