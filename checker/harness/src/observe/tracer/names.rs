//! The names of numbers, as the manual writes them.

use nix::errno::Errno;

type Names = &'static [(i64, &'static str)];

macro_rules! names {
    ($($name:ident)*) => { &[$((libc::$name as i64, stringify!($name))),*] };
}

const FAMILIES: Names = names! { AF_UNSPEC AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET };
const SOCKET_TYPES: Names = names! { SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_SEQPACKET };
const SOCKET_FLAGS: Names = names! { SOCK_NONBLOCK SOCK_CLOEXEC };
const PROTOCOLS: Names = names! { IPPROTO_TCP IPPROTO_UDP IPPROTO_ICMP };
const MESSAGE_FLAGS: Names = names! {
    MSG_OOB MSG_PEEK MSG_DONTROUTE MSG_TRUNC MSG_DONTWAIT MSG_WAITALL MSG_NOSIGNAL MSG_MORE MSG_CMSG_CLOEXEC
    MSG_ERRQUEUE
};
const WHENCES: Names = names! { SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE };
const HOWS: Names = names! { SHUT_RD SHUT_WR SHUT_RDWR };
const LEVELS: Names = names! { SOL_SOCKET IPPROTO_TCP IPPROTO_IP IPPROTO_IPV6 IPPROTO_UDP };
const SOCKET_OPTIONS: Names = names! {
    SO_REUSEADDR SO_REUSEPORT SO_ERROR SO_TYPE SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE SO_LINGER SO_RCVLOWAT
    SO_RCVTIMEO SO_SNDTIMEO SO_ACCEPTCONN SO_DOMAIN SO_PROTOCOL SO_PEERCRED SO_PASSCRED SO_INCOMING_CPU
};
const TCP_OPTIONS: Names = names! {
    TCP_NODELAY TCP_MAXSEG TCP_CORK TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT TCP_DEFER_ACCEPT TCP_INFO TCP_QUICKACK
    TCP_USER_TIMEOUT TCP_FASTOPEN
};
const IPV6_OPTIONS: Names = names! { IPV6_V6ONLY IPV6_UNICAST_HOPS };
pub(super) const POLL_EVENTS: Names =
    names! { POLLIN POLLPRI POLLOUT POLLERR POLLHUP POLLNVAL POLLRDHUP };
pub(super) const EPOLL_EVENTS: Names = names! {
    EPOLLIN EPOLLPRI EPOLLOUT EPOLLERR EPOLLHUP EPOLLRDHUP EPOLLEXCLUSIVE EPOLLONESHOT
};
const EPOLL_COMMANDS: Names = names! { EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD };
const FCNTL_COMMANDS: Names = names! {
    F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN F_DUPFD_CLOEXEC F_SETPIPE_SZ
    F_GETPIPE_SZ
};
const DESCRIPTOR_FLAGS: Names = names! { FD_CLOEXEC };
const ACCESS: Names = names! { O_RDONLY O_WRONLY O_RDWR };
const OPEN_FLAGS: Names = names! {
    O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_SYNC O_DIRECTORY O_NOFOLLOW O_CLOEXEC O_PATH O_DIRECT
};
const CLONE_FLAGS: Names = names! {
    CLONE_VM CLONE_FS CLONE_FILES CLONE_SIGHAND CLONE_PIDFD CLONE_PTRACE CLONE_VFORK CLONE_PARENT CLONE_THREAD
    CLONE_NEWNS CLONE_SYSVSEM CLONE_SETTLS CLONE_PARENT_SETTID CLONE_CHILD_CLEARTID CLONE_UNTRACED
    CLONE_CHILD_SETTID CLONE_NEWUSER CLONE_NEWPID CLONE_NEWNET
};
const WAIT_OPTIONS: Names = names! { WNOHANG WUNTRACED WEXITED WCONTINUED WNOWAIT __WALL __WCLONE };
const WAIT_WHATS: Names = names! { P_ALL P_PID P_PGID P_PIDFD };
pub(super) const ACTION_FLAGS: Names = names! {
    SA_NOCLDSTOP SA_NOCLDWAIT SA_SIGINFO SA_ONSTACK SA_RESTART SA_NODEFER SA_RESETHAND
};
const MASK_COMMANDS: Names = names! { SIG_BLOCK SIG_UNBLOCK SIG_SETMASK };

/// Which constants a number is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstantSet {
    /// AF_INET …
    Family,
    /// IPPROTO_TCP …
    Protocol,
    /// SHUT_WR …
    How,
    /// SEEK_END …
    Whence,
    /// SOL_SOCKET …
    Level,
    /// SO_REUSEADDR …
    SocketOption,
    /// TCP_NODELAY …
    TcpOption,
    /// IPV6_V6ONLY …
    Ipv6Option,
    /// EPOLL_CTL_ADD …
    EpollCommand,
    /// F_SETFL …
    FcntlCommand,
    /// P_PID …
    WaitWhat,
    /// SIG_BLOCK …
    MaskCommand,
}

/// Which flags a number is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagSet {
    /// O_WRONLY|O_CREAT …
    Open,
    /// SOCK_STREAM|SOCK_CLOEXEC …
    SocketType,
    /// SOCK_CLOEXEC …, for accept4(2).
    Socket,
    /// MSG_PEEK …
    Message,
    /// CLONE_VM …, and the signal at the child's end.
    Clone,
    /// WNOHANG …
    Wait,
    /// FD_CLOEXEC
    Descriptor,
}

impl ConstantSet {
    /// The name of a value, or the value.
    pub(super) fn text(self, value: i32) -> String {
        let names = match self {
            ConstantSet::Family => FAMILIES,
            ConstantSet::Protocol => PROTOCOLS,
            ConstantSet::How => HOWS,
            ConstantSet::Whence => WHENCES,
            ConstantSet::Level => LEVELS,
            ConstantSet::SocketOption => SOCKET_OPTIONS,
            ConstantSet::TcpOption => TCP_OPTIONS,
            ConstantSet::Ipv6Option => IPV6_OPTIONS,
            ConstantSet::EpollCommand => EPOLL_COMMANDS,
            ConstantSet::FcntlCommand => FCNTL_COMMANDS,
            ConstantSet::WaitWhat => WAIT_WHATS,
            ConstantSet::MaskCommand => MASK_COMMANDS,
        };
        one(names, value.into())
    }
}

impl FlagSet {
    /// The names of the flags: `O_WRONLY|O_CREAT`.
    pub(super) fn text(self, bits: u32) -> String {
        let bits = u64::from(bits);
        match self {
            FlagSet::Open => open_flags(bits),
            FlagSet::SocketType => socket_type(bits),
            FlagSet::Socket => flags(SOCKET_FLAGS, bits),
            FlagSet::Message => flags(MESSAGE_FLAGS, bits),
            FlagSet::Clone => clone_flags(bits),
            FlagSet::Wait => flags(WAIT_OPTIONS, bits),
            FlagSet::Descriptor => flags(DESCRIPTOR_FLAGS, bits),
        }
    }
}

/// The name of a number, or the number.
fn one(names: Names, value: i64) -> String {
    find(names, value).map_or_else(|| value.to_string(), str::to_owned)
}

fn find(names: Names, value: i64) -> Option<&'static str> {
    names
        .iter()
        .find(|(number, _)| *number == value)
        .map(|(_, name)| *name)
}

/// The names of flags: `MSG_PEEK|MSG_DONTWAIT`, or `0`. What has no name stands last, as a number.
pub(super) fn flags(names: Names, value: u64) -> String {
    let mut left = value;
    let mut found: Vec<String> = Vec::new();
    for (flag, name) in names {
        // A flag is a number of 32 bits, of which the highest is no sign.
        let flag = *flag as u64 & 0xffff_ffff;
        if left & flag == flag {
            found.push((*name).to_owned());
            left &= !flag;
        }
    }
    if left != 0 {
        found.push(format!("{left:#x}"));
    }
    match found.is_empty() {
        true => "0".to_owned(),
        false => found.join("|"),
    }
}

/// `AF_INET`'s relatives with flags in one number: `SOCK_STREAM|SOCK_CLOEXEC`.
fn socket_type(value: u64) -> String {
    with_flags(
        one(SOCKET_TYPES, (value & 0xf) as i64),
        SOCKET_FLAGS,
        value & !0xf,
    )
}

/// `O_WRONLY|O_CREAT`.
fn open_flags(value: u64) -> String {
    let access = value & libc::O_ACCMODE as u64;
    with_flags(
        one(ACCESS, access as i64),
        OPEN_FLAGS,
        value & !(libc::O_ACCMODE as u64),
    )
}

/// `CLONE_VM|CLONE_VFORK|SIGCHLD`.
fn clone_flags(value: u64) -> String {
    let ends_with = (value & 0xff) as i32;
    let names = flags(CLONE_FLAGS, value & 0xffff_ff00);
    match (ends_with, names.as_str()) {
        (0, _) => names,
        (number, "0") => signal(number),
        (number, _) => format!("{names}|{}", signal(number)),
    }
}

fn with_flags(first: String, names: Names, value: u64) -> String {
    match value {
        0 => first,
        value => format!("{first}|{}", flags(names, value)),
    }
}

/// `ECONNREFUSED`.
pub fn errno(number: i32) -> String {
    match Errno::from_raw(number) {
        Errno::UnknownErrno => format!("errno {number}"),
        known => format!("{known:?}"),
    }
}

/// `SIGTERM`, `SIGRTMIN+1`.
pub fn signal(number: i32) -> String {
    known_signal(number).unwrap_or_else(|| number.to_string())
}

/// The name of a signal; `None` for the two which the C library keeps for itself, and for what is no signal.
pub fn known_signal(number: i32) -> Option<String> {
    match nix::sys::signal::Signal::try_from(number) {
        Ok(signal) => Some(signal.as_str().to_owned()),
        Err(_) if number == libc::SIGRTMIN() => Some("SIGRTMIN".to_owned()),
        Err(_) if number > libc::SIGRTMIN() => {
            Some(format!("SIGRTMIN+{}", number - libc::SIGRTMIN()))
        }
        Err(_) => None,
    }
}

/// `[SIGCHLD SIGTERM]`, from one bit a signal.
pub(super) fn signals(set: u64) -> String {
    if set == u64::MAX {
        return "[all]".to_owned();
    }
    let names: Vec<String> = (1..=64)
        .filter(|number| set & (1 << (number - 1)) != 0)
        .map(signal)
        .collect();
    format!("[{}]", names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_joined_and_the_rest_is_a_number() {
        assert_eq!(flags(MESSAGE_FLAGS, 0), "0");
        let both = (libc::MSG_PEEK | libc::MSG_DONTWAIT) as u64;
        assert_eq!(flags(MESSAGE_FLAGS, both), "MSG_PEEK|MSG_DONTWAIT");
        assert_eq!(flags(SOCKET_FLAGS, 1 << 30), "0x40000000");
        assert_eq!(
            socket_type((libc::SOCK_STREAM | libc::SOCK_CLOEXEC) as u64),
            "SOCK_STREAM|SOCK_CLOEXEC"
        );
        assert_eq!(clone_flags(libc::SIGCHLD as u64), "SIGCHLD");
        assert_eq!(
            open_flags((libc::O_WRONLY | libc::O_CREAT) as u64),
            "O_WRONLY|O_CREAT"
        );
    }

    #[test]
    fn signals_have_names() {
        assert_eq!(signals(1 << 16 | 1 << 14), "[SIGTERM SIGCHLD]");
        assert_eq!(signal(libc::SIGRTMIN() + 2), "SIGRTMIN+2");
    }
}
