//! What the program reads: its standard input.

use std::os::fd::{AsFd, AsRawFd};

use super::Program;
use crate::{
    failure::{Checked, Diagnosis},
    lab::{programs::bytes_in_pipe, quote::brief},
    observe::{descriptors, processes::Thread, waiting::Event},
};

/// The program's standard input: see [`Program::stdin`].
#[derive(Debug)]
pub struct Stdin<'a> {
    pub(super) program: &'a Program,
}

impl Stdin<'_> {
    /// Writes these bytes to its standard input as soon as there is room, while the test goes on. If it closes its input or
    /// ends, the rest is dropped.
    pub fn feed(&self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.program
            .context
            .note(format!("write {} to its standard input", brief(bytes)));
        self.program.running.stdin.queue.borrow_mut().extend(bytes);
        self.program.running.stdin.pump();
    }

    /// Closes its standard input, as soon as all is written: its next read finds the end of the file.
    pub fn close(&self) {
        self.program.context.note("close its standard input");
        self.program.running.stdin.closes.set(true);
        self.program.running.stdin.pump();
    }

    /// Waits until it has read all of its standard input so far, and sleeps in the next read of it.
    pub fn wait_until_read(&self) -> Checked {
        self.program
            .context
            .note("wait until it has read its standard input and waits for more");
        let look = || {
            let stdin = &self.program.running.stdin;
            let unread = stdin
                .file
                .borrow()
                .as_ref()
                .map_or(0, |file| bytes_in_pipe(file.as_fd()));
            let waits = |thread: &Thread| {
                thread.awaits(Event::Data, |number| self.is_stdin(thread.tid, number))
            };
            // A child may read it as well as the program itself.
            let processes = self.program.context.programs.living();
            let reads = processes
                .iter()
                .any(|process| process.thread_list().iter().any(waits));
            Ok((unread == 0 && stdin.queue.borrow().is_empty() && reads).then_some(()))
        };
        let goal = "it to read its standard input";
        self.program.context.until(goal, Diagnosis::Stuck, look)
    }

    /// Whether this descriptor of a thread is the program's standard input: fd 0, or a copy (dup(2), /dev/stdin).
    fn is_stdin(&self, tid: i32, number: i32) -> bool {
        let file = self.program.running.stdin.file.borrow();
        let own = file.as_ref().and_then(|file| {
            descriptors::object(std::process::id() as i32, file.as_fd().as_raw_fd())
        });
        number == 0 || own.is_some() && own == descriptors::object(tid, number)
    }
}
