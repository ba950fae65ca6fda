//! The system calls that the course is about: one row a call, and the only place that knows one by its number.

use Parameter::*;

use super::Call;

/// When a sleeping call can only go on through the action of another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::observe) enum Endless {
    /// It has no time limit of its own.
    Always,
    /// Its time limit is a pointer, in this argument; null means none.
    IfNull(usize),
    /// Its time limit is a number of milliseconds, in this argument; negative means none.
    IfNegative(usize),
    /// It always ends by itself, or does not sleep.
    Never,
}

/// What a call takes an argument for. A number in parentheses is the place of the argument with its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::observe) enum Parameter {
    /// An open descriptor.
    Descriptor,
    /// The descriptor of a directory, or AT_FDCWD.
    Directory,
    /// A signed number of 32 bits.
    Int,
    /// A signed number of 64 bits.
    Size,
    /// Flags, or an address, of which the course does not speak.
    Pointer,
    /// The number of a process.
    Process,
    /// A signal.
    Signal,
    /// A path, or another C string.
    Path,
    /// The argv of an exec.
    Argv,
    /// The bytes which the call sends.
    Sent(usize),
    /// The bytes with which the call has filled the buffer.
    Filled(usize),
    /// Buffers (readv(2)) which are sent.
    SentVector(usize),
    /// Buffers which are filled.
    FilledVector(usize),
    /// A message of sendmsg(2).
    SentMessage,
    /// A message of recvmsg(2).
    FilledMessage,
    /// The address of a socket.
    Address(usize),
    /// The same, written by the call; the length is a pointer.
    FilledAddress(usize),
    /// A pointer to the length of what the call writes.
    FilledLength,
    /// AF_INET …
    Family,
    /// SOCK_STREAM …, with flags.
    SocketType,
    /// IPPROTO_TCP …, or 0.
    Protocol,
    /// MSG_PEEK …
    MessageFlags,
    /// SHUT_WR …
    How,
    /// SOL_SOCKET …
    Level,
    /// SO_REUSEADDR …, of the level in this argument.
    SocketOption(usize),
    /// The value of an option, an int most of the time.
    OptionValue(usize),
    /// The same, written by the call.
    FilledOption(usize),
    /// What poll(2) watches.
    PollSet(usize),
    /// Descriptors for select(2), of which the first argument tells how many there may be.
    DescriptorSet,
    /// What epoll_wait(2) has found ready.
    FilledEvents,
    /// What epoll_ctl(2) is to watch for.
    Event,
    /// EPOLL_CTL_ADD …
    EpollCommand,
    /// F_SETFL …
    FcntlCommand,
    /// What comes with the command of fcntl(2), in this argument.
    FcntlValue(usize),
    /// O_CREAT …
    OpenFlags,
    /// SEEK_END …
    Whence,
    /// SOCK_CLOEXEC …, for accept4(2).
    SocketFlags,
    /// A number in base 8.
    Mode,
    /// CLONE_VM …
    CloneFlags,
    /// The status which a wait has written.
    FilledStatus,
    /// WNOHANG …
    WaitOptions,
    /// P_PID …
    WaitWhat,
    /// Two descriptors, written by the call.
    FilledPair,
    /// What sigaction(2) sets.
    Action,
    /// SIG_BLOCK …
    MaskCommand,
    /// A set of signals.
    SignalSet,
    /// A time, as struct timespec.
    Time,
    /// Milliseconds, or none.
    Limit,
    /// Microseconds and seconds, as struct itimerval.
    Interval,
}

impl Endless {
    /// Whether a call with these arguments sets no limit to its sleep.
    pub fn holds(self, argument: impl Fn(usize) -> u64) -> bool {
        match self {
            Endless::Always => true,
            Endless::IfNull(index) => argument(index) == 0,
            // The kernel reads a time limit from the low 32 bits of its register.
            Endless::IfNegative(index) => (argument(index) as u32 as i32) < 0,
            Endless::Never => false,
        }
    }
}

/// One call.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::observe) struct Row {
    pub number: libc::c_long,
    /// As in the manual.
    pub name: &'static str,
    pub call: Call,
    pub endless: Endless,
    pub parameters: &'static [Parameter],
}

impl Row {
    /// The row of a call of this machine.
    pub fn of(number: libc::c_long) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.number == number)
    }

    /// The calls which a tracer looks at. All others run at their own speed; and a futex tells nothing but that threads
    /// lock.
    pub fn traced() -> impl Iterator<Item = &'static Row> {
        TABLE.iter().filter(|row| row.call != Call::Futex)
    }

    /// Those that are recorded: all but those which the tracer only has to know of.
    pub fn recorded() -> impl Iterator<Item = &'static Row> {
        Row::traced().filter(|row| row.call != Call::Processor)
    }

    /// Whether programs of the course sleep in it, and the table says when that ends.
    pub fn sleeps(&self) -> bool {
        self.endless != Endless::Never || self.call == Call::Sleep
    }

    /// Whether its first argument is a descriptor.
    pub fn has_descriptor(&self) -> bool {
        self.parameters.first() == Some(&Descriptor)
    }

    /// For a call which copies from one descriptor to another: which arguments these are.
    pub fn copies(&self) -> Option<(usize, usize)> {
        match self.number {
            libc::SYS_sendfile => Some((1, 0)),
            libc::SYS_splice | libc::SYS_copy_file_range => Some((0, 2)),
            _ => None,
        }
    }

    /// Which other argument is one, too.
    pub fn second_descriptor(&self) -> Option<usize> {
        (1..self.parameters.len()).find(|&index| self.parameters[index] == Descriptor)
    }
}

/// `SYS_read Read Always [parameters]`: the name is that of the number.
macro_rules! table {
    ($($(#[$attribute:meta])* $number:ident $call:ident $endless:ident $(($place:literal))? [$($parameter:expr),*])*) => {
        &[$(
            $(#[$attribute])*
            Row {
                number: libc::$number,
                name: stringify!($number).split_at("SYS_".len()).1,
                call: Call::$call,
                endless: Endless::$endless $(($place))?,
                parameters: &[$($parameter),*],
            }
        ),*]
    };
}

/// Calls are named by what they do, not by how: `poll` and `ppoll` are one [`Call`]. The rows with a condition are calls
/// which newer machines (aarch64) do not have.
///
/// That a call never sleeps for ever is also said of those that others than the test could end: flock, fcntl, msgrcv and
/// semop wait for the holder of the lock or the queue, which may be the program of another test. The two descriptors of
/// sendfile and splice mean that they wait at either end.
const TABLE: &[Row] = table! {
    SYS_read Read Always [Descriptor, Filled(2), Size]
    SYS_readv Read Always [Descriptor, FilledVector(2), Int]
    SYS_pread64 Read Never [Descriptor, Filled(2), Size, Size]
    SYS_preadv Read Never [Descriptor, FilledVector(2), Int, Size]
    SYS_preadv2 Read Always [Descriptor, FilledVector(2), Int, Size, Pointer, Int]
    SYS_recvfrom Read Always [Descriptor, Filled(2), Size, MessageFlags, FilledAddress(5), FilledLength]
    SYS_recvmsg Read Always [Descriptor, FilledMessage, MessageFlags]
    SYS_recvmmsg Read IfNull(4) [Descriptor, Pointer, Int, MessageFlags, Time]
    SYS_write Write Always [Descriptor, Sent(2), Size]
    SYS_writev Write Always [Descriptor, SentVector(2), Int]
    SYS_pwrite64 Write Never [Descriptor, Sent(2), Size, Size]
    SYS_pwritev Write Never [Descriptor, SentVector(2), Int, Size]
    SYS_pwritev2 Write Always [Descriptor, SentVector(2), Int, Size, Pointer, Int]
    SYS_sendto Write Always [Descriptor, Sent(2), Size, MessageFlags, Address(5), Int]
    SYS_sendmsg Write Always [Descriptor, SentMessage, MessageFlags]
    SYS_sendmmsg Write Always [Descriptor, Pointer, Int, MessageFlags]
    SYS_sendfile Write Always [Descriptor, Descriptor, Pointer, Size]
    SYS_splice Read Always [Descriptor, Pointer, Descriptor, Pointer, Size, Pointer]
    SYS_copy_file_range Write Never [Descriptor, Pointer, Descriptor, Pointer, Size, Pointer]

    SYS_socket Socket Never [Family, SocketType, Protocol]
    SYS_socketpair Socket Never [Family, SocketType, Protocol, FilledPair]
    SYS_bind Bind Never [Descriptor, Address(2), Int]
    SYS_listen Listen Never [Descriptor, Int]
    SYS_accept Accept Always [Descriptor, FilledAddress(2), FilledLength]
    SYS_accept4 Accept Always [Descriptor, FilledAddress(2), FilledLength, SocketFlags]
    SYS_connect Connect Always [Descriptor, Address(2), Int]
    SYS_shutdown Shutdown Never [Descriptor, How]
    SYS_setsockopt SetOption Never [Descriptor, Level, SocketOption(1), OptionValue(4), Int]
    SYS_getsockopt GetOption Never [Descriptor, Level, SocketOption(1), FilledOption(4), FilledLength]
    SYS_getsockname Name Never [Descriptor, FilledAddress(2), FilledLength]
    SYS_getpeername Peer Never [Descriptor, FilledAddress(2), FilledLength]

    SYS_openat Open Never [Directory, Path, OpenFlags, Mode]
    #[cfg(target_arch = "x86_64")] SYS_open Open Never [Path, OpenFlags, Mode]
    #[cfg(target_arch = "x86_64")] SYS_creat Open Never [Path, Mode]
    SYS_close Close Never [Descriptor]
    SYS_close_range Close Never [Int, Int, Pointer]
    SYS_pipe2 Pipe Never [FilledPair, OpenFlags]
    #[cfg(target_arch = "x86_64")] SYS_pipe Pipe Never [FilledPair]
    SYS_dup Dup Never [Descriptor]
    SYS_dup3 Dup Never [Descriptor, Int, OpenFlags]
    #[cfg(target_arch = "x86_64")] SYS_dup2 Dup Never [Descriptor, Int]
    SYS_fcntl Fcntl Never [Descriptor, FcntlCommand, FcntlValue(1)]
    SYS_lseek Seek Never [Descriptor, Size, Whence]
    SYS_unlinkat Remove Never [Directory, Path, Pointer]
    #[cfg(target_arch = "x86_64")] SYS_unlink Remove Never [Path]
    SYS_ftruncate Truncate Never [Descriptor, Size]

    SYS_ppoll Poll IfNull(2) [PollSet(1), Size, Time, SignalSet]
    SYS_pselect6 Poll IfNull(4) [Int, DescriptorSet, DescriptorSet, DescriptorSet, Time, Pointer]
    SYS_epoll_pwait Poll IfNegative(3) [Descriptor, FilledEvents, Int, Limit, SignalSet]
    SYS_epoll_pwait2 Poll IfNull(3) [Descriptor, FilledEvents, Int, Time, SignalSet]
    #[cfg(target_arch = "x86_64")] SYS_poll Poll IfNegative(2) [PollSet(1), Size, Limit]
    #[cfg(target_arch = "x86_64")] SYS_select Poll IfNull(4) [Int, DescriptorSet, DescriptorSet, DescriptorSet, Time]
    #[cfg(target_arch = "x86_64")] SYS_epoll_wait Poll IfNegative(3) [Descriptor, FilledEvents, Int, Limit]
    SYS_epoll_create1 Epoll Never [Pointer]
    #[cfg(target_arch = "x86_64")] SYS_epoll_create Epoll Never [Int]
    SYS_epoll_ctl Epoll Never [Descriptor, EpollCommand, Descriptor, Event]

    SYS_clone Fork Never [CloneFlags]
    #[cfg(target_arch = "x86_64")] SYS_fork Fork Never []
    #[cfg(target_arch = "x86_64")] SYS_vfork Fork Never []
    SYS_execve Exec Never [Path, Argv]
    SYS_execveat Exec Never [Directory, Path, Argv]
    SYS_wait4 Wait Always [Process, FilledStatus, WaitOptions]
    SYS_waitid Wait Always [WaitWhat, Process, Pointer, WaitOptions]
    SYS_setpgid Group Never [Process, Process]
    SYS_setsid Group Never []
    SYS_exit Exit Never [Int]
    SYS_exit_group Exit Never [Int]

    SYS_rt_sigaction SigAction Never [Signal, Action]
    SYS_rt_sigprocmask SigMask Never [MaskCommand, SignalSet]
    SYS_kill Kill Never [Process, Signal]
    SYS_tkill Kill Never [Process, Signal]
    SYS_tgkill Kill Never [Process, Process, Signal]
    SYS_rt_sigqueueinfo Kill Never [Process, Signal, Pointer]
    SYS_rt_tgsigqueueinfo Kill Never [Process, Process, Signal, Pointer]
    #[cfg(target_arch = "x86_64")] SYS_pause Signal Always []
    SYS_rt_sigsuspend Signal Always [SignalSet]
    SYS_rt_sigtimedwait Signal IfNull(2) [SignalSet, Pointer, Time]
    SYS_signalfd4 SignalFd Never [Int, SignalSet]
    SYS_nanosleep Sleep Never [Time]
    SYS_clock_nanosleep Sleep Never [Int, Int, Time]
    SYS_setitimer Alarm Never [Int, Interval]
    #[cfg(target_arch = "x86_64")] SYS_alarm Alarm Never [Int]
    // FUTEX_WAIT and its relatives take the time limit as the fourth argument.
    SYS_futex Futex IfNull(3) [Pointer, Int, Int, Time]
    SYS_futex_waitv Futex IfNull(3) [Pointer, Int, Pointer, Time]

    // The tracer keeps a thread on one CPU. That is the lab's choice, and not shown.
    SYS_sched_getaffinity Processor Never [Process, Size, Pointer]
    SYS_sched_setaffinity Processor Never [Process, Size, Pointer]

    // What would hide the program from the lab, which refuses it.
    SYS_ptrace Trace Never [Int, Process]
    SYS_process_vm_readv Trace Never [Process]
    SYS_process_vm_writev Trace Never [Process]
    SYS_seccomp Filter Never [Int]
    SYS_prctl Filter Never [Int, Pointer]
    SYS_io_uring_setup Ring Never [Int]
    SYS_io_uring_enter Ring Never [Descriptor]
    SYS_io_uring_register Ring Never [Descriptor]
};
