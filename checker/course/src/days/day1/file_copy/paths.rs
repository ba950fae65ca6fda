//! What PATH may be: any bytes, nearly any length, and the name of a pipe.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
};

use super::start;
use harness::author::{Diagnosis, Launch, Rejection, Test};

pub(super) const PATH_OF_BYTES: Test = Test {
    name: "takes a path that is not UTF-8",
    points: 1,
    read: "Opening a file",
    proves: &[
        "`PATH` is any bytes, and need not be UTF-8.",
        "An argument that begins with `-` is an option, and never a `PATH` (the user writes `./-a` for such a file).",
    ],
    story: |lab| {
        let bytes = lab.random_bytes(20);
        // "côté" as Latin-1 writes it.
        let copy = lab.file(name_of(b"c\xf4t\xe9"));
        let program = start(lab, &[], &copy)?;
        program.stdin().feed(&bytes);
        program.stdin().close();
        program.expect_exit(0)?;
        copy.expect(&bytes)?;
        // And an option is none the less one.
        let program = lab.launch(Launch::new([name_of(b"-c\xf4t\xe9")]))?;
        program.stdin().close();
        program.expect_exit(2)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["expects_utf8_names"],
            hint: "env::args panics at an argument that is not UTF-8, and a path may have any bytes but 0. \
                   env::args_os takes them as they are; make a PathBuf of its OsString, which open takes.",
        },
        Rejection {
            diagnosis: Diagnosis::MissingBytes,
            mistakes: &["opens_another_name"],
            hint: "A path may have any bytes but 0. to_string_lossy changes a path that is not UTF-8, so that it \
                   names another file: give open the OsStr itself.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["looks_for_options_in_text"],
            hint: "An argument that begins with - is an option, whatever bytes follow. to_str gives None for one \
                   that is not UTF-8: look at the first byte, with OsStrExt::as_bytes.",
        },
    ],
};

pub(super) const LONG_PATH: Test = Test {
    name: "takes a path that is long",
    points: 1,
    read: "Opening a file",
    proves: &["It is as long as the kernel takes it."],
    story: |lab| {
        const TIMES: usize = 1990;
        let bytes = lab.random_bytes(20);
        let path = "./".repeat(TIMES) + "far";
        let step = format!(
            "start your program with a PATH of {} bytes, ././…/./far",
            path.len()
        );
        let program = lab.step(step, || lab.launch(Launch::new([path])))?;
        program.stdin().wait_until_read()?;
        program.stdin().feed(&bytes);
        program.stdin().close();
        program.expect_exit(0)?;
        lab.file("far").expect(&bytes)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["cuts_a_long_path"],
        hint: "A path may be long: 4096 bytes with the zero byte at its end (PATH_MAX), and 255 for each name in it. Your \
               program ends before it reads. If it copies the path into a buffer of its own, do not: give open the \
               argument as it is.",
    }],
};

pub(super) const NAMED_PIPE: Test = Test {
    name: "copies into a named pipe, as fast as it is read",
    points: 1,
    read: "The file offset",
    proves: &[
        "It may name something else than a plain file: a device, or a named pipe (FIFO).",
        "A named pipe which nobody reads yet, or which is full, makes the program wait.",
        "What has come is in the file (or in the pipe) before the program waits for more.",
    ],
    story: |lab| {
        let bytes = lab.random_bytes(150_000);
        let (first, rest) = bytes.split_at(lab.random_number(1..=5000) as usize);
        let pipe = lab.fifo("queue")?;
        // Not followed: it may copy byte by byte.
        let program = lab.launch(Launch {
            traced: false,
            ..Launch::new([pipe.name()])
        })?;
        program.stdin().feed(&bytes);
        lab.settle()?;
        program.expect_alive()?;
        let pipe = pipe.open_for_reading()?;
        // Less than half of it has room in the pipe.
        lab.settle()?;
        program.expect_alive()?;
        pipe.expect(first)?;
        pipe.expect(rest)?;
        program.stdin().close();
        program.expect_exit(0)?;
        program
            .stdout()
            .expect_all(&[format!("{} bytes", bytes.len())])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "truncates_afterwards",
                "wants_a_plain_file",
                "opens_without_waiting",
                "waits_for_room_only",
            ],
            hint: "A named pipe can be opened and written to like a file. open waits for a reader, and write for room: \
                   with O_NONBLOCK they fail instead (ENXIO, EAGAIN). It has no offset: lseek, ftruncate and pwrite \
                   fail there. O_TRUNC, which open ignores for a pipe, and write are enough.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["asks_for_the_place_at_the_end"],
            hint: "The bytes are in the pipe, but the count is wrong. A pipe has no offset and no size, and lseek \
                   returns -1 there. Add up what the reads have returned.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["wants_to_sync"],
            hint: "All of the input is in the pipe, but then a call fails that only plain files allow. A pipe, a \
                   terminal and /dev/null have no disk behind them: fsync fails there with EINVAL. The task does not \
                   ask for it.",
        },
    ],
};

fn name_of(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}
