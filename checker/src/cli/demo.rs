//! `checker demo`: which demos, and what came of them.

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{CliError, exit, possible, progress_line::ProgressLine, say, width};
use crate::{
    book::Places,
    demo_worker::{self, DemoRun, DemoStatus},
    demos::{DEMOS, Demo},
    failure::LabError,
    report::demo::{list, showing, summary},
    sandbox::{self, Isolation},
    target,
    worker::Cancel,
    workspace,
};

/// The version of the showings as data. It grows by one when a field changes its meaning or goes away.
const VERSION: u32 = 1;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which demos, or all [default: list them]
    #[arg(value_name = "DEMO")]
    demos: Vec<String>,
    /// How to write what they show
    #[arg(long, value_enum, default_value_t = ShowingFormat::Human)]
    format: ShowingFormat,
    /// How far each demo is separated from this machine [default: as far as it allows]
    #[arg(long, value_name = "ISOLATION", value_parser = possible::isolations())]
    isolation: Option<Isolation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ShowingFormat {
    /// For people
    Human,
    /// As data; the schema is checker/demo.schema.json
    Json,
}

/// What `--format json` writes.
#[derive(Serialize)]
struct Data<'a> {
    version: u32,
    isolation: Isolation,
    status: DemoStatus,
    demos: &'a [DemoRun],
}

/// Lists the demos, or plays some.
pub(super) fn run(arguments: &Arguments, cancel: &Cancel) -> Result<u8, CliError> {
    if arguments.demos.is_empty() {
        if arguments.format == ShowingFormat::Json {
            return Err(CliError::Usage("which demo? Name one, or `all`".to_owned()));
        }
        say(&list(width()))?;
        return Ok(exit::PASSED);
    }
    let demos = resolve(&arguments.demos)?;
    let isolation = arguments.isolation.unwrap_or_else(sandbox::best_isolation);
    let for_people = arguments.format == ShowingFormat::Human;
    // A demo needs no course around it.
    let places =
        workspace::find().map_or_else(|_| Places::default(), |root| Places::of_course(&root));
    let line = ProgressLine::new();
    let mut showings = Vec::new();
    for demo in demos {
        line.say(&format!("playing {}", demo.name));
        let Ok(one) = demo_worker::run(demo, isolation, cancel) else {
            drop(line);
            return Err(CliError::Interrupted);
        };
        if for_people {
            line.pause(|| say(&showing(&one, &places, width())))?;
        }
        showings.push(one);
    }
    drop(line);
    let status = showings.iter().map(|one| one.status).max();
    let status = status.unwrap_or(DemoStatus::Agrees);
    match (arguments.format, showings.as_slice()) {
        (ShowingFormat::Json, demos) => say(&data(&Data {
            version: VERSION,
            isolation,
            status,
            demos,
        })?)?,
        (ShowingFormat::Human, [_, _, ..]) => say(&summary(&showings, width()))?,
        (ShowingFormat::Human, _) => (),
    }
    Ok(match status {
        DemoStatus::Agrees => exit::PASSED,
        DemoStatus::Disagrees => exit::FAILED,
        DemoStatus::Broken => exit::BROKEN,
        DemoStatus::NotShown => exit::NOT_CHECKED,
    })
}

/// The demos of these names, each once, in the order of the course.
fn resolve(names: &[String]) -> Result<Vec<&'static Demo>, CliError> {
    let is_meant = |demo: &Demo, name: &str| {
        name == "all" || name == demo.name || name == format!("day{}", demo.day)
    };
    for name in names {
        if !DEMOS.iter().any(|demo| is_meant(demo, name)) {
            let known = DEMOS.iter().map(|demo| demo.name.to_owned());
            let meant = match target::near(name, known.chain(["all".to_owned()])).as_slice() {
                [] => "`cargo lab demo` lists them".to_owned(),
                near => format!("did you mean {}?", near.join(" or ")),
            };
            return Err(CliError::Usage(format!(
                "there is no demo '{name}'; {meant}"
            )));
        }
    }
    let mut demos = DEMOS.to_vec();
    demos.retain(|demo| names.iter().any(|name| is_meant(demo, name)));
    Ok(demos)
}

fn data(data: &Data<'_>) -> Result<String, LabError> {
    let text = serde_json::to_string_pretty(data)
        .map_err(|error| LabError::new(format!("could not write the demos as JSON: {error}")))?;
    Ok(text + "\n")
}
