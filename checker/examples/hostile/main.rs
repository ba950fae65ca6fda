//! A program that attacks its grader in the way of its own file name: the checker's tests copy it under such a name,
//! with what it attacks behind a `+` (a `%` stands for a slash), and let it be checked as a server (see
//! tests/hostile). On standard error it says `got` for each attack that came through, and `held` for each that did
//! not.

mod files;
mod leavings;
mod network;
mod output;
mod processes;
mod rights;

use std::{
    env,
    ffi::CString,
    io::{self, Write},
    path::Path,
    process,
    time::Duration,
};

type Found = io::Result<()>;

fn main() {
    let called = env::args().next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    let name = name.to_string_lossy().replace('%', "/");
    let (attack, target) = name.split_once('+').unwrap_or((&name, ""));
    match attack {
        "reads" => files::reads(target),
        "writes" => files::writes(target),
        "changes" => files::changes(target),
        "plants_links" => files::plants_links(target),
        "fills_the_disk" => files::fills_the_disk(number(target)),
        "fills_and_stays" => files::fills_and_stays(),
        "makes_many_files" => files::makes_many_files(number(target)),
        "hoards_in_nameless_files" => files::hoards_in_nameless_files(),
        "signals" => processes::signals(number(target)),
        "stops" => processes::stops(number(target)),
        "signals_unseen" => processes::signals_unseen(number(target)),
        "signals_everybody" => processes::signals_everybody(),
        "spies" => processes::spies(number(target)),
        "slows" => processes::slows(number(target)),
        "multiplies" => processes::multiplies(),
        "spins_in_many" => processes::spins_in_many(),
        "takes_all_memory" => processes::takes_all_memory(number(target)),
        "leaves_daemons" => processes::leaves_daemons(),
        "connects" => network::connects(target),
        "binds" => network::binds(),
        "calls_local" => network::calls_local(target),
        "calls_abstract" => network::calls_abstract(target),
        "squats" => network::squats(),
        "announces_anothers" => network::announces_anothers(target),
        "announces_anothers_unseen" => network::announces_anothers_unseen(target),
        "answers_itself" => network::answers_itself(),
        "answers_the_same" => network::answers_the_same(),
        "looks_around" => rights::looks_around(),
        "finds_descriptors" => rights::finds_descriptors(),
        "takes_new_rights" => rights::takes_new_rights(),
        "hides_its_calls" => rights::hides_its_calls(),
        "leaves_things" => rights::leaves_things(target),
        "raises_its_limits" => rights::raises_its_limits(),
        "types_for_its_user" => rights::types_for_its_user(),
        "floods" => output::floods(),
        "claims_success" => output::claims_success(),
        "ends_well" => process::exit(0),
        "panics_well" => output::panics_well(),
        "sleeps" => sleep(),
        what if what.starts_with("leaves_") => {
            leavings::leaves(what, target);
            process::exit(0);
        }
        other => panic!("{other} is no attack"),
    }
    // What it has found is in the report of a test that fails.
    process::exit(3);
}

/// For an hour, and another one.
fn sleep() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// For a signal, which never comes.
fn wait() -> ! {
    loop {
        // SAFETY: takes nothing.
        unsafe { libc::pause() };
    }
}

fn tell(what: &str, found: Found) {
    match found {
        Ok(()) => say(&format!("got {what}")),
        Err(error) => say(&format!("held {what}: {error}")),
    }
}

/// Says a line with one write, which several processes at once do not tear: `eprintln!` takes one for each of its parts.
fn say(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

fn number(text: &str) -> i32 {
    text.parse().expect("a number")
}

fn result(returned: libc::c_long) -> Found {
    match returned {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn path(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

fn waited_for(child: i32) -> Found {
    let mut status = 0;
    // SAFETY: the status is alive during the call.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    match status {
        0 => Ok(()),
        _ => Err(io::Error::other(format!(
            "the child ended with {status:#x}"
        ))),
    }
}
