//! Processes and threads, from /proc (proc(5)).

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    os::unix::fs::FileExt,
    time::Duration,
};

use super::calls::{Sleep, TimeLimit};
use crate::failure::{Attempt, LabError};

/// One process as /proc shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number as the observer sees it.
    pub pid: i32,
    /// Its number as it sees itself, in its own pid namespace.
    pub own_pid: i32,
    /// Its parent, as the observer sees it.
    pub parent: i32,
    /// R running, S sleeping, D waiting for a disk, T stopped, t stopped by a tracer, Z zombie. It is the state of the main thread: after
    /// its pthread_exit it is Z, while others may run.
    pub state: char,
    /// How many threads it has.
    pub threads: u32,
    /// Memory in use, in KiB.
    pub resident_kib: u64,
    /// The most memory it has had in use at any time, in KiB.
    pub peak_kib: u64,
    /// What it has set up for signals.
    pub signals: Signals,
    /// How often its main thread has left the processor by itself, to sleep.
    pub voluntary_switches: u64,
    switches: u64,
}

/// The signal sets of a process, one bit a signal (bit 0 is signal 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// Sent and not yet delivered, to the process or its main thread.
    pub pending: u64,
    /// Blocked by the main thread.
    pub blocked: u64,
    /// Ignored.
    pub ignored: u64,
    /// Caught by a handler.
    pub caught: u64,
}

impl Signals {
    /// Whether `set` holds `signal`.
    pub fn contains(set: u64, signal: i32) -> bool {
        (1..=64).contains(&signal) && set & (1 << (signal - 1)) != 0
    }

    /// Whether the default action of a signal is to do nothing (signal(7)).
    pub(super) fn is_ignored_by_default(signal: i32) -> bool {
        matches!(
            signal,
            libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH
        )
    }

    /// Pending, and of consequence when they are delivered. An ignored signal which is blocked stays pending, too,
    /// and so does one whose default action does nothing, such as the SIGCONT that let a stopped program go on.
    pub fn due(&self) -> u64 {
        let idle = (1..=64).filter(|&signal| Signals::is_ignored_by_default(signal));
        let idle = idle.fold(0u64, |set, signal| set | 1 << (signal - 1));
        self.pending & !self.ignored & !(idle & !self.caught)
    }
}

/// One thread at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its process.
    pub pid: i32,
    /// Its own number.
    pub tid: i32,
    /// As in [`Process::state`].
    pub state: char,
    /// How often it has left the processor. If the state is S both times, the same figure twice means that it slept all the
    /// time between.
    pub switches: u64,
    /// The call it sleeps in, if it does.
    pub sleep: Option<Sleep>,
    /// Whether it may be in a call, and the kernel refuses to tell which: Yama, or a container without ptrace.
    pub hides_its_call: bool,
    /// Whether signals are pending and not blocked: they wake it.
    pub has_signal_due: bool,
}

impl Process {
    /// Reads `/proc/PID/status`. `None` if there is no such process (any more).
    pub fn read(pid: i32) -> Option<Process> {
        Process::parse(&read_text(&format!("/proc/{pid}/status"))?)
    }

    fn parse(text: &str) -> Option<Process> {
        let (mut pid, mut parent, mut state) = (None, None, None);
        let mut process = Process {
            pid: 0,
            own_pid: 0,
            parent: 0,
            state: '?',
            threads: 1,
            // A zombie has no memory and no such lines.
            resident_kib: 0,
            peak_kib: 0,
            signals: Signals::default(),
            voluntary_switches: 0,
            switches: 0,
        };
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            let number = || value.split_whitespace().next()?.parse::<u64>().ok();
            let set = || u64::from_str_radix(value, 16).unwrap_or(0);
            let signals = &mut process.signals;
            match name {
                "State" => state = value.chars().next(),
                "Pid" => pid = number(),
                "PPid" => parent = number(),
                "NSpid" => {
                    let own = value.split_whitespace().last();
                    process.own_pid = own.and_then(|pid| pid.parse().ok()).unwrap_or(0);
                }
                "Threads" => process.threads = number().unwrap_or(1) as u32,
                "VmRSS" => process.resident_kib = number().unwrap_or(0),
                "VmHWM" => process.peak_kib = number().unwrap_or(0),
                "SigPnd" | "ShdPnd" => signals.pending |= set(),
                "SigBlk" => signals.blocked = set(),
                "SigIgn" => signals.ignored = set(),
                "SigCgt" => signals.caught = set(),
                "voluntary_ctxt_switches" => {
                    process.voluntary_switches = number().unwrap_or(0);
                    process.switches += process.voluntary_switches;
                }
                "nonvoluntary_ctxt_switches" => process.switches += number().unwrap_or(0),
                _ => (),
            }
        }
        process.pid = pid? as i32;
        process.parent = parent? as i32;
        process.state = state?;
        if process.own_pid == 0 {
            process.own_pid = process.pid;
        }
        Some(process)
    }

    /// Whether it has ended and has not been reaped. Without its main thread a process lives on in the others.
    pub fn is_zombie(&self) -> bool {
        (self.state == 'Z' || self.state == 'X') && self.threads <= 1
    }

    /// Its threads, none if it has ended. With one thread, `status` was read before `syscall`; with several, after. Two
    /// samples with equal `switches` prove that the thread slept between them, and so in the call that one of them shows.
    pub fn thread_list(&self) -> Vec<Thread> {
        let seen = |tid, status: &Process, line: io::Result<String>| Thread {
            pid: self.pid,
            tid,
            state: status.state,
            switches: status.switches,
            // The kernel refuses for a zombie, too, which is in no call.
            hides_its_call: !matches!(status.state, 'Z' | 'X')
                && matches!(&line, Err(error) if error.kind() == io::ErrorKind::PermissionDenied),
            sleep: line.ok().and_then(|line| Sleep::parse(&line)),
            has_signal_due: status.signals.pending & !status.signals.blocked != 0,
        };
        let call_of = |task: &str| fs::read_to_string(format!("{task}/syscall"));
        if self.threads == 1 {
            let line = call_of(&format!("/proc/{}", self.pid));
            return match line {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                line => vec![seen(self.pid, self, line)],
            };
        }
        self.tasks()
            .into_iter()
            .filter_map(|tid| {
                let task = format!("/proc/{}/task/{tid}", self.pid);
                let line = call_of(&task);
                let status = Process::parse(&read_text(&format!("{task}/status"))?)?;
                Some(seen(tid, &status, line))
            })
            .collect()
    }

    /// The numbers of its threads. Of one with a single thread they are known.
    pub(super) fn tasks(&self) -> Vec<i32> {
        match self.threads {
            1 => vec![self.pid],
            _ => numbers_in(&format!("/proc/{}/task", self.pid)),
        }
    }

    /// The words of the command that it runs (proc_pid_cmdline(5)); none if it has ended.
    pub fn arguments(&self) -> Vec<Vec<u8>> {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        // A NUL stands behind each word.
        let words = line
            .strip_suffix(b"\0")
            .map(|line| line.split(|&byte| byte == 0));
        words.into_iter().flatten().map(<[u8]>::to_vec).collect()
    }

    /// The processor time it has used, in clock ticks (`sysconf(_SC_CLK_TCK)`, 100 a second).
    pub fn processor_ticks(&self) -> u64 {
        ticks_in(&format!("/proc/{}/stat", self.pid))
    }

    /// How often it has touched a page of memory that was not there yet.
    pub fn page_faults(&self) -> u64 {
        let stat = Stat::read(&format!("/proc/{}/stat", self.pid));
        // Those for which the kernel had to read a disk are counted apart: minflt and majflt.
        stat.field(10) + stat.field(12)
    }

    /// Whether it has a timer of timer_create(2), armed or not. `None` if the kernel has no /proc/PID/timers
    /// (CONFIG_CHECKPOINT_RESTORE is off). (`alarm` and `setitimer` cannot be seen from outside at all.)
    pub fn has_timer(&self) -> Option<bool> {
        read_text(&format!("/proc/{}/timers", self.pid)).map(|text| !text.is_empty())
    }
}

impl Thread {
    /// Whether it sleeps in a call that /proc shows, or hides from this process. A thread without either has woken up
    /// between the two looks at it.
    pub fn sleeps_in_a_call(&self) -> bool {
        self.state == 'S' && (self.sleep.is_some() || self.hides_its_call)
    }

    /// Whether it sleeps in a call that sets a limit to the sleep.
    pub fn naps(&self) -> bool {
        let sleep = self.sleep.as_ref();
        self.state == 'S' && sleep.is_some_and(|sleep| sleep.call.is_some() && !sleep.endless)
    }

    /// How long its call sleeps at most, from the beginning of the call on. `None` where that is not known.
    pub fn time_limit(&self) -> Option<Duration> {
        match self.sleep.as_ref()?.limit? {
            TimeLimit::Milliseconds(number) => Some(Duration::from_millis(number.into())),
            TimeLimit::Timespec(address) => {
                let bytes = self.memory::<16>(address).ok()?;
                let [seconds, nanoseconds] = [&bytes[..8], &bytes[8..]]
                    .map(|half| half.try_into().map_or(-1, i64::from_ne_bytes));
                let nanoseconds = u32::try_from(nanoseconds).ok()?;
                Some(Duration::new(seconds.try_into().ok()?, nanoseconds))
            }
        }
    }

    fn memory<const COUNT: usize>(&self, address: u64) -> io::Result<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        fs::File::open(format!("/proc/{}/mem", self.tid))?.read_exact_at(&mut bytes, address)?;
        Ok(bytes)
    }

    /// The set of signals for which it waits in rt_sigtimedwait(2), from its memory: meanwhile /proc shows them as not
    /// blocked, whether they are or not. `None` if it is not in that call; `Some(None)` where its memory is closed.
    #[allow(
        clippy::option_option,
        reason = "not waiting, and waiting for nobody knows what, are two things"
    )]
    pub fn awaited_signals(&self) -> Option<Option<u64>> {
        let address = self.sleep.as_ref()?.awaited?;
        Some(self.memory(address).ok().map(u64::from_ne_bytes))
    }
}

/// The state of one thread of this process, as in [`Process::state`]. `None` if it has ended.
pub(super) fn own_thread_state(thread: i32) -> Option<char> {
    let stat = read_text(&format!("/proc/self/task/{thread}/stat"))?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// The processor time of one thread of this process, in clock ticks; 0 if it has ended.
pub(super) fn processor_ticks(thread: i32) -> u64 {
    ticks_in(&format!("/proc/self/task/{thread}/stat"))
}

fn ticks_in(stat: &str) -> u64 {
    let stat = Stat::read(stat);
    // utime and stime.
    stat.field(14) + stat.field(15)
}

/// The processor on which a thread is, or has been last.
pub(super) fn cpu_of(tid: i32) -> Option<usize> {
    let stat = Stat::read(&format!("/proc/{tid}/stat"));
    (!stat.fields.is_empty()).then(|| stat.field(39) as usize)
}

/// The fields of a stat file (proc_pid_stat(5)) behind the second, the name.
struct Stat {
    fields: Vec<u64>,
}

impl Stat {
    fn read(path: &str) -> Stat {
        let text = read_text(path).unwrap_or_default();
        // The name in parentheses may hold anything; what follows its last parenthesis is plain.
        let behind = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields = behind.split_whitespace();
        Stat {
            fields: fields.map(|field| field.parse().unwrap_or(0)).collect(),
        }
    }

    /// A field, by its number in the manual; 0 if it is no number, or if the process has ended.
    fn field(&self, number: usize) -> u64 {
        self.fields.get(number - 3).copied().unwrap_or(0)
    }
}

/// The process of a thread. `None` if it has ended.
pub(super) fn process_of(tid: i32) -> Option<i32> {
    status_number(&read_text(&format!("/proc/{tid}/status"))?, "Tgid")
}

/// A field of a status file (proc_pid_status(5)); the last number where there are several, one for each PID namespace.
pub(super) fn status_number(status: &str, name: &str) -> Option<i32> {
    let mut lines = status.lines();
    let values = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    values.split_whitespace().last()?.parse().ok()
}

/// Makes sure that the kernel lists children; otherwise nothing would have [`descendants`].
///
/// # Errors
///
/// When it does not: it was built without CONFIG_PROC_CHILDREN.
pub fn expect_lists_of_children() -> Result<(), LabError> {
    fs::metadata("/proc/thread-self/children")
        .map(drop)
        .attempt("could not list children (CONFIG_PROC_CHILDREN)")
}

/// All descendants of `root`, without itself, by their numbers. Processes come and go meanwhile, so that the list is
/// exact only when they sleep.
pub fn descendants(root: i32) -> BTreeMap<i32, Process> {
    descendants_but(root, None)
}

/// The same without one of them, which has a single thread, the init of a PID namespace; its own descendants are among
/// them.
pub fn descendants_but(root: i32, without: Option<i32>) -> BTreeMap<i32, Process> {
    let mut found = BTreeMap::new();
    let mut unvisited = numbers_in(&format!("/proc/{root}/task"));
    while let Some(tid) = unvisited.pop() {
        // /proc knows a thread by its own number, too (proc(5)).
        let children = read_text(&format!("/proc/{tid}/task/{tid}/children"));
        for child in children.iter().flat_map(|text| text.split_whitespace()) {
            let Ok(pid) = child.parse() else {
                continue;
            };
            if without == Some(pid) {
                unvisited.push(pid);
                continue;
            }
            let Some(process) = Process::read(pid) else {
                continue;
            };
            unvisited.extend(process.tasks());
            found.insert(process.pid, process);
        }
    }
    found
}

/// The names in a folder of /proc which are numbers.
pub(super) fn numbers_in(folder: &str) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// A file of /proc as text. `None` if it cannot be read: most often because its process has ended.
pub(super) fn read_text(path: &str) -> Option<String> {
    let mut file = fs::File::open(path).ok()?;
    // The size of such a file is not known before it is read, and most fit in here.
    let mut bytes = vec![0; 4096];
    let mut length = 0;
    loop {
        match file.read(&mut bytes[length..]).ok()? {
            0 => break,
            n => length += n,
        }
        if length == bytes.len() {
            bytes.resize(2 * length, 0);
        }
    }
    bytes.truncate(length);
    let text = String::from_utf8(bytes);
    Some(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use nix::{
        sys::wait::{Id, WaitPidFlag, waitid},
        unistd::Pid,
    };

    use super::*;

    #[test]
    fn sees_itself() {
        let own = std::process::id() as i32;
        let process = Process::read(own).unwrap();
        assert_eq!(process.pid, own);
        assert!(process.threads >= 1 && process.resident_kib > 0);
        assert!(
            process
                .thread_list()
                .iter()
                .any(|thread| thread.state == 'R')
        );
    }

    #[test]
    fn a_signal_of_no_consequence_is_not_due() {
        let set = |signals: &[i32]| signals.iter().fold(0, |set, n| set | 1u64 << (n - 1));
        let signals = Signals {
            pending: set(&[libc::SIGHUP, libc::SIGUSR1, libc::SIGCHLD, libc::SIGCONT]),
            ignored: set(&[libc::SIGHUP]),
            caught: set(&[libc::SIGUSR1, libc::SIGCHLD]),
            ..Signals::default()
        };
        assert_eq!(signals.due(), set(&[libc::SIGUSR1, libc::SIGCHLD]));
    }

    #[test]
    fn sees_a_child_asleep_in_read() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id() as i32;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let asleep = loop {
            let sleep = Process::read(pid).unwrap().thread_list().remove(0).sleep;
            if sleep
                .as_ref()
                .is_some_and(|sleep| sleep.name == "read" && sleep.descriptor == Some(0))
            {
                break true;
            }
            if std::time::Instant::now() > deadline {
                break false;
            }
            std::thread::yield_now();
        };
        assert!(descendants(std::process::id() as i32).contains_key(&pid));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(asleep);
    }

    /// The kernel refuses an ordinary user the call of a zombie, and tells root that there is none.
    #[test]
    fn a_zombie_hides_no_call() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id() as i32;
        let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(Pid::from_raw(pid)), ended).unwrap();
        let threads = Process::read(pid).unwrap().thread_list();
        child.wait().unwrap();
        let [thread] = &threads[..] else {
            panic!("not one thread: {threads:?}");
        };
        assert_eq!((thread.state, thread.hides_its_call), ('Z', false));
    }
}
