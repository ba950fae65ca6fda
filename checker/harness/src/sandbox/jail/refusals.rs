//! The system calls that a jailed program does not get to make. No program of the course needs one of them.
//!
//! Landlock knows nothing of most of these: of owners, modes and times of files, of priorities, of keys, of queues that
//! outlive their makers.

use crate::observe::tracer::{Condition, Refusal};

/// What decides on some of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// Whether it may have sockets of the internet.
    pub network: bool,
    /// Whether it may change owners, modes and times of files by their names, as linkers do.
    pub builds: bool,
    /// Whether other processes than its own are in sight.
    pub sees_others: bool,
    /// Whether the paths of their sockets are in sight.
    pub sees_others_files: bool,
    /// Whether truncate(2) needs a right.
    pub truncate_needs_right: bool,
}

impl Circumstances {
    pub fn refusals(self) -> Vec<Refusal> {
        let mut all = Vec::new();
        let mut add = |calls: &[libc::c_long], errno: i32| {
            all.extend(calls.iter().map(|&call| always(call, errno)));
        };
        add(INTO_OTHERS, libc::EPERM);
        add(NAMESPACES, libc::EPERM);
        add(WHAT_STAYS, libc::EPERM);
        add(SLOWS_OTHERS, libc::EPERM);
        add(MEMORY_WITHOUT_MEASURE, libc::EPERM);
        add(HIDES, libc::ENOSYS);
        if !self.builds {
            add(ATTRIBUTES, libc::EPERM);
        }
        if !self.truncate_needs_right {
            add(&[libc::SYS_truncate], libc::EACCES);
        }
        if self.sees_others {
            // By a descriptor of a process, signals come without its number.
            add(&[libc::SYS_pidfd_open], libc::EPERM);
            // Many addresses at once, in memory.
            add(&[libc::SYS_sendmmsg], libc::ENOSYS);
        }
        if self.builds {
            // The rest of Landlock's scopes, where they are not there yet: cargo and rustc send no signals.
            add(
                &[
                    libc::SYS_kill,
                    libc::SYS_tkill,
                    libc::SYS_rt_sigqueueinfo,
                    libc::SYS_rt_tgsigqueueinfo,
                ],
                libc::EPERM,
            );
        }
        all.extend(conditional());
        all.extend(self.sockets());
        all
    }

    fn sockets(self) -> Vec<Refusal> {
        const SOCKET: libc::c_long = libc::SYS_socket;
        const PAIR: libc::c_long = libc::SYS_socketpair;
        const ANY_TYPE: u32 = 0xf;
        let kind = |kind: i32| masked(1, ANY_TYPE, false, kind);
        let (inet, inet6) = (libc::AF_INET, libc::AF_INET6);
        let mut families = vec![libc::AF_NETLINK];
        let mut all = Vec::new();
        if self.network {
            families.extend([inet, inet6]);
        }
        if self.sees_others_files {
            // Sockets of this machine (unix(7)) lead to whatever listens here. A pair leads nowhere; but one of a pair of
            // datagram sockets can be connected to another process.
            let of_datagrams = masked(1, ANY_TYPE, true, libc::SOCK_DGRAM);
            let pair = [is(0, libc::AF_UNIX), of_datagrams];
            all.push(only_if(PAIR, libc::EACCES, pair));
        } else {
            families.push(libc::AF_UNIX);
        }
        let no_family = families.into_iter().map(|family| is_not(0, family));
        all.push(only_if(SOCKET, libc::EACCES, no_family));
        all.push(only_if(PAIR, libc::EACCES, [is_not(0, libc::AF_UNIX)]));
        // Questions about interfaces and addresses, which getaddrinfo(3) asks; not those about others' sockets.
        all.push(only_if(
            SOCKET,
            libc::EACCES,
            [is(0, libc::AF_NETLINK), is_not(2, libc::NETLINK_ROUTE)],
        ));
        for family in [inet, inet6] {
            let streams_or_datagrams = [kind(libc::SOCK_STREAM), kind(libc::SOCK_DGRAM)];
            let not_that = [is(0, family)].into_iter().chain(streams_or_datagrams);
            all.push(only_if(SOCKET, libc::EACCES, not_that));
            let protocols = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP, libc::IPPROTO_MPTCP];
            let no_protocol = protocols.into_iter().map(|protocol| is_not(2, protocol));
            let other = [is(0, family)].into_iter().chain(no_protocol);
            all.push(only_if(SOCKET, libc::EACCES, other));
        }
        all
    }
}

/// Memory, descriptors and fates of other processes.
const INTO_OTHERS: &[libc::c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_inotify_add_watch,
    libc::SYS_fanotify_init,
];

/// Ways to other rights, and to other sights of the machine.
const NAMESPACES: &[libc::c_long] = &[
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    OPEN_TREE_ATTR,
    STATMOUNT,
    LISTMOUNT,
    LISTNS,
    LSM_SET_SELF_ATTR,
    libc::SYS_open_by_handle_at,
    libc::SYS_seccomp,
];

/// What outlives the process that made it.
const WHAT_STAYS: &[libc::c_long] = &[
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
];

/// All of the machine's disks.
const SLOWS_OTHERS: &[libc::c_long] = &[libc::SYS_sync, libc::SYS_syncfs];

/// Work that no filter sees, and a call whose flags lie in memory: the C library takes `clone` instead.
const HIDES: &[libc::c_long] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_clone3,
];

/// Memory that no limit of a process counts. A file without a name, which lies in no folder, is memory as well.
const MEMORY_WITHOUT_MEASURE: &[libc::c_long] = &[libc::SYS_memfd_create, MEMFD_SECRET];

// Calls which libc does not yet name for all machines. Since Linux 5.1 a new one has the same number on every machine. Of
// those until Linux 6.19, these are not refused: what concerns only the memory, the threads or the rights of who calls
// (landlock_*, futex_*, mseal, map_shadow_stack, set_mempolicy_home_node, lsm_get_self_attr, lsm_list_modules), what needs
// a capability (quotactl_fd), and what only looks at a file, as stat(2) does (cachestat, getxattrat, listxattrat,
// file_getattr).
const MEMFD_SECRET: libc::c_long = 447;
const FCHMODAT2: libc::c_long = 452;
const STATMOUNT: libc::c_long = 457;
const LISTMOUNT: libc::c_long = 458;
const LSM_SET_SELF_ATTR: libc::c_long = 460;
const SETXATTRAT: libc::c_long = 463;
const REMOVEXATTRAT: libc::c_long = 466;
const OPEN_TREE_ATTR: libc::c_long = 467;
const FILE_SETATTR: libc::c_long = 469;
const LISTNS: libc::c_long = 470;

/// Owners, modes and times of files which are named and not opened. That needs no right of Landlock.
const ATTRIBUTES: &[libc::c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    libc::SYS_fchownat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    SETXATTRAT,
    REMOVEXATTRAT,
    FILE_SETATTR,
];

/// Calls that are harmless with some arguments.
fn conditional() -> Vec<Refusal> {
    let new_namespaces = (libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP) as u32;
    // Of a process or thread by its number. Its own is 0.
    let of_another = [
        libc::SYS_prlimit64,
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setscheduler,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setattr,
    ];
    let of_many = [libc::SYS_setpriority, libc::SYS_ioprio_set];
    // A process, and not a group or all of a user: PRIO_PROCESS, IOPRIO_WHO_PROCESS.
    let which = |call| match call {
        libc::SYS_setpriority => 0,
        _ => 1,
    };
    let into_terminals = [libc::TIOCSTI as i32, libc::TIOCLINUX as i32];
    // Signals for the process that a structure in memory names.
    let owners = [FIOSETOWN, SIOCSPGRP];
    let on_ioctl = into_terminals
        .into_iter()
        .chain(owners)
        .map(|command| only_if(libc::SYS_ioctl, libc::EPERM, [is(1, command)]));
    [
        only_if(
            libc::SYS_clone,
            libc::EPERM,
            [masked(0, new_namespaces, false, 0)],
        ),
        only_if(libc::SYS_prctl, libc::EPERM, [is(0, libc::PR_SET_SECCOMP)]),
        only_if(libc::SYS_fcntl, libc::EPERM, [is(1, F_SETOWN_EX)]),
    ]
    .into_iter()
    .chain(of_another.map(|call| only_if(call, libc::EPERM, [is_not(0, 0)])))
    .chain(of_many.map(|call| only_if(call, libc::EPERM, [is_not(0, which(call))])))
    .chain(of_many.map(|call| only_if(call, libc::EPERM, [is_not(1, 0)])))
    .chain(on_ioctl)
    .collect()
}

const F_SETOWN_EX: i32 = 15;
const FIOSETOWN: i32 = 0x8901;
const SIOCSPGRP: i32 = 0x8902;

fn always(call: libc::c_long, errno: i32) -> Refusal {
    only_if(call, errno, [])
}

fn only_if(
    call: libc::c_long,
    errno: i32,
    conditions: impl IntoIterator<Item = Condition>,
) -> Refusal {
    Refusal {
        call,
        errno,
        only_if: conditions.into_iter().collect(),
    }
}

fn is(argument: usize, value: i32) -> Condition {
    masked(argument, u32::MAX, true, value)
}

fn is_not(argument: usize, value: i32) -> Condition {
    masked(argument, u32::MAX, false, value)
}

fn masked(argument: usize, mask: u32, equal: bool, value: i32) -> Condition {
    Condition {
        argument,
        mask,
        equal,
        value: value.cast_unsigned(),
    }
}
