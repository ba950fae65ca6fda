//! For the tests of the tracer: runs a program in a sandbox of its own, and prints what it prints and its calls.
//!
//! `traced ISOLATION PROGRAM [ARGUMENT]...`. It ends with 77 where the machine has no such sandbox.

use std::{env, io::Read, path::Path, process::ExitCode};

use checker::{
    observe::processes,
    sandbox::{Isolation, Launch, Sandbox, probe},
};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let [isolation, program, arguments @ ..] = words.as_slice() else {
        return ExitCode::from(2);
    };
    let isolation = Isolation::named(isolation).expect("an isolation");
    if isolation == Isolation::Namespaces && probe().namespaces.is_err() {
        return ExitCode::from(77);
    }
    let sandbox = Sandbox::enter(isolation).expect("a sandbox");
    let launch = Launch {
        traced: true,
        ..Launch::new(arguments)
    };
    let mut started = launch
        .start(Path::new(program), &sandbox)
        .expect("a program that runs");
    drop(started.stdin.take());
    let mut output = String::new();
    let mut stdout = started.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut output).expect("text");
    print!("{output}");
    let tracer = started.tracer.expect("a tracer");
    for record in tracer.records() {
        println!("{} {} {record}", record.pid, record.own_pid);
    }
    tracer.end().expect("an end of the program");
    sandbox.end().expect("an end of the sandbox");
    let left = processes::descendants(std::process::id().cast_signed());
    println!("left: {}", left.len());
    ExitCode::SUCCESS
}
