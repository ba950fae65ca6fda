//! How the runner of GitHub Actions reads what a step prints: which of its lines are commands.

/// The names of the commands that the runner carries out, in the order of the log. A line is a command if it begins with
/// `::name`, behind blanks, and has another `::`; or if it holds `##[name]` anywhere. None is carried out between
/// `::stop-commands::word` and `::word::`.
pub fn commands_in(log: &str) -> Vec<String> {
    let mut stopped: Option<String> = None;
    let mut commands = Vec::new();
    for line in log.split(['\r', '\n']) {
        let Some((name, data)) = command_in(line) else {
            continue;
        };
        match &stopped {
            Some(word) if *word == name => stopped = None,
            Some(_) => (),
            None => {
                if name == "stop-commands" {
                    stopped = Some(data.to_lowercase());
                }
                commands.push(name);
            }
        }
    }
    assert!(stopped.is_none(), "the log ends with its commands stopped");
    commands
}

/// Every name is taken for that of a command: this is stricter than the runner, which knows some twenty.
fn command_in(line: &str) -> Option<(String, String)> {
    let newer = line.trim_start().strip_prefix("::").and_then(|rest| {
        let (head, data) = rest.split_once("::")?;
        Some((head, data))
    });
    let older = || {
        let (_, rest) = line.split_once("##[")?;
        rest.split_once(']')
    };
    let (head, data) = newer.or_else(older)?;
    let name = head.split(' ').next().unwrap_or_default();
    Some((name.to_lowercase(), data.to_owned()))
}
