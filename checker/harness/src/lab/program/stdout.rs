//! What the program prints: the words about its standard output.

use super::Program;
use crate::{
    failure::{Checked, Comparison, Diagnosis, Failure},
    lab::quote::{alternatives, brief, quoted},
};

const OTHER_BYTES: &str = "your program prints other bytes than it should";

/// The program's standard output: see [`Program::stdout`].
#[derive(Debug)]
pub struct Stdout<'a> {
    pub(super) program: &'a Program,
}

impl Stdout<'_> {
    /// Stops reading its standard output and fills the pipe, so that its next write to it sleeps.
    pub fn fill(&self) -> Checked {
        self.program
            .context
            .note("fill its standard output, and do not read it");
        self.program.context.pump()?;
        Ok(self.program.running.stdout.fill()?)
    }

    /// Makes room on its standard output again, and reads on.
    pub fn drain(&self) -> Checked {
        self.program.context.note("read its standard output again");
        Ok(self.program.running.stdout.drain()?)
    }

    /// Closes the reading end of its standard output, as `head` does: a write to it fails with EPIPE from now on, also one
    /// that sleeps, and brings SIGPIPE (pipe(7)).
    pub fn close(&self) -> Checked {
        let context = &self.program.context;
        context.note("close the reading end of its standard output");
        Ok(self.program.running.stdout.close()?)
    }

    /// Waits for its next line on standard output, which must be this one (given without `\n`).
    ///
    /// # Errors
    ///
    /// When another line comes, or none.
    pub fn expect_line(&self, expected: impl AsRef<[u8]>) -> Checked {
        self.expect_one_of(&[expected]).map(drop)
    }

    /// Waits for its next line on standard output, which must be one of these (given without `\n`). Returns its place
    /// among them.
    ///
    /// # Errors
    ///
    /// When another line comes, or none.
    pub fn expect_one_of(&self, expected: &[impl AsRef<[u8]>]) -> Checked<usize> {
        let goal = format!("the line {}", alternatives(expected));
        let context = &self.program.context;
        context.note(format!("expect {goal} on its standard output"));
        self.place_among(expected, &self.line_of_output(&goal)?)
    }

    /// Takes its next line, if it has printed one, which must be one of these (given without `\n`). Returns its place among
    /// them. It is no step of the story.
    ///
    /// # Errors
    ///
    /// When another line has come.
    pub fn take_one_of(&self, expected: &[impl AsRef<[u8]>]) -> Checked<Option<usize>> {
        self.program.context.pump()?;
        let line = self.program.running.stdout.take_line().flatten();
        line.map(|line| self.place_among(expected, &line))
            .transpose()
    }

    fn place_among(&self, expected: &[impl AsRef<[u8]>], line: &[u8]) -> Checked<usize> {
        match expected.iter().position(|known| known.as_ref() == line) {
            Some(place) => Ok(place),
            None => {
                let context = &self.program.context;
                Err(context.wrong_output("the line", expected, line).into())
            }
        }
    }

    /// Waits for its next line, and returns it without `\n`. `goal` completes the sentence "the test waits for …".
    pub fn next_line(&self, goal: &str) -> Checked<Vec<u8>> {
        self.program.context.note(format!("wait for {goal}"));
        self.line_of_output(goal)
    }

    fn line_of_output(&self, goal: &str) -> Checked<Vec<u8>> {
        let look = || Ok(self.program.running.stdout.take_line());
        match self.program.context.try_until(look)? {
            Ok(Some(line)) => Ok(line),
            Ok(None) => {
                let mut failure = self.program.output_ended(goal)?;
                let partial = self.program.running.stdout.unread();
                if !partial.is_empty() {
                    failure.symptom += &format!("; {} has no \\n after it", quoted(&partial));
                }
                Err(failure.into())
            }
            Err(error) => {
                let running = &self.program.running;
                let failure =
                    self.program
                        .context
                        .to_failure_of(running, error, goal, Diagnosis::Stuck);
                let partial = self.program.running.stdout.unread();
                let comparison = (!partial.is_empty())
                    .then(|| {
                        Comparison::of_text("standard output (no line end yet)", b"", &partial)
                    })
                    .flatten();
                Err(failure.comparing(comparison).into())
            }
        }
    }

    /// Waits for exactly these bytes on standard output.
    ///
    /// # Errors
    ///
    /// When other bytes come, or not all of them.
    pub fn expect(&self, expected: impl AsRef<[u8]>) -> Checked {
        let expected = expected.as_ref();
        self.program
            .context
            .note(format!("expect {} on its standard output", brief(expected)));
        // Each look compares what is new since the last one: there are many looks at a long answer.
        let (mut compared, mut differs) = (0, false);
        let stdout = &self.program.running.stdout;
        let look = || {
            let mut unread = stdout.unread.borrow_mut();
            let known = unread.len().min(expected.len());
            differs = unread.make_contiguous()[compared..known] != expected[compared..known];
            if !differs {
                // A program that prints a long answer byte by byte uses the CPU for long, and gets on.
                self.program.context.has_moved(known - compared);
            }
            compared = known;
            Ok((differs || known == expected.len() || !stdout.open.get()).then_some(()))
        };
        let waited = self.program.context.try_until(look)?;
        if !differs && compared == expected.len() {
            stdout.unread.borrow_mut().drain(..compared);
            stdout.searched.set(0);
            return Ok(());
        }
        let mut got = stdout.unread();
        got.truncate(expected.len());
        let comparison = Comparison::of("standard output", expected, &got);
        let goal = format!("{} on standard output", brief(expected));
        let failure = match waited {
            Ok(()) if expected.starts_with(&got) => self.program.output_ended(&goal)?,
            Ok(()) => self
                .program
                .context
                .failure(Diagnosis::WrongOutput, OTHER_BYTES),
            Err(error) => self
                .program
                .context
                .to_failure(error, &goal, Diagnosis::Stuck),
        };
        Err(failure.comparing(comparison).into())
    }

    /// Waits until its standard output is closed, by all processes that hold it; nothing more may come.
    ///
    /// # Errors
    ///
    /// When more comes, or the end does not.
    pub fn expect_end(&self) -> Checked {
        self.program
            .context
            .note("expect nothing more on its standard output");
        let stdout = &self.program.running.stdout;
        self.wait_for_output_end(|| !stdout.open.get() || !stdout.unread.borrow().is_empty())?;
        self.expect_nothing_printed()
    }

    /// Waits until its standard output is closed, by all processes that hold it. What has come by then must be these
    /// bytes or the beginning of them, for a program which may stop printing when it sees that something is wrong.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::WrongOutput`] when a byte differs, [`Diagnosis::ExtraOutput`] when more come, and when the end does
    /// not.
    pub fn expect_part(&self, whole: impl AsRef<[u8]>) -> Checked {
        let whole = whole.as_ref();
        self.program.context.note(format!(
            "expect {}, or the beginning of it, on its standard output",
            brief(whole)
        ));
        let stdout = &self.program.running.stdout;
        self.wait_for_output_end(|| !stdout.open.get())?;
        let got = stdout.unread();
        let part = &got[..got.len().min(whole.len())];
        if !whole.starts_with(part) {
            let failure = self
                .program
                .context
                .failure(Diagnosis::WrongOutput, OTHER_BYTES);
            let comparison = Comparison::of("standard output", whole, &got);
            return Err(failure.comparing(comparison).into());
        }
        stdout.unread.borrow_mut().drain(..part.len());
        self.expect_nothing_printed()
    }

    /// Waits until its standard output is closed, by all processes that hold it, and returns all that has come and was not
    /// asked for before. For output of which not every order is promised.
    ///
    /// # Errors
    ///
    /// When the end does not come.
    pub fn until_end(&self) -> Checked<Vec<u8>> {
        self.program
            .context
            .note("wait for the end of its standard output");
        let stdout = &self.program.running.stdout;
        self.wait_for_output_end(|| !stdout.open.get())?;
        stdout.searched.set(0);
        Ok(stdout.unread.borrow_mut().drain(..).collect())
    }

    fn wait_for_output_end(&self, is_decided: impl Fn() -> bool) -> Checked {
        let look = || Ok(is_decided().then_some(()));
        let goal = "the end of its standard output";
        self.program
            .context
            .until(goal, Diagnosis::StillRunning, look)
    }

    /// Sees that nothing comes on standard output until it sleeps.
    pub fn expect_quiet(&self) -> Checked {
        self.program.context.note("see that it prints nothing more");
        self.program.context.settle()?;
        self.expect_nothing_printed()
    }

    fn expect_nothing_printed(&self) -> Checked {
        let extra = self.program.running.stdout.unread();
        match Comparison::of_text("standard output", b"", &extra) {
            None => Ok(()),
            difference => {
                let symptom = format!("your program prints {} more than it should", brief(&extra));
                let failure = self
                    .program
                    .context
                    .failure(Diagnosis::ExtraOutput, symptom);
                Err(failure.comparing(difference).into())
            }
        }
    }

    /// Waits for the end of its standard output, which must be these lines (given without `\n`) and nothing else. For
    /// a program which prints its results and ends: here a missing line is the matter, and not the end.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ExtraOutput`] when these lines come and more, [`Diagnosis::WrongOutput`] when one of them differs
    /// or is missing.
    pub fn expect_all(&self, lines: &[impl AsRef<[u8]>]) -> Checked {
        self.program.context.note(match lines.len() {
            0 => "expect nothing on its standard output".to_owned(),
            1 => format!(
                "expect the line {} and nothing else on its standard output",
                quoted(lines[0].as_ref())
            ),
            count => format!("expect {count} lines and nothing else on its standard output"),
        });
        let stdout = &self.program.running.stdout;
        self.wait_for_output_end(|| !stdout.open.get())?;
        for (index, expected) in lines.iter().map(AsRef::as_ref).enumerate() {
            let symptom = match stdout.take_line().flatten() {
                Some(line) if line == expected => continue,
                Some(line) => {
                    let context = &self.program.context;
                    let failure = context.wrong_output("the line", &[expected], &line);
                    return Err(failure.into());
                }
                None if !stdout.unread().is_empty() => format!(
                    "your program prints {} without a line end; the test expects {} and then \\n",
                    quoted(&stdout.unread()),
                    quoted(expected)
                ),
                None => match index {
                    0 => format!(
                        "your program prints nothing; the test expects {}",
                        quoted(expected)
                    ),
                    1 => format!(
                        "your program prints 1 line; the test expects {}",
                        lines.len()
                    ),
                    index => format!(
                        "your program prints {index} lines; the test expects {}",
                        lines.len()
                    ),
                },
            };
            return self.program.context.fail(Diagnosis::WrongOutput, symptom);
        }
        self.expect_nothing_printed()
    }
}

impl Program {
    /// The failure of a program that has closed its standard output.
    pub(super) fn output_ended(&self, goal: &str) -> Checked<Failure> {
        let symptom =
            format!("your program has closed its standard output; the test waits for {goal}");
        self.context
            .attribute_to_exit(goal, Diagnosis::OutputClosed, symptom)
    }
}
