//! What the flags of open promise: the old content goes or stays, and nobody comes in between.

use super::{in_pieces, start};
use harness::author::{Call, Diagnosis, FdKind, Rejection, Test};
use nix::fcntl::OFlag;

const AN_OPTION_IS_NO_PATH: &str = "Nothing has come into the file. Look at the openat below: if it opens \"-a\" or \
                                    \"-x\", your program takes the option for the name of a file. Look at the first \
                                    argument before you take it for PATH.";

pub(super) const REPLACES: Test = Test {
    name: "replaces what was in the file, and keeps the file",
    points: 2,
    read: "Opening a file",
    proves: &[
        "A file that is there keeps its permissions and its other names: it stays the same file, with new content.",
        "Without an option, what was in the file before is gone before any input is read.",
        "If it is a symbolic link, the program writes to the file to which the link leads.",
    ],
    story: |lab| {
        let old = lab.random_bytes(lab.random_number(200..=5000) as usize);
        let new = lab.random_bytes(lab.random_number(20..=150) as usize);
        let copy = lab.file("copy");
        copy.make(&old, 0o600)?;
        let second = copy.link("second")?;
        let program = start(lab, &[], &copy)?;
        program.stdin().feed(&new);
        program.stdin().close();
        program.expect_exit(0)?;
        copy.expect(&new)?;
        copy.expect_permissions(0o600)?;
        second.expect(&new)?;
        let closed = lab.file("closed");
        closed.make(&old, 0o200)?;
        let program = start(lab, &[], &closed)?;
        program.stdin().feed(&new);
        program.stdin().close();
        program.expect_exit(0)?;
        closed.permit(0o600)?;
        closed.expect(&new)?;
        let link = lab.file("link");
        link.make_link_to(&copy)?;
        let program = start(lab, &[], &link)?;
        program.stdin().wait_until_read()?;
        copy.expect(b"")?;
        program.stdin().feed(&old);
        program.stdin().close();
        program.expect_exit(0)?;
        copy.expect(&old)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["leaves_the_old_end", "empties_the_file_at_the_end"],
            hint: "The old content, or its end, is still there. O_TRUNC empties the file in open, before anything is \
                   read: a program that looks into it meanwhile finds nothing old.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["always_appends"],
            hint: "Without -a the old content has to go: O_TRUNC, and not O_APPEND.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongMode,
            mistakes: &["removes_the_old_file"],
            hint: "The file there now is another one with the same name (was the old one removed, or renamed over?): \
                   its permissions are new, and its other names still show the old one. Open the file that is there, \
                   with O_TRUNC.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["refuses_links"],
            hint: "Here PATH is a symbolic link to a file, and your program ends before it reads. open follows the \
                   link by itself: leave O_NOFOLLOW out, and do not look at what kind of file it is.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["opens_for_reading_too"],
            hint: "Here you may write to the file but not read it, and O_RDWR asks for both. Ask for no more than \
                   you need: O_WRONLY.",
        },
    ],
};

pub(super) const APPENDS: Test = Test {
    name: "with -a appends to what is there",
    points: 1,
    read: "Opening a file",
    proves: &[
        "If there is no file `PATH`, it makes one, with the permissions `rw-r--r--` (0644) less what the umask \
         forbids.",
        "`-a` appends: the old content stays, and each write goes to what is the end of the file at that moment, also \
         while other programs append to it.",
    ],
    story: |lab| {
        let old = lab.random_bytes(lab.random_number(20..=100) as usize);
        let new = lab.random_bytes(lab.random_number(20..=100) as usize);
        let log = lab.file("log");
        log.make(&old, 0o644)?;
        for (file, whole) in [
            (log, [old.clone(), new.clone()].concat()),
            (lab.file("fresh"), new.clone()),
        ] {
            let program = start(lab, &["-a"], &file)?;
            program.stdin().feed(&new);
            program.stdin().close();
            program.expect_exit(0)?;
            file.expect(&whole)?;
            file.expect_permissions(0o644)?;
            program
                .stdout()
                .expect_all(&[format!("{} bytes", new.len())])?;
        }
        let closed = lab.file("closed");
        closed.make(&old, 0o200)?;
        let program = start(lab, &["-a"], &closed)?;
        program.stdin().feed(&new);
        program.stdin().close();
        program.expect_exit(0)?;
        closed.permit(0o600)?;
        closed.expect([old, new].concat())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["empties_with_a"],
            hint: "With -a the old content has to stay: use O_APPEND instead of O_TRUNC, not both.",
        },
        Rejection {
            diagnosis: Diagnosis::MissingBytes,
            mistakes: &["takes_an_option_for_its_path"],
            hint: AN_OPTION_IS_NO_PATH,
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "knows_no_a",
                "makes_no_file_with_a",
                "reads_what_it_appends_to",
            ],
            hint: "-a is a right call and ends with status 0. If your program does not know it yet, write it now. -a \
                   also makes the file if there is none, and only writes to it.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongMode,
            mistakes: &["options_change_the_mode"],
            hint: "The permissions of a new file are those without an option: 0644, less what the umask forbids.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["tells_the_size_of_the_file"],
            hint: "The line tells how many bytes this run has copied, and not how many are in the file: add up what \
                   the reads have returned.",
        },
    ],
};

pub(super) const APPENDS_BEHIND_OTHERS: Test = Test {
    name: "with -a appends behind what others have appended meanwhile",
    points: 2,
    read: "The file offset",
    proves: &[
        "`-a` appends: the old content stays, and each write goes to what is the end of the file at that \
               moment, also while other programs append to it.",
    ],
    story: |lab| {
        let old = lab.random_bytes(10);
        let others = lab.random_bytes(lab.random_number(5..=20) as usize);
        let log = lab.file("log");
        log.make(&old, 0o644)?;
        let program = start(lab, &["-a"], &log)?;
        let first = in_pieces(lab, &program, |_| Ok(()))?;
        let mut whole = [old, first].concat();
        log.wait_until_it_holds(&whole)?;
        log.append(&others)?;
        whole.extend(others);
        whole.extend(in_pieces(lab, &program, |_| Ok(()))?);
        program.stdin().close();
        program.expect_exit(0)?;
        log.expect(&whole)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongBytes,
        mistakes: &["seeks_to_the_end_once"],
        hint: "Your program writes over what another one has appended. The end of the file is not where it was when \
               you opened it: O_APPEND makes the kernel look for it at each write.",
    }],
};

pub(super) const APPENDS_IN_ONE_STEP: Test = Test {
    name: "with -a finds the end and writes in one step",
    points: 1,
    read: "The file offset",
    proves: &[
        "`-a` appends: the old content stays, and each write goes to what is the end of the file at that \
               moment, also while other programs append to it.",
    ],
    story: |lab| {
        lab.follow_calls();
        let mut whole = lab.random_bytes(10);
        let others = lab.random_bytes(lab.random_number(5..=20) as usize);
        let piece = lab.random_bytes(lab.random_number(1..=30) as usize);
        let log = lab.file("log");
        log.make(&whole, 0o644)?;
        let program = start(lab, &["-a"], &log)?;
        program.stdin().wait_until_read()?;
        let freeze = program
            .signals()
            .freeze_before(Call::Write.on(FdKind::File))?;
        program.stdin().feed(&piece);
        freeze.wait_until_frozen()?;
        log.append(&others)?;
        freeze.resume()?;
        program.stdin().close();
        program.expect_exit(0)?;
        whole.extend(others);
        whole.extend(piece);
        log.expect(&whole)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongBytes,
        mistakes: &["seeks_before_each_write"],
        hint: "Between your lseek and your write another program has appended, and your write has overwritten that. \
               Two calls are never one step. With O_APPEND the kernel finds the end and writes in a single one.",
    }],
};

pub(super) const MAKES_OR_FAILS: Test = Test {
    name: "with -x makes a new file or changes nothing",
    points: 2,
    read: "Opening a file",
    proves: &[
        "`-x` makes a new file or fails: if the name is taken, be it by a symbolic link to nothing, the status \
               is 1 and nothing is changed.",
    ],
    story: |lab| {
        let bytes = lab.random_bytes(lab.random_number(20..=100) as usize);
        let copy = lab.file("copy");
        for status in [0, 1] {
            let program = start(lab, &["-x"], &copy)?;
            program.stdin().feed(match status {
                0 => bytes.clone(),
                _ => lab.random_bytes(10),
            });
            program.stdin().close();
            program.expect_exit(status)?;
            copy.expect(&bytes)?;
            copy.expect_permissions(0o644)?;
            if status == 1 {
                program.stderr().expect_reason()?;
            }
        }
        let link = lab.file("link");
        let elsewhere = lab.file("elsewhere");
        link.make_link_to(&elsewhere)?;
        // Its standard input stays open.
        super::fails(&start(lab, &["-x"], &link)?)?;
        elsewhere.expect_missing()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["replaces_with_x"],
            hint: "The file was there, so with -x the right end is status 1, with a reason, and an unchanged file: \
                   open it with O_CREAT and O_EXCL.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["looks_and_follows_the_link"],
            hint: "The name is taken by a symbolic link to a file that is not there. A check (Path::exists, stat) \
                   follows the link and finds nothing, and open follows it and makes that file. With O_EXCL open \
                   does not follow it, and fails.",
        },
        Rejection {
            diagnosis: Diagnosis::MissingBytes,
            mistakes: &["takes_x_for_its_path"],
            hint: AN_OPTION_IS_NO_PATH,
        },
    ],
};

pub(super) const MAKES_IN_ONE_STEP: Test = Test {
    name: "with -x lets the kernel look and make in one step",
    points: 1,
    read: "The file offset",
    proves: &[
        "The kernel has to decide this in the call which creates the file; to look first and create then is too \
               late, as another program can do the same in between.",
    ],
    story: |lab| {
        lab.follow_calls();
        let program = start(lab, &["-x"], &lab.file("copy"))?;
        program.stdin().close();
        program.expect_exit(0)?;
        program.calls().expect_none(
            "open(…, O_CREAT, …) without O_EXCL",
            Call::Open,
            |record| {
                record.open_flags().is_some_and(|flags| {
                    flags.contains(OFlag::O_CREAT) && !flags.contains(OFlag::O_EXCL)
                })
            },
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::CallForbidden,
        mistakes: &["looks_then_makes"],
        hint: "Your program looks for the file, and then opens it as if nobody could make it in between. O_CREAT \
               with O_EXCL makes both one step.",
    }],
};
