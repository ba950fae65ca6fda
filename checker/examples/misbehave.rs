//! A program that misbehaves in the way of its own file name: the checker's tests copy it under such a name and let it
//! be checked as a TCP server (see tests/bad_programs.rs).

use std::{
    env,
    io::{Read, Write, stdout},
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd,
    path::Path,
    process::{self, Command},
    ptr, thread,
    time::{Duration, Instant},
};

fn main() {
    let name = env::args().next().unwrap_or_default();
    let name = Path::new(&name)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let address = env::args().nth(1).unwrap_or_default();
    match name.as_deref().unwrap_or_default() {
        "ends_at_once" => process::exit(0),
        "panics" => panic!("out of ideas"),
        "kills_itself" => process::abort(),
        "waits_for_nobody" => wait_for_ever(),
        "hides_its_calls" => {
            // SAFETY: takes numbers only. From now on /proc/PID/syscall is closed, as it is where Yama forbids it.
            unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
            wait_for_ever();
        }
        "tells_who_it_is" => {
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            let has_none = status
                .lines()
                .any(|line| line == "CapEff:\t0000000000000000");
            // SAFETY: takes nothing.
            let user = unsafe { libc::geteuid() };
            announce(&format!(
                "as user {user} with {} capabilities",
                if has_none { "no" } else { "some" }
            ));
            wait_for_ever();
        }
        name if name.starts_with("sleeps_") => thread::sleep(Duration::from_secs(3600)),
        "spins" => loop {
            std::hint::spin_loop();
        },
        "spins_and_naps" => loop {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(30) {
                std::hint::spin_loop();
            }
            thread::sleep(Duration::from_millis(20));
        },
        "reads_on_at_the_end" => read_on(&address),
        "listens_elsewhere" => {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("an address").port();
            announce(&format!("127.0.0.1:{}", port ^ 1));
            serve(&listener);
        }
        "announces_nonsense" => announce("to the radio"),
        "prints_without_a_line_end" => loop {
            let _ = stdout().write_all(&[b'x'; 4096]);
        },
        "prints_no_utf_8" => {
            let _ = stdout().write_all(b"listening \xff\xfe\x1b[31m\n");
            wait_for_ever();
        }
        "prints_commands" => {
            let mut out = stdout();
            let _ = out.write_all(
                b"\xed\xa0\x80 ::error::OWNED\n::error::OWNED\r::error::OWNED\n##[error]OWNED \x1b[2J\x1b]0;OWNED\x07\
                  \xc2\x9b1m \xe2\x80\xae ]]></failure> </script> | a | b |\n",
            );
            eprint!(
                "  ::error::OWNED\n##[error]OWNED \x1b[2J \u{202e}\n{}",
                "e".repeat(10 << 20)
            );
            let _ = out.write_all(&[b'x'; 10 << 20]);
        }
        "closes_its_output" => {
            // SAFETY: nothing in this program writes to it any more.
            unsafe { libc::close(1) };
            wait_for_ever();
        }
        "takes_all_memory" => {
            let mut hoard: Vec<Vec<u8>> = Vec::new();
            loop {
                // Reserved, and hardly touched: the limit is on addresses, and filling pages takes long.
                let mut block = Vec::with_capacity(16 << 20);
                block.push(1);
                hoard.push(block);
            }
        }
        "multiplies" => loop {
            // SAFETY: the child does the same as its parent, with one thread each.
            unsafe { libc::fork() };
        },
        "leaves_daemons" => {
            // Under this program's own name, by which its test finds them.
            for _ in 0..3 {
                let _ = Command::new("/bin/bash")
                    .args([
                        "-c",
                        "trap '' TERM HUP; (setsid bash -c 'exec -a \"$0\" sleep 4242' \"$0\" &) & exec -a \"$0\" sleep 4242",
                    ])
                    .args(env::args().next())
                    .spawn();
            }
            answer(&address);
        }
        "has_many_threads" => {
            // Each has made room for what it keeps, so that the C library has given it an arena of its own.
            let ready = std::sync::Arc::new(std::sync::Barrier::new(61));
            for _ in 0..60 {
                let ready = ready.clone();
                thread::spawn(move || {
                    let _kept = vec![1u8; 4096];
                    ready.wait();
                    wait_for_ever();
                });
            }
            ready.wait();
            answer(&address);
        }
        "locks_its_output" => lock_output(),
        "moves_away" => {
            let _ = env::set_current_dir("/");
            answer(&address);
        }
        "complains_without_end" => {
            thread::spawn(|| {
                loop {
                    let _ = std::io::stderr().write_all(&[b'e'; 4096]);
                }
            });
            answer(&address);
        }
        "stops_itself" => {
            // SAFETY: takes a number.
            unsafe { libc::raise(libc::SIGSTOP) };
            answer(&address);
        }
        other => panic!("{other} is no way to misbehave"),
    }
}

fn announce(address: &str) {
    println!("listening {address}");
    let _ = stdout().flush();
}

fn answer(address: &str) {
    let listener = TcpListener::bind(address).expect("a port");
    announce(&listener.local_addr().expect("an address").to_string());
    serve(&listener);
}

/// Echoes, as it should.
fn serve(listener: &TcpListener) -> ! {
    loop {
        if let Ok((stream, _)) = listener.accept() {
            let _ = std::io::copy(&mut &stream, &mut &stream);
        }
    }
}

/// Echoes, and takes the end of a stream for an empty message.
fn read_on(address: &str) -> ! {
    let listener = TcpListener::bind(address).expect("a port");
    announce(&listener.local_addr().expect("an address").to_string());
    loop {
        let Ok((mut stream, _)) = listener.accept() else {
            continue;
        };
        let mut buffer = [0; 4096];
        while let Ok(n) = stream.read(&mut buffer) {
            let _ = stream.write_all(&buffer[..n]);
        }
    }
}

/// Waits in splice(2) for a socket on which nothing comes, with a copy of standard output as the other end: the kernel
/// keeps that pipe locked.
fn lock_output() -> ! {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = TcpStream::connect(listener.local_addr().expect("an address")).expect("a peer");
    // SAFETY: takes numbers of descriptors that are open, and null for the offsets that pipes and sockets do not have.
    unsafe {
        let copy = libc::dup(1);
        let null = ptr::null_mut();
        libc::splice(silent.as_raw_fd(), null, copy, null, 4096, 0);
    }
    wait_for_ever()
}

fn wait_for_ever() -> ! {
    loop {
        // SAFETY: takes nothing, changes nothing.
        unsafe { libc::pause() };
    }
}
