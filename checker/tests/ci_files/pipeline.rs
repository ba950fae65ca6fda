//! A GitLab pipeline, run as far as ours go: stages, parallel jobs, and artifacts.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::repository::{Repository, copy_visible, said, yaml};

/// What a job has said, and the files that it reports as JUnit XML.
#[derive(Debug)]
pub struct Done {
    pub job: String,
    pub succeeded: bool,
    pub said: String,
    pub junit: Vec<PathBuf>,
}

/// Runs a pipeline; each job begins with what is in `repository`, and with the artifacts of the stages before.
pub fn run(repository: &Repository, file: &str, variables: &[(&str, &str)]) -> Vec<Done> {
    let pipeline = yaml(file);
    let mut done = Vec::new();
    for stage in pipeline["stages"].as_array().unwrap() {
        let jobs = pipeline.as_object().unwrap().iter();
        let mut made = Vec::new();
        for (name, job) in jobs.filter(|(_, job)| &job["stage"] == stage) {
            let has_failed = done.iter().any(|done: &Done| !done.succeeded);
            if has_failed && job["when"] != "always" {
                continue;
            }
            let total = job["parallel"].as_u64().unwrap_or(1);
            for index in 1..=total {
                let workspace = repository.path(&format!("{name}-{index}"));
                copy_visible(&repository.path("repository"), &workspace);
                copy_visible(&repository.path("artifacts"), &workspace);
                let lines = job["script"].as_array().unwrap().iter();
                let script: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
                let script = script.join("\n");
                let arguments = ["-eo", "pipefail", "-c", &script];
                let mut command = repository.engine(&workspace, "bash", &arguments);
                command
                    .env("GITLAB_CI", "true")
                    .env("CI_NODE_INDEX", index.to_string())
                    .env("CI_NODE_TOTAL", total.to_string());
                for (name, value) in pipeline["variables"].as_object().unwrap() {
                    command.env(name, value["value"].as_str().unwrap());
                }
                command.envs(variables.iter().copied());
                if total == 1 {
                    command.env_remove("CI_NODE_INDEX");
                }
                let output = command.output().unwrap();
                made.push((workspace.clone(), &job["artifacts"], index));
                done.push(Done {
                    job: name.clone(),
                    succeeded: output.status.success(),
                    said: said(&output),
                    junit: reports(&workspace, job),
                });
            }
        }
        for (workspace, artifacts, index) in made {
            assert_eq!(artifacts["when"], "always");
            for path in artifacts["paths"].as_array().unwrap() {
                let path = path.as_str().unwrap();
                let path = path.replace("$CI_NODE_INDEX", &index.to_string());
                copy_visible(
                    &workspace.join(&path),
                    &repository.path("artifacts").join(&path),
                );
            }
        }
    }
    done
}

/// The files that `artifacts:reports:junit` names, by a pattern with one star at its end.
fn reports(workspace: &std::path::Path, job: &Value) -> Vec<PathBuf> {
    let Some(pattern) = job["artifacts"]["reports"]["junit"].as_str() else {
        return Vec::new();
    };
    let (folder, ending) = pattern.split_once("/*").unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(workspace.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    files.sort();
    files
}
