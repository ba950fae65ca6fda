//! What following system calls costs: `cargo bench -p checker --bench tracing`.
//!
//! The same load runs untraced, under the lab's tracer and under strace(1), one after the other in each round, so that
//! what else the machine does strikes all three. The load is this file itself: an echo server, and a loop of one call.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use checker::sandbox::{Isolation, Launch, Sandbox};

const ROUNDS: usize = 7;
/// Of 16 bytes, with two traced calls of the server each.
const ROUND_TRIPS: u32 = 5000;
const CALLS: u32 = 20_000;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve"] => serve(),
        ["call", call] => make_calls(call),
        ["traced", program, rest @ ..] => trace(Path::new(program), rest),
        _ => measure(),
    }
}

/// The ways to run the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eyes {
    None,
    Lab,
    Strace,
}

fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let load = folder.path().join("load");
    fs::copy(env::current_exe().expect("this file"), &load).expect("a copy");
    // The lab's tracer runs nothing as root.
    for path in [folder.path(), &load] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let has_strace = Command::new("strace").arg("-V").output().is_ok();
    let mut all = vec![Eyes::None, Eyes::Lab];
    if has_strace {
        all.push(Eyes::Strace);
    }
    let mut echo = [Vec::new(), Vec::new(), Vec::new()];
    let mut in_table = echo.clone();
    let mut not_in_table = echo.clone();
    for _ in 0..ROUNDS {
        for &eyes in &all {
            echo[eyes as usize].push(round_trip(&load, eyes));
            in_table[eyes as usize].push(one_call(&load, eyes, "close"));
            not_in_table[eyes as usize].push(one_call(&load, eyes, "getppid"));
        }
    }
    println!("medians of {ROUNDS} rounds, in microseconds; in brackets least and most\n");
    for (what, figures) in [
        ("a round trip of an echo server", &echo),
        ("one call which is followed", &in_table),
        ("one call which is not in the table", &not_in_table),
    ] {
        for &eyes in &all {
            line(&format!("{what}, {}", name(eyes)), &figures[eyes as usize]);
        }
    }
    if !has_strace {
        println!("\nwithout strace there is nothing to compare with: apt install strace");
        return;
    }
    let beyond = |eyes: Eyes| median(&echo[eyes as usize]) - median(&echo[Eyes::None as usize]);
    println!(
        "\nratio to strace -f --seccomp-bpf, the whole round trip (goal: at most 0.7)  {:.2}\n\
         ratio of what each adds to the untraced round trip                          {:.2}",
        median(&echo[Eyes::Lab as usize]) / median(&echo[Eyes::Strace as usize]),
        beyond(Eyes::Lab) / beyond(Eyes::Strace),
    );
}

fn name(eyes: Eyes) -> &'static str {
    match eyes {
        Eyes::None => "untraced",
        Eyes::Lab => "followed by the lab",
        Eyes::Strace => "under strace",
    }
}

/// Microseconds for one round trip.
fn round_trip(load: &Path, eyes: Eyes) -> f64 {
    let mut running = Running::start(load, eyes, &["serve"]);
    let port: u16 = running.line().parse().expect("a port");
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    client.set_nodelay(true).expect("an option");
    let mut buffer = [7; 16];
    let start = Instant::now();
    for _ in 0..ROUND_TRIPS {
        client.write_all(&buffer).expect("a write");
        client.read_exact(&mut buffer).expect("an echo");
    }
    microseconds(start.elapsed()) / f64::from(ROUND_TRIPS)
}

/// Microseconds for one call.
fn one_call(load: &Path, eyes: Eyes, call: &str) -> f64 {
    let mut running = Running::start(load, eyes, &["call", call]);
    running.line().parse().expect("a figure")
}

/// The load, under somebody's eyes.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    fn start(load: &Path, eyes: Eyes, arguments: &[&str]) -> Running {
        let mut command = match eyes {
            Eyes::None => Command::new(load),
            Eyes::Lab => {
                let mut command = Command::new(load);
                command.arg("traced").arg(load);
                command
            }
            Eyes::Strace => {
                let mut command = Command::new("strace");
                // What the lab's table holds, as strace names it.
                let traced = "trace=%desc,%network,%process,%signal";
                command.args(["-f", "--seccomp-bpf", "-e", traced, "-o", "/dev/null"]);
                command.arg(load);
                command
            }
        };
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        Running { child, stdout }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // At the end of its input every load ends.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Serves one client, with plain reads and writes.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    let (mut client, _) = listener.accept().expect("a client");
    client.set_nodelay(true).expect("an option");
    let mut buffer = [0; 64];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        client.write_all(&buffer[..count]).expect("a write");
    }
}

fn make_calls(call: &str) {
    let start = Instant::now();
    for _ in 0..CALLS {
        // SAFETY: both take numbers only, and -1 is no descriptor.
        unsafe {
            match call {
                "close" => libc::close(-1),
                _ => libc::getppid(),
            };
        }
    }
    println!("{}", microseconds(start.elapsed()) / f64::from(CALLS));
}

/// Runs a program under the lab's tracer, with this process's own output, until the end of the input.
fn trace(program: &Path, arguments: &[&str]) {
    let program = PathBuf::from(program);
    let sandbox = Sandbox::enter(Isolation::Shared).expect("a sandbox");
    let launch = Launch {
        traced: true,
        ..Launch::new(arguments.iter().copied())
    };
    let mut started = launch.start(&program, &sandbox).expect("a program");
    let mut line = String::new();
    BufReader::new(started.stdout.take().expect("a pipe"))
        .read_line(&mut line)
        .expect("a line");
    print!("{line}");
    io::stdout().flush().expect("an output");
    let _ = io::stdin().read_to_end(&mut Vec::new());
    if let Some(tracer) = &started.tracer {
        tracer.end().expect("an end of the program");
    }
    sandbox.end().expect("an end of the sandbox");
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn line(what: &str, figures: &[f64]) {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(0.0, f64::max);
    println!(
        "{what:<60} {:>8.2} [{least:.2} … {most:.2}]",
        median(figures)
    );
}
