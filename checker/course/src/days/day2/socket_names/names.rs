//! The line that a client gets, and what it should say.

use std::net::SocketAddr;

use crate::promises::servers;
use harness::author::{Checked, Comparison, Connection, Diagnosis, Lab, Server, quoted};

/// What a client was told.
#[derive(Debug)]
pub(super) struct Names {
    you: SocketAddr,
    me: SocketAddr,
    family: u8,
}

/// Waits for the line of this client, and reads it.
pub(super) fn of(lab: &Lab, client: &Connection) -> Checked<Names> {
    let line = client.next_line()?;
    match str::from_utf8(&line).ok().and_then(parse) {
        Some(names) => Ok(names),
        None => {
            let symptom = format!(
                "your program tells {} {}; the test expects `you=IP:PORT me=IP:PORT family=4` or `family=6`",
                client.name(),
                quoted(&line)
            );
            lab.fail(Diagnosis::WrongBytes, symptom)
        }
    }
}

fn parse(line: &str) -> Option<Names> {
    let (you, rest) = line.strip_prefix("you=")?.split_once(" me=")?;
    let (me, family) = rest.split_once(" family=")?;
    Some(Names {
        you: you.parse().ok()?,
        me: me.parse().ok()?,
        family: match family {
            "4" => 4,
            "6" => 6,
            _ => return None,
        },
    })
}

/// The client expects to be told its own name, and the port which it has reached; the rest is another test's business.
pub(super) fn expect_own_name(lab: &Lab, client: &Connection) -> Checked {
    let told = of(lab, client)?;
    compare(lab, client, "you", told.you, client.local_address())?;
    let me = SocketAddr::new(told.me.ip(), client.peer_address().port());
    compare(lab, client, "me", told.me, me)
}

/// The client expects all of its line to be right.
pub(super) fn expect_names(lab: &Lab, client: &Connection) -> Checked {
    let told = of(lab, client)?;
    let own = client.local_address();
    compare(lab, client, "you", told.you, own)?;
    compare(lab, client, "me", told.me, client.peer_address())?;
    let family = if own.is_ipv4() { 4 } else { 6 };
    if told.family == family {
        return Ok(());
    }
    let symptom = format!(
        "your program says family={} to {}, which has connected from {own}",
        told.family,
        client.name()
    );
    lab.fail(Diagnosis::WrongBytes, symptom)
}

fn compare(
    lab: &Lab,
    client: &Connection,
    word: &str,
    told: SocketAddr,
    right: SocketAddr,
) -> Checked {
    if told == right {
        return Ok(());
    }
    let symptom = format!(
        "your program says {word}={told} to {}; {word}={right} is right",
        client.name()
    );
    let [right, told] = [right, told].map(|name| name.to_string());
    let comparison = Comparison::of_text(word, right.as_bytes(), told.as_bytes());
    let failure = lab.failure(Diagnosis::WrongBytes, symptom);
    Err(failure.comparing(comparison).into())
}

/// A client that wants its line and leaves.
pub(super) fn visit(lab: &Lab, server: &Server) -> Checked {
    let step = "another client gets its line, and closes";
    servers::visit_as(step, lab, server, |lab, client| {
        expect_names(lab, client)?;
        client.expect_end()
    })
}
