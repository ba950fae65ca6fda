//! Demos for a person in a terminal: what there is, and what one has shown.

use std::fmt::Write;

use anstyle::Style;

use super::{
    layout::{DIM, FAIL, PASS, STRONG, UNSURE, fold},
    sanitize::clean,
};
use crate::{
    book::Places,
    demo_context::{Finding, Step},
    demo_worker::{DemoRun, DemoStatus},
    demos::{DEMOS, Demo, Needs},
};

/// All demos by day: the question each answers, and what it needs.
pub fn list(width: usize) -> String {
    const FIRST: usize = 2 + 12;
    let mut text = String::new();
    let mut day = 0;
    for demo in DEMOS {
        if demo.day != day {
            day = demo.day;
            let _ = writeln!(text, "{STRONG}Day {day}{STRONG:#}");
        }
        let question = fold(demo.question, width.saturating_sub(FIRST), "", "");
        for (number, line) in question.lines().enumerate() {
            let name = if number == 0 { demo.name } else { "" };
            let _ = writeln!(text, "  {STRONG}{name:<12}{STRONG:#}{line}");
        }
        if let Some(needs) = needs(demo) {
            let _ = writeln!(text, "{:FIRST$}{DIM}{needs}{DIM:#}", "");
        }
    }
    let _ = writeln!(
        text,
        "\nPlay one with `cargo lab demo {}`, or `cargo lab demo all`.",
        DEMOS[0].name
    );
    text
}

fn needs(demo: &Demo) -> Option<&'static str> {
    match demo.needs {
        Needs::Nothing => None,
        Needs::Ipv6 => Some("parts of it need IPv6"),
        Needs::OwnNetwork => Some("parts of it need a network namespace of its own"),
        Needs::Tracing => Some("parts of it need ptrace"),
    }
}

/// What one demo has shown.
pub fn showing(showing: &DemoRun, places: &Places, width: usize) -> String {
    let mut text = format!("{STRONG}{}{STRONG:#}\n", showing.name);
    let _ = writeln!(text, "{}", fold(&showing.question, width, "", ""));
    for step in &showing.steps {
        match step {
            Step::Does { text: does } => {
                let _ = writeln!(text, "\n{}", fold(does, width, "  - ", "    "));
            }
            Step::Shows { text: lines } => {
                for line in lines.lines() {
                    let _ = writeln!(text, "      {DIM}{}{DIM:#}", clean(line.trim_end()));
                }
            }
            Step::Finding(finding) => text.push_str(&one_finding(finding, width)),
            Step::NotShown { text: what } => {
                let _ = writeln!(text, "{}", marked("not shown", UNSURE, what, width));
            }
        }
    }
    let (agree, all) = showing.agreement();
    let verdict = match (showing.status, &showing.error) {
        (DemoStatus::Agrees, _) => {
            format!("{PASS}The kernel does what the textbook says{PASS:#}")
        }
        (DemoStatus::NotShown, _) => {
            format!("{UNSURE}Not all could be shown here{UNSURE:#}")
        }
        (DemoStatus::Disagrees, _) => format!("{FAIL}Kernel and textbook differ{FAIL:#}"),
        (DemoStatus::Broken, error) => {
            let why = error.as_ref().map(ToString::to_string).unwrap_or_default();
            let why = fold(&clean(&why), width, "  ", "  ");
            format!("{UNSURE}The lab itself failed:{UNSURE:#}\n{why}\nUntil then")
        }
    };
    let _ = writeln!(text, "\n{verdict}: {agree} of {all} statements agree.");
    let _ = writeln!(text, "{DIM}{}{DIM:#}\n", places.cite(&showing.read));
    text
}

fn one_finding(finding: &Finding, width: usize) -> String {
    let Finding {
        claim,
        expected,
        seen,
        agrees,
    } = finding;
    if *agrees {
        let line = format!("{claim} → {seen}");
        return marked("agrees", PASS, &line, width) + "\n";
    }
    let mut text = marked("DIFFERS", FAIL, claim, width) + "\n";
    for (who, value) in [("textbook", expected), ("kernel", seen)] {
        let line = format!("{who:<10}{}", clean(value));
        let _ = writeln!(
            text,
            "{}",
            fold(&line, width, "               ", "                         ")
        );
    }
    text
}

fn marked(word: &str, style: Style, line: &str, width: usize) -> String {
    const WORD: usize = 11;
    let indent = " ".repeat(4 + WORD);
    let line = fold(&clean(line), width, &indent, &indent);
    let line = line.trim_start();
    format!(
        "    {style}{word}{style:#}{:1$}{line}",
        "",
        WORD - word.len()
    )
}

/// What closes the report on several demos.
pub fn summary(showings: &[DemoRun], width: usize) -> String {
    let count = |status: DemoStatus| showings.iter().filter(move |one| one.status == status);
    let mut text = format!(
        "{} of {} demos agree with the textbook.\n",
        count(DemoStatus::Agrees).count(),
        showings.len()
    );
    for (status, what) in [
        (DemoStatus::Disagrees, "differ"),
        (DemoStatus::Broken, "broke"),
        (DemoStatus::NotShown, "not all shown here"),
    ] {
        let names: Vec<&str> = count(status).map(|one| one.name.as_str()).collect();
        if !names.is_empty() {
            let line = format!("{what}: {}", names.join(", "));
            let _ = writeln!(text, "{}", fold(&line, width, "  ", "    "));
        }
    }
    text
}
