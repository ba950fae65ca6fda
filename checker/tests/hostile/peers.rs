//! Programs that play a peer of their own instead of the test's, or let somebody else be the server (36).

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Stdio},
};

use super::{
    SOLUTION, diagnosis, everywhere,
    scene::{EXERCISE, Scene, User, Walls, findings_in, text},
    support::{Isolation, environment::command},
};

pub const CLIENT: &str = "day2_3_echo_client";
const ECHO: &str = "sends a line back";

/// Somebody else's echo server, which does all that the test wants of the program's.
struct Stranger {
    server: Child,
    port: u16,
}

impl Stranger {
    /// On every address, so also on the one that the test has for itself.
    fn start() -> Stranger {
        let mut server = command(&*SOLUTION)
            .arg("0.0.0.0:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = server.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let (_, port) = line.trim().rsplit_once(':').unwrap();
        Stranger {
            server,
            port: port.parse().unwrap(),
        }
    }

    fn answers(&self) -> bool {
        let mut client = TcpStream::connect((Ipv4Addr::new(127, 64, 0, 1), self.port)).unwrap();
        client.write_all(b"hello\n").unwrap();
        let mut answer = [0; 6];
        client.read_exact(&mut answer).is_ok() && answer == *b"hello\n"
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_strangers_server_is_not_its_own() {
    let stranger = Stranger::start();
    assert!(stranger.answers());
    let name = format!("announces_anothers+0.0.0.0:{}", stranger.port);
    everywhere(&name, |scene, isolation| {
        let test = scene.check_by((EXERCISE, ECHO), &name, isolation, Walls::Jail);
        assert_eq!(diagnosis(&test), "listens-elsewhere", "{isolation:?}");
    });
    // What cannot be seen is no verdict, and never a pass.
    let unseen = name.replace("anothers", "anothers_unseen");
    let scene = Scene::new(User::Ordinary);
    let test = scene.check_by((EXERCISE, ECHO), &unseen, Isolation::Shared, Walls::Jail);
    assert_eq!(test["status"], "not-checked", "{test}");
}

/// It could take some of its clients from the test, or from another one.
#[test]
fn the_port_of_the_test_cannot_be_taken() {
    let test = "connects to the address it is given";
    let names = ["the test's port", "the test's port on all addresses"];
    everywhere("squats", |scene, isolation| {
        let report = scene.check_by((CLIENT, test), "squats", isolation, Walls::Jail);
        let said = report["failure"]["stderr"].as_str().unwrap_or_default();
        let findings = findings_in(said);
        for name in names {
            let held = format!("held {name}:");
            let is_held = findings.iter().any(|line| line.starts_with(&held));
            assert!(is_held, "{isolation:?}: {report}");
        }
    });
    // Where nobody listens, it gets what it asks for.
    let scene = Scene::new(User::Ordinary);
    let mut bare = scene.bare("squats");
    // Closed at once: the port is free again.
    let free = TcpListener::bind("127.64.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let said = text(&bare.arg(free.to_string()).output().unwrap().stderr);
    assert!(said.contains("got the test's port\n"), "{said}");
}

#[test]
fn a_client_that_answers_itself_has_asked_nobody() {
    let name = "answers_itself";
    for test in [
        "connects to the address it is given",
        "sends a line as soon as it has read it",
        "prints what came back, not what it sent",
    ] {
        everywhere(name, |scene, isolation| {
            let report = scene.check_by((CLIENT, test), name, isolation, Walls::Jail);
            diagnosis(&report);
        });
    }
    // What it prints is as right as can be.
    let scene = Scene::new(User::Ordinary);
    let anybody = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut bare = scene.bare(name);
    bare.arg(anybody.to_string());
    bare.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = bare.spawn().unwrap();
    let mut input = program.stdin.take().unwrap();
    input.write_all(b"one\ntwo\n").unwrap();
    drop(input);
    let output = program.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "one\ntwo\n");
    assert!(output.status.success());
}
