//! A GitHub workflow, run as far as ours go: jobs after those they need, the jobs of a matrix, steps that run bash, and
//! artifacts. What it does not know, it refuses.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::repository::{Repository, copy_visible, said, yaml};

/// What is known in an expression, by its full name.
pub type Known = BTreeMap<String, String>;

/// What a run of a workflow says, for each job, and whether the job succeeded.
pub type Log = Vec<(String, bool, String)>;

/// Runs a workflow; each job begins with what is in `repository`.
pub fn run(repository: &Repository, file: &str, known: &[(&str, &str)]) -> Log {
    let workflow = yaml(file);
    assert_eq!(workflow["permissions"]["contents"], "read");
    let known: Known = known
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut log = Log::new();
    let mut left: Vec<(&String, &Value)> = workflow["jobs"].as_object().unwrap().iter().collect();
    while !left.is_empty() {
        let is_ready = |job: &Value| {
            let needs = job["needs"].as_str();
            needs.is_none_or(|needs| log.iter().any(|(name, ..)| name == needs))
        };
        let next = left.iter().position(|(_, job)| is_ready(job)).unwrap();
        let (name, job) = left.remove(next);
        for (index, part) in parts(job).iter().enumerate() {
            let mut known = known.clone();
            known.insert("strategy.job-index".to_owned(), index.to_string());
            known.insert(
                "strategy.job-total".to_owned(),
                parts(job).len().to_string(),
            );
            if let Some((variable, value)) = part {
                known.insert(format!("matrix.{variable}"), value.clone());
            }
            let (succeeded, said) = run_job(repository, name, index, job, &known);
            log.push((name.clone(), succeeded, said));
        }
    }
    log
}

/// The jobs of a matrix with one variable, or the one job.
fn parts(job: &Value) -> Vec<Option<(String, String)>> {
    let Some(matrix) = job["strategy"]["matrix"].as_object() else {
        return vec![None];
    };
    assert_eq!(matrix.len(), 1);
    let (name, values) = matrix.iter().next().unwrap();
    let values = values.as_array().unwrap().iter();
    values
        .map(|value| Some((name.clone(), value.to_string())))
        .collect()
}

fn run_job(
    repository: &Repository,
    name: &str,
    index: usize,
    job: &Value,
    known: &Known,
) -> (bool, String) {
    assert_eq!(job["runs-on"], "ubuntu-24.04");
    assert!(job["timeout-minutes"].is_u64(), "{name} may run for ever");
    let workspace = repository.path(&format!("{name}-{index}"));
    copy_visible(&repository.path("repository"), &workspace);
    let (mut succeeded, mut log) = (true, String::new());
    for step in job["steps"].as_array().unwrap() {
        let is_wanted = match step["if"].as_str() {
            Some(condition) => value_of(condition, known) == "true",
            None => true,
        };
        // Without a word about success in its condition, a step is for successful jobs.
        let is_for_failures = step["if"]
            .as_str()
            .is_some_and(|text| text.contains("cancelled"));
        if !is_wanted || !(succeeded || is_for_failures) {
            continue;
        }
        let with = |key: &str| value_of(step["with"][key].as_str().unwrap(), known);
        let action = step["uses"].as_str().unwrap_or_default();
        match action.split('@').next().unwrap() {
            "" => {
                // The default shell of a step that names none.
                let script = step["run"].as_str().unwrap();
                assert!(!script.contains("${{"), "{script} is open to injection");
                let mut command = repository.engine(&workspace, "bash", &["-e", "-c", script]);
                command.env("GITHUB_ACTIONS", "true");
                for scope in [&job["env"], &step["env"]] {
                    for (name, value) in scope.as_object().into_iter().flatten() {
                        command.env(name, value_of(value.as_str().unwrap(), known));
                    }
                }
                let output = command.output().unwrap();
                log += &said(&output);
                succeeded &= output.status.success();
            }
            "actions/checkout" => assert_eq!(step["with"]["persist-credentials"], false),
            "actions/upload-artifact" => {
                let artifact = repository.path("artifacts").join(with("name"));
                assert!(!artifact.exists(), "no two artifacts have one name");
                // Nothing to upload is a warning.
                let path = workspace.join(with("path"));
                if path.is_dir() {
                    copy_visible(&path, &artifact);
                }
            }
            "actions/download-artifact" => {
                let pattern = with("pattern");
                let start = pattern.strip_suffix('*').unwrap();
                for entry in fs::read_dir(repository.path("artifacts")).unwrap() {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    if name.starts_with(start) {
                        let from = repository.path("artifacts").join(&name);
                        copy_visible(&from, &workspace.join(with("path")).join(&name));
                    }
                }
            }
            other => panic!("nobody here knows the action {other}"),
        }
    }
    remove(&workspace);
    (succeeded, log)
}

fn remove(folder: &Path) {
    fs::remove_dir_all(folder).unwrap();
}

/// A text with expressions in it, or an expression (the condition of a step).
fn value_of(text: &str, known: &Known) -> String {
    let mut value = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${{") {
        let (expression, after) = behind.split_once("}}").unwrap();
        value.push_str(before);
        value.push_str(&evaluate(expression.trim(), known));
        rest = after;
    }
    value + rest
}

fn evaluate(expression: &str, known: &Known) -> String {
    if let Some((first, second)) = expression.split_once("||") {
        let first = evaluate(first.trim(), known);
        return match first.is_empty() {
            true => evaluate(second.trim(), known),
            false => first,
        };
    }
    if let Some((left, right)) = expression.split_once("!=") {
        let differs = evaluate(left.trim(), known) != evaluate(right.trim(), known);
        return differs.to_string();
    }
    if expression == "!cancelled()" {
        return "true".to_owned();
    }
    if let Some(literal) = expression.strip_prefix('\'') {
        return literal.strip_suffix('\'').unwrap().to_owned();
    }
    let value = known.get(expression);
    value
        .unwrap_or_else(|| panic!("nobody here knows {expression}"))
        .clone()
}
