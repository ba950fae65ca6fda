//! What exit does before a process ends, and _exit does not.

use std::io::Write;

use nix::{
    sys::signal::{Signal, raise},
    unistd::{self, ForkResult, Pid},
};

use super::{Demo, Needs};
use crate::demo_context::{DemoContext, DemoResult, ProcessEnd};
use harness::{lab::quoted, sys};

pub const DEMO: Demo = Demo {
    name: "exit",
    day: 3,
    question: "What runs at the end of a process, in which order, and what is written twice?",
    read: "What exit does before it ends",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    order(demo)?;
    other_ends(demo)?;
    status(demo)?;
    copies(demo)?;
    panics(demo)
}

/// Writes with the call, which has no buffer.
fn say(text: &str) {
    let _ = unistd::write(sys::stdout(), text.as_bytes());
}

extern "C" fn first() {
    say("[first handler]");
}

extern "C" fn second() {
    say("[second handler]");
}

/// Writes with the C library, into its buffer: standard output is a pipe here.
fn print_in_c(text: &'static std::ffi::CStr) {
    // SAFETY: two strings that end with a null byte; the first one asks for the second one only.
    unsafe { libc::printf(c"%s".as_ptr(), text.as_ptr()) };
}

fn register(handler: extern "C" fn()) {
    // SAFETY: the handlers of this file can run at any time.
    unsafe { libc::atexit(handler) };
}

fn exit(status: i32) -> ! {
    // SAFETY: this process has one thread.
    unsafe { libc::exit(status) }
}

/// A child that does this; it is awaited.
fn child(work: impl FnOnce()) {
    // SAFETY: this process has one thread.
    match unsafe { unistd::fork() } {
        Ok(ForkResult::Child) => {
            work();
            sys::exit(0);
        }
        Ok(ForkResult::Parent { child }) => wait_for(child),
        Err(_) => say("[no child]"),
    }
}

fn wait_for(child: Pid) {
    let _ = sys::wait(child.as_raw(), 0);
}

/// What a process writes to its standard output, in quotes.
fn output(demo: &DemoContext, work: impl FnOnce()) -> DemoResult<String> {
    let work = || {
        work();
        0
    };
    demo.output_of(work)
        .map(|(text, _)| quoted(text.as_bytes()))
}

fn order(demo: &mut DemoContext) -> DemoResult {
    demo.does("register two handlers with atexit, printf \"text\", and leave");
    let prepare = || {
        register(first);
        register(second);
        print_in_c(c"text");
    };
    let seen = output(demo, || {
        prepare();
        exit(0)
    })?;
    demo.expect(
        "exit: the handlers, the last one first; then the buffer",
        quoted(b"[second handler][first handler]text"),
        seen,
    );
    let seen = output(demo, || {
        prepare();
        sys::exit(0)
    })?;
    demo.expect("_exit: nothing", quoted(b""), seen);
    let seen = output(demo, || {
        register(first);
        print!("text");
        std::process::exit(0)
    })?;
    demo.expect(
        "std::process::exit: Rust's buffer, then the handlers",
        quoted(b"text[first handler]"),
        seen,
    );
    Ok(())
}

fn other_ends(demo: &mut DemoContext) -> DemoResult {
    demo.does("the same with a process that a signal kills, and with abort");
    let (text, ending) = demo.output_of(|| {
        register(first);
        print_in_c(c"text");
        let _ = sys::set_disposition(libc::SIGTERM, false);
        let _ = raise(Signal::SIGTERM);
        0
    })?;
    demo.expect("a signal: written", quoted(b""), quoted(text.as_bytes()));
    demo.expect("it ends", ProcessEnd::Killed(libc::SIGTERM), ending);
    let (text, ending) = demo.output_of(|| {
        register(first);
        print_in_c(c"text");
        std::process::abort()
    })?;
    demo.expect("abort: written", quoted(b""), quoted(text.as_bytes()));
    demo.expect("it ends", ProcessEnd::Killed(libc::SIGABRT), ending);
    Ok(())
}

fn status(demo: &mut DemoContext) -> DemoResult {
    demo.does("leave with a status that has more than eight bits");
    for (given, expected) in [(255, 255), (256, 0), (300, 44), (-1, 255)] {
        let mut child = demo.start(|| exit(given))?;
        let seen = demo.ending(&mut child)?;
        demo.expect(format!("exit({given})"), ProcessEnd::Exited(expected), seen);
    }
    Ok(())
}

fn copies(demo: &mut DemoContext) -> DemoResult {
    demo.does("printf \"text \" without a line end, then fork; the child leaves first");
    let seen = output(demo, || {
        print_in_c(c"text ");
        child(|| exit(0));
        exit(0)
    })?;
    demo.expect("the child by exit", quoted(b"text text "), seen);
    let seen = output(demo, || {
        print_in_c(c"text ");
        child(|| sys::exit(0));
        exit(0)
    })?;
    demo.expect("the child by _exit", quoted(b"text "), seen);
    let seen = output(demo, || {
        print_in_c(c"text ");
        child(|| {
            print_in_c(c"child");
            sys::exit(0)
        });
        exit(0)
    })?;
    demo.expect(
        "it has printed itself: lost by _exit",
        quoted(b"text "),
        seen,
    );
    demo.does("print! of Rust with \"text \", then fork; the child calls process::exit");
    let seen = output(demo, || {
        print!("text ");
        child(|| std::process::exit(0));
        let _ = std::io::stdout().flush();
    })?;
    demo.expect("the same", quoted(b"text text "), seen);
    demo.does("println! of Rust, whose line end writes it, also into a pipe");
    let seen = output(demo, || {
        println!("text");
        child(|| std::process::exit(0));
    })?;
    demo.expect("no copy is left", quoted(b"text\n"), seen);

    demo.does("register a handler, then fork; parent and child call exit");
    let seen = output(demo, || {
        register(first);
        child(|| exit(0));
        exit(0)
    })?;
    demo.expect(
        "the handler runs in both",
        quoted(b"[first handler][first handler]"),
        seen,
    );
    Ok(())
}

fn panics(demo: &mut DemoContext) -> DemoResult {
    demo.does("fork inside of catch_unwind; the child panics");
    let seen = output(demo, || {
        let caught = std::panic::catch_unwind(|| child(|| panic!("in the child")));
        say(if caught.is_ok() { "parent" } else { "child" });
        if caught.is_err() {
            sys::exit(0);
        }
    })?;
    demo.expect(
        "the child goes on behind it, in the code of its parent",
        quoted(b"childparent"),
        seen,
    );
    Ok(())
}
