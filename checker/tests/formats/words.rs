//! What the formats say in words: how to go on, where a program has panicked, and what is left out.

use checker::{
    observe::source::SourceLine,
    report::{Context, Feedback, Format, NoProgram, Report, Status, render},
};

use super::{
    hostile,
    readers::{self, rendered, validated},
};

/// A report in a format, of a run whose context says a little more.
fn of_program(format: Format, report: &Report) -> String {
    let context = Context {
        program: Some("/x/the program".into()),
        ..readers::context()
    };
    render(format, Feedback::Full, report, &context).unwrap()
}

#[test]
fn each_format_for_people_says_how_to_go_on() {
    let failed = hostile::of(&[Status::Failed]);
    let uncompiled = hostile::uncompiled();
    for format in [
        Format::Human,
        Format::Junit,
        Format::Github,
        Format::Markdown,
        Format::Gradescope,
    ] {
        let flat = |report| {
            let text = of_program(format, report)
                .replace("\\n", " ")
                .replace('\\', " ");
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert!(
            flat(&uncompiled).contains("begin with the first one"),
            "{format:?}"
        );
        if format != Format::Github {
            assert!(flat(&failed).contains("the program"), "{format:?}");
        }
    }
}

#[test]
fn an_annotation_stands_where_the_program_has_panicked() {
    let mut report = hostile::of(&[Status::Failed]);
    let exercise = &mut report.exercises[0];
    let failure = exercise.tests[0].failure.as_mut().unwrap();
    failure.stderr = format!("at exercises/{}/src/main.rs:3:9", exercise.name);
    let line = |report: &Report| {
        let text = rendered(Format::Github, Feedback::Full, report);
        let (_, rest) = text.split_once("src/main.rs,line=").unwrap();
        rest.split_once("::").unwrap().0.to_owned()
    };
    assert_eq!(line(&report), "3");
    let failure = report.exercises[0].tests[0].failure.as_mut().unwrap();
    failure.panicked_at = Some(SourceLine {
        file: "src/main.rs".to_owned(),
        line: 11,
    });
    assert_eq!(line(&report), "11");
    // The colours of a message are none of its letters.
    let name = &report.exercises[0].name;
    let message = format!(
        "{}exercises/{name}/src/main.rs:7:1",
        "\x1b[31m".repeat(1000)
    );
    report.exercises[0].no_program = Some(NoProgram::DoesNotCompile(vec![message]));
    assert_eq!(line(&report), "7");
}

#[test]
fn annotations_are_counted_in_words_that_fit() {
    let mut report = hostile::of(&[Status::Failed, Status::Broken, Status::NotChecked]);
    let text = rendered(Format::Github, Feedback::Full, &report);
    assert!(
        text.contains("1 test cannot run on this machine: no tracing"),
        "{text}"
    );
    report.exercises = vec![report.exercises[0].clone(); 6];
    let text = rendered(Format::Github, Feedback::Full, &report);
    assert!(text.contains("title=3 more annotations"), "{text}");
}

#[test]
fn a_score_says_neither_that_all_tests_pass_nor_who_has_failed() {
    let passed = hostile::of(&[Status::Passed]);
    let text = rendered(Format::Human, Feedback::Score, &passed);
    assert!(!text.contains("all tests pass"), "{text}");
    let text = rendered(Format::Human, Feedback::Full, &passed);
    assert!(text.contains("the chosen tests pass"), "{text}");
    for (status, says) in [
        (Status::Failed, "does not keep this promise"),
        (Status::Broken, "The lab itself failed"),
        (Status::NotChecked, "cannot run on this machine"),
    ] {
        let report = hostile::of(&[status]);
        let text = rendered(Format::Exercism, Feedback::Score, &report);
        let value = validated(Format::Exercism, &text);
        let message = value["tests"][0]["message"].as_str().unwrap();
        assert!(message.contains(says), "{message}");
    }
}
