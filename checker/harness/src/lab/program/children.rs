//! The processes which the program makes.

use super::Program;
use crate::{
    failure::{Checked, Diagnosis, LabError},
    lab::{quote::signal_name, tcp::Connection, verdict::WaitError},
    observe::{
        descriptors::{self, Descriptor, Object},
        processes::{Process, Signals},
        sockets::Transport,
        tracer::Tracer,
    },
    sys,
};

/// The processes which the program has made: see [`Program::children`].
#[derive(Debug)]
pub struct Children<'a> {
    pub(super) program: &'a Program,
}

impl Children<'_> {
    /// Those which have not ended, children and their children.
    fn living(&self) -> Vec<Process> {
        let context = &self.program.context;
        let mut found = context.programs.living();
        found.retain(|process| !context.programs.is_main(process.pid));
        found
    }

    /// Waits for the process which it has made for this client, and which serves it. Ask before the next client comes.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ProcessMissing`] when there is none.
    pub fn of(&self, client: &Connection) -> Checked<Child> {
        let name = format!("the child of {}", client.name());
        self.program.context.note(format!(
            "expect that {} has a child of its own",
            client.name()
        ));
        let look = || {
            let sockets = self.program.context.sockets(Transport::Tcp)?;
            let Some(socket) = sockets
                .iter()
                .find(|socket| socket.peer == client.local_address() && socket.inode != 0)
            else {
                return Ok(None);
            };
            // If the server closes its own copy late, children of later clients inherit it, too: the oldest child is meant.
            Ok(self
                .living()
                .into_iter()
                .filter(|process| {
                    descriptors::of_process(process)
                        .iter()
                        .any(|descriptor| descriptor.object == Object::Socket(socket.inode))
                })
                .min_by_key(|process| process.own_pid))
        };
        let goal = format!("a child which serves {}", client.name());
        let process = self.program.until(&goal, Diagnosis::ProcessMissing, look)?;
        Ok(self.child(process, name))
    }

    /// Waits for the process in which this command runs: that exec has put it there, with these words and one blank
    /// between each two.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ProcessMissing`] when there is none.
    pub fn running(&self, command: &str) -> Checked<Child> {
        let name = format!("the command \"{command}\"");
        self.program
            .context
            .note(format!("expect that {name} runs"));
        let look = || {
            let mut living = self.living().into_iter();
            Ok(living.find(|process| command_of(process) == command))
        };
        let goal = format!("{name} to run");
        let process = self.program.until(&goal, Diagnosis::ProcessMissing, look)?;
        Ok(self.child(process, name))
    }

    /// The commands that run now, each with one blank between two words. Before its exec, a child still runs the
    /// program's own.
    pub fn commands(&self) -> Vec<String> {
        self.living().iter().map(command_of).collect()
    }

    /// How many have ended, and nobody has collected them yet: zombies.
    pub fn uncollected(&self) -> usize {
        let context = &self.program.context;
        let processes = context.programs.processes().into_iter();
        processes.filter(Process::is_zombie).count()
    }

    /// Ends all of them with SIGKILL, and waits until they have ended. Some may end by themselves meanwhile.
    pub fn kill(&self) -> Checked {
        let context = &self.program.context;
        context.note("end all that it has started with SIGKILL");
        let look = || {
            let living = self.living();
            for process in &living {
                match sys::kill(process.pid, libc::SIGKILL) {
                    Ok(()) | Err(nix::errno::Errno::ESRCH) => (),
                    Err(errno) => {
                        let attempt = "could not end what a program has started";
                        return Err(LabError::call(attempt, errno).into());
                    }
                }
            }
            Ok(living.is_empty().then_some(()))
        };
        let goal = "the end of all that it has started";
        context.until(goal, Diagnosis::ProcessLeft, look)
    }

    fn child(&self, process: Process, name: String) -> Child {
        Child {
            program: self.program.clone(),
            name,
            pid: process.pid,
            own_pid: process.own_pid,
        }
    }
}

/// The words with which a process was started, or its last exec.
fn command_of(process: &Process) -> String {
    let words = process.arguments();
    let words: Vec<_> = words
        .iter()
        .map(|word| String::from_utf8_lossy(word))
        .collect();
    words.join(" ")
}

/// A process which the program has made: for one client, or for one command.
#[derive(Clone, Debug)]
pub struct Child {
    program: Program,
    /// `the child of client 1`, `the command "cat"`
    name: String,
    pid: i32,
    own_pid: i32,
}

impl Child {
    /// Its PID as the server sees it.
    pub fn own_pid(&self) -> i32 {
        self.own_pid
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) -> Checked {
        self.program
            .context
            .note(format!("send {} to {}", signal_name(signal), self.name));
        self.send(signal)
    }

    fn send(&self, signal: i32) -> Checked {
        if self.state().is_some_and(|state| state != 'Z') {
            match sys::kill(self.pid, signal) {
                Ok(()) | Err(nix::errno::Errno::ESRCH) => (),
                Err(errno) => {
                    return Err(LabError::call("could not send a signal to a child", errno).into());
                }
            }
        }
        Ok(())
    }

    /// Stops it with SIGSTOP, and waits until it has stopped.
    pub fn freeze(&self) -> Checked {
        let context = &self.program.context;
        context.note(format!("stop {} (SIGSTOP)", self.name));
        self.send(libc::SIGSTOP)?;
        let look = || {
            let stopped = |state| context.programs.is_stopped(self.pid, state);
            Ok(self.state().is_none_or(stopped).then_some(()))
        };
        context.until(&format!("{} to stop", self.name), Diagnosis::Stuck, look)
    }

    /// What is set up for signals in it; nothing if it has ended.
    pub fn dispositions(&self) -> Signals {
        Process::read(self.pid).map_or_else(Signals::default, |process| process.signals)
    }

    /// Its open descriptors; none if it has ended.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`](crate::failure::Stop::NotChecked) where the program hides its own.
    pub fn descriptors(&self) -> Checked<Vec<Descriptor>> {
        self.program.expect_shown_descriptors()?;
        Ok(descriptors::of(self.pid))
    }

    /// Waits until it has ended; the program may have reaped it or not.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ProcessLeft`] when it goes on.
    pub fn expect_ended(&self) -> Checked {
        let context = &self.program.context;
        context.note(format!("expect that {} ends", self.name));
        let look = || Ok(self.has_ended().then_some(()));
        let goal = format!("the end of {}", self.name);
        context.until(&goal, Diagnosis::ProcessLeft, look)
    }

    /// Waits until it has ended and its server has reaped it.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ZombieLeft`] when it stays.
    pub fn expect_reaped(&self) -> Checked {
        let context = &self.program.context;
        context.note(format!("expect that {} is collected", self.name));
        let goal = format!("it to collect {}", self.name);
        let look = || Ok(self.state().is_none().then_some(()));
        let waited = context.try_until(look)?;
        match (waited, self.program.running.exit_reason()) {
            // When a server ends, the kernel reaps its children.
            (_, Some(ending)) => Err(context.ended_before(ending, &goal).into()),
            (Ok(()), None) => Ok(()),
            (Err(error), None) => Err(context.unreaped(error, &goal, &self.name).into()),
        }
    }

    /// Waits until it has ended or sleeps. Which of the two is right, another test finds out.
    ///
    /// # Errors
    ///
    /// When it runs without end.
    pub fn wait_until_ended_or_asleep(&self) -> Checked {
        let context = &self.program.context;
        context.note(format!("wait until {} has ended or sleeps", self.name));
        let mut before = Vec::new();
        let look = || {
            if self.has_ended() {
                return Ok(Some(()));
            }
            let threads = Process::read(self.pid).map_or_else(Vec::new, |one| one.thread_list());
            let asleep = threads.iter().all(|thread| thread.state == 'S');
            let twice = asleep && threads == before;
            before = threads;
            Ok(twice.then_some(()))
        };
        match context.try_until(look)? {
            Ok(()) | Err(WaitError::Deadlocked) => Ok(()),
            Err(error) => {
                let goal = format!("{} to end or to sleep", self.name);
                Err(context.to_failure(error, &goal, Diagnosis::Busy).into())
            }
        }
    }

    /// Sees that it sleeps without a time limit: see [`Sleep::WithoutTimeLimit`](super::Sleep::WithoutTimeLimit).
    ///
    /// # Errors
    ///
    /// [`Diagnosis::TimeLimited`] when something but another process ends its waiting.
    pub fn sleeps_without_time_limit(&self) -> Checked {
        let note = format!("see that {} sleeps without a time limit", self.name);
        self.program.context.note(note);
        let process = Process::read(self.pid);
        self.program
            .expect_no_time_limit(process.as_ref(), &self.name)
    }

    fn has_ended(&self) -> bool {
        let is_followed = |tracer: &Tracer| tracer.follows(self.pid);
        let has_ended = self.state().is_none_or(|state| state == 'Z')
            && !self
                .program
                .running
                .tracer
                .as_ref()
                .is_some_and(is_followed);
        if has_ended {
            // A zombie is seen a moment before its parent gets SIGCHLD. The kernel gives no list of children between
            // the two (its tasklist_lock), so asking for one waits for the second.
            drop(self.program.children().living());
        }
        has_ended
    }

    /// As in [`Process::state`], where X counts as Z. `None` when it has been reaped.
    fn state(&self) -> Option<char> {
        Process::read(self.pid)
            // A later process may have got the same PID; in the namespace it has another one.
            .filter(|process| process.own_pid == self.own_pid)
            .map(|process| {
                if process.is_zombie() {
                    'Z'
                } else {
                    process.state
                }
            })
    }
}
