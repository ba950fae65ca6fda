//! A command at a terminal, with somebody who types and reads.

use std::{
    fs::File,
    io::{Read, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::process::CommandExt,
    },
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use nix::{
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl},
    libc,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    pty::{Winsize, openpty},
    sys::termios::{LocalFlags, tcgetattr},
    unistd::setsid,
};

/// No step of a test takes a tenth of it.
const DEADLINE: Duration = Duration::from_secs(120);

/// A command whose terminal this is.
pub struct AtTerminal {
    pub child: Child,
    user: File,
    /// What has come, and was not asked for.
    rest: Vec<u8>,
}

impl AtTerminal {
    /// Starts it in a terminal of 24 lines and 80 columns.
    pub fn start(mut command: Command) -> AtTerminal {
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let ends = openpty(&size, None).unwrap();
        for end in [&ends.master, &ends.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
        }
        // Another test may have started a process before the flags were set: then the terminal stays open with it, and
        // a read at its end would wait.
        fcntl(&ends.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let terminal = || ends.slave.try_clone().unwrap();
        command
            .stdin(terminal())
            .stdout(terminal())
            .stderr(terminal());
        let take = || {
            setsid()?;
            // SAFETY: TIOCSCTTY takes numbers.
            nix::errno::Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) })?;
            Ok(())
        };
        // SAFETY: the closure makes two system calls and allocates nothing.
        unsafe { command.pre_exec(take) };
        AtTerminal {
            child: command.spawn().unwrap(),
            user: ends.master.into(),
            rest: Vec::new(),
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.user.write_all(keys.as_bytes()).unwrap();
    }

    /// Gives the terminal another width.
    pub fn resize(&self, columns: u16) {
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: TIOCSWINSZ reads a winsize, which is alive during the call.
        let set = unsafe { libc::ioctl(self.user.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(set, 0);
    }

    /// Whether keys come line by line and are shown, as a shell leaves a terminal.
    pub fn is_as_before(&self) -> bool {
        let flags = tcgetattr(&self.user).unwrap().local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO)
    }

    /// Everything that comes up to this text.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let mut found = self.rest.windows(text.len());
            if let Some(at) = found.position(|window| window == text.as_bytes()) {
                let rest = self.rest.split_off(at + text.len());
                let before = std::mem::replace(&mut self.rest, rest);
                return String::from_utf8_lossy(&before).into_owned();
            }
            let came = self.read(deadline);
            assert!(came, "no {text:?}: {}", String::from_utf8_lossy(&self.rest));
        }
    }

    /// Reads once; whether anything came.
    fn read(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut files = [PollFd::new(self.user.as_fd(), PollFlags::POLLIN)];
        if poll(&mut files, PollTimeout::try_from(left).unwrap()) == Ok(0) {
            return false;
        }
        let mut buffer = [0; 65_536];
        match self.user.read(&mut buffer) {
            Ok(count) => self.rest.extend(&buffer[..count]),
            Err(_) => return false,
        }
        true
    }

    /// Waits for its end, and reads what it says until then.
    #[track_caller]
    pub fn end(&mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let ended = self.child.try_wait().unwrap();
            while self.read(Instant::now() + Duration::from_millis(5)) {}
            if let Some(status) = ended {
                let text = String::from_utf8_lossy(&self.rest).into_owned();
                return (status, text);
            }
            assert!(Instant::now() < deadline, "it does not end");
        }
    }
}

/// A test that fails leaves nothing running.
impl Drop for AtTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
