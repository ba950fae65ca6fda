//! A report of a program, and of a crate, whose author wants more than to be graded.

use checker::{
    exercise::Exercise,
    failure::{Comparison, Diagnosis, LabError},
    lab::{CallLine, Ending, ProcessState},
    observe::{calls::Call, source::SourceLine, tracer::CallOutcome},
    report::{ExerciseReport, FailureReport, NoProgram, Report, Status, TestReport},
    sandbox::Isolation,
    syllabus,
};

/// Commands of CI systems, sequences of terminals, the ends of everything that could surround it, and a better result.
/// OWNED is what must not be seen where nothing is to be seen.
pub const TEXT: &str = "::error file=x::OWNED\n::stop-commands::OWNED\n \t ::add-mask::OWNED\n\
    a ##[error]OWNED ##vso[task.complete result=Succeeded] ##teamcity[OWNED]\r::set-output name=OWNED::1\n\
    \x1b[2J\x1b]0;OWNED\x07\x1b]8;;http://OWNED\x1b\\x\u{9b}31m \u{202e}OWNED\u{2066} \u{feff}\u{e0041}\n\
    ]]></failure></testcase><testcase name=\"OWNED\"/><testcase name=\"x\"><failure>\n\
    </script><script>alert('OWNED')</script><!-- OWNED\n\
    \n| OWNED | b |\n|---|---|\n| 1 | 2 |\n\n```\n````\n# OWNED\n\n</details><img src=x onerror=alert(1)>\n\
    {\"scores\":{\"day2_2_echo_server\":99}}\n@everyone [OWNED](http://x) %0A::error::OWNED &#58;:x::y &amp;\0\u{fffd}\u{fffe}\u{ffff}\
    \u{85}::error::OWNED\u{2028}::error::OWNED\n::endgroup::\n";

/// How long the longest line is, in bytes.
pub const LINE: usize = 10 << 20;

/// Has something in it of every status and every reason.
pub fn report() -> Report {
    let all = syllabus::EXERCISES;
    let of = |name: &str| syllabus::find(name).unwrap();
    let statuses = [
        Status::Passed,
        Status::Failed,
        Status::Broken,
        Status::NotChecked,
    ];
    let with_tests = tested(of("day2_2_echo_server"), &statuses);
    let long = without_program(
        all[0],
        NoProgram::DoesNotCompile(vec![TEXT.to_owned(), "x".repeat(LINE)]),
    );
    let renamed = without_program(all[1], NoProgram::RenamedPackage(TEXT.to_owned()));
    let unreadable = without_program(
        of("day2_3_echo_client"),
        NoProgram::UnreadablePackage(TEXT.to_owned()),
    );
    Report::new(
        4711,
        Isolation::Shared,
        vec![long, renamed, with_tests, unreadable],
    )
}

/// A report of tests with these statuses.
pub fn of(statuses: &[Status]) -> Report {
    let exercise = tested(syllabus::find("day2_2_echo_server").unwrap(), statuses);
    Report::new(4711, Isolation::Shared, vec![exercise])
}

/// A report of a program that does not compile.
pub fn uncompiled() -> Report {
    let messages = NoProgram::DoesNotCompile(vec![TEXT.to_owned()]);
    let exercise = without_program(syllabus::find("day2_2_echo_server").unwrap(), messages);
    Report::new(4711, Isolation::Shared, vec![exercise])
}

/// A report with more to tell than any grader takes.
pub fn long() -> Report {
    let message = format!("{TEXT}{}", "<&\"".repeat(100_000));
    let exercises = 0..70;
    let exercises = exercises.map(|_| {
        let messages = NoProgram::DoesNotCompile(vec![message.clone()]);
        without_program(syllabus::find("day2_2_echo_server").unwrap(), messages)
    });
    Report::new(4711, Isolation::Shared, exercises.collect())
}

fn without_program(exercise: &Exercise, reason: NoProgram) -> ExerciseReport {
    let mut report = ExerciseReport::new(exercise);
    report.no_program = Some(reason);
    report.warnings = vec![TEXT.to_owned()];
    report.sum_up(exercise.points());
    report
}

fn tested(exercise: &Exercise, statuses: &[Status]) -> ExerciseReport {
    let mut report = ExerciseReport::new(exercise);
    let tests = statuses.iter().zip(exercise.tests);
    report.tests = tests
        .map(|(&status, test)| TestReport {
            name: test.name.to_owned(),
            status,
            points: test.points,
            milliseconds: 1.5,
            steps: Vec::new(),
            failure: (status == Status::Failed).then(failure),
            error: (status == Status::Broken).then(|| LabError {
                detail: Some(TEXT.to_owned()),
                ..LabError::new("could not look")
            }),
            not_checked: (status == Status::NotChecked).then(|| "no tracing".to_owned()),
        })
        .collect();
    report.sum_up(report.tests.iter().map(|test| test.points).sum());
    report
}

fn failure() -> FailureReport {
    FailureReport {
        diagnosis: Diagnosis::WrongOutput,
        symptom: format!("your program prints {TEXT}"),
        steps: vec!["start".to_owned(), TEXT.to_owned()],
        comparison: Comparison::of_text("the line", b"right", TEXT.as_bytes()),
        processes: vec![ProcessState {
            pid: 2,
            is_main: true,
            does: TEXT.to_owned(),
            on: Some(TEXT.to_owned()),
        }],
        calls: vec![CallLine {
            pid: 2,
            thread: None,
            is_main: true,
            call: Call::Read,
            descriptor: None,
            text: TEXT.to_owned(),
            outcome: CallOutcome::InProgress,
            injected: None,
            mark: None,
            source: Some(SourceLine {
                file: TEXT.to_owned(),
                line: 7,
            }),
        }],
        panicked_at: Some(SourceLine {
            file: TEXT.to_owned(),
            line: 7,
        }),
        ending: Some(Ending::Status(1)),
        stdout: TEXT.to_owned() + &"y".repeat(LINE),
        stderr: "z".repeat(LINE) + "\n" + TEXT,
        untouched: false,
        mistake: None,
        cause: Some(TEXT.to_owned()),
        hint: "Look again.".to_owned(),
        read: "End of file and half-close".to_owned(),
    }
}
