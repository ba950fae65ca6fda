//! The end of a program's standard input that the lab holds.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io::{self, Write},
    os::fd::AsFd,
    process::ChildStdin,
    rc::Rc,
};

use super::pipe::bytes_in_pipe;

/// A program's input.
#[derive(Debug)]
pub(in crate::lab) struct StdinPipe {
    pub(in crate::lab) file: RefCell<Option<Rc<ChildStdin>>>,
    /// What is written as soon as there is room, while the test does other things.
    pub(in crate::lab) queue: RefCell<VecDeque<u8>>,
    /// Whether it is closed when all of that is written.
    pub(in crate::lab) closes: Cell<bool>,
    /// How many bytes the pipe has taken so far.
    pub(in crate::lab) written: Cell<u64>,
}

impl StdinPipe {
    /// How many bytes the program has taken from the pipe; all of them when it is closed.
    pub(in crate::lab) fn taken(&self) -> u64 {
        let file = self.file.borrow();
        let unread = file.as_ref().map_or(0, |file| bytes_in_pipe(file.as_fd()));
        self.written.get().saturating_sub(unread as u64)
    }

    /// Writes what the pipe takes now.
    pub(in crate::lab) fn pump(&self) {
        let mut queue = self.queue.borrow_mut();
        let mut file = self.file.borrow_mut();
        while let Some(mut open) = file.as_deref() {
            if queue.is_empty() {
                if self.closes.get() {
                    *file = None;
                }
                return;
            }
            match open.write(queue.as_slices().0) {
                Ok(n) => {
                    self.written.set(self.written.get() + n as u64);
                    drop(queue.drain(..n));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It has closed its input. The signal SIGPIPE is ignored in every Rust program.
                Err(_) => *file = None,
            }
        }
    }
}
