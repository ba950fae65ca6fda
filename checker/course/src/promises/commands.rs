//! Programs that run commands: what a command inherits, and the scripts of which the tests make commands.

use std::fs;

use nix::sys::signal::Signal;

use harness::author::{Checked, Child, Diagnosis, Lab, Launch, Object, Program, Signals};

/// Makes a script in the test's folder: `sh NAME` runs it.
pub(crate) fn make_script(lab: &Lab, name: &str, script: &str) -> Checked {
    let shown = script.trim_end().replace('\n', "; ");
    let step = format!("make a script {name}: `{shown}`");
    lab.step(step, || lab.file(name).make(script, 0o644))
}

/// Lets the kernel write the memory of a command to a file, `core`, so that the status which says so (WCOREDUMP) is met.
/// A machine may hand it to a program instead, whatever the limit is, or keep it elsewhere, where no test should leave
/// anything.
pub(crate) fn allow_cores(launch: &mut Launch) {
    const PATTERN: &str = "/proc/sys/kernel/core_pattern";
    let pattern = fs::read_to_string(PATTERN).unwrap_or_default();
    if !pattern.starts_with('|') && !pattern.contains('/') {
        launch.limits.core = 16 << 20;
    }
}

/// The command is `sh` without arguments, which reads from the standard input what it is to do. It says something there of
/// its environment, on its standard error.
pub(crate) fn speak_through(lab: &Lab, program: &Program) -> Checked {
    let word = lab.random_word(12);
    program.stdin().feed(format!("echo {word} $LC_ALL >&2\n"));
    program.stdin().close();
    let said = format!("{word} C.UTF-8");
    lab.step(format!("expect \"{said}\" on its standard error"), || {
        let goal = format!("\"{said}\" on its standard error, which the command has written there");
        lab.wait_until(&goal, Diagnosis::WrongOutput, || {
            Ok(program.stderr().text()?.contains(&said))
        })
    })
}

/// Sees that a command has no descriptor but its three standard ones.
pub(crate) fn expect_only_three(lab: &Lab, command: &str, child: &Child) -> Checked {
    lab.step(
        format!("see that the command \"{command}\" has no descriptor but 0, 1 and 2"),
        || {
            let descriptors = child.descriptors()?;
            let Some(other) = descriptors.iter().find(|descriptor| descriptor.number > 2) else {
                return Ok(());
            };
            let what = match &other.object {
                Object::Pipe(_) => "a pipe".to_owned(),
                Object::Socket(_) => "a socket".to_owned(),
                Object::Other(name) => name.rsplit('/').next().unwrap_or(name).to_owned(),
            };
            let number = other.number;
            lab.fail(
                Diagnosis::DescriptorLeaked,
                format!("descriptor {number} is open in the command \"{command}\": {what}"),
            )
        },
    )
}

/// Sees that a command does not ignore this signal.
pub(crate) fn expect_not_ignored(
    lab: &Lab,
    command: &str,
    child: &Child,
    (signal, name): (i32, &str),
) -> Checked {
    lab.step(
        format!("see that {name} is not ignored in the command"),
        || match Signals::contains(child.dispositions().ignored, signal) {
            false => Ok(()),
            true => lab.fail(
                Diagnosis::WrongDisposition,
                format!(
                    "{name} is ignored in the command \"{command}\"; its default action is right there"
                ),
            ),
        },
    )
}

/// Sees that no signal is blocked in a command.
pub(crate) fn expect_nothing_blocked(lab: &Lab, command: &str, child: &Child) -> Checked {
    lab.step(
        "see that no signal is blocked in the command",
        || match child.dispositions().blocked {
            0 => Ok(()),
            _ => lab.fail(
                Diagnosis::WrongDisposition,
                format!("signals are blocked in the command \"{command}\"; none should be"),
            ),
        },
    )
}

/// Sees that no signal is ignored in a command.
pub(crate) fn expect_nothing_ignored(lab: &Lab, command: &str, child: &Child) -> Checked {
    lab.step("see that no signal is ignored in the command", || {
        let ignored = child.dispositions().ignored;
        // The C library keeps some signals for itself, and lets nobody change them.
        let mut signals = (1..32).chain(libc::SIGRTMIN()..=libc::SIGRTMAX());
        let Some(signal) = signals.find(|&signal| Signals::contains(ignored, signal)) else {
            return Ok(());
        };
        let name = Signal::try_from(signal)
            .map_or_else(|_| format!("signal {signal}"), |it| it.to_string());
        lab.fail(
            Diagnosis::WrongDisposition,
            format!("{name} is ignored in the command \"{command}\"; no signal should be"),
        )
    })
}
