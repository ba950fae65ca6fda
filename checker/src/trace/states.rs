//! What a state of TCP means, in words.

use super::connections::{Side, StateChange};
use crate::observe::sockets::State;

/// `fd 4`, `127.0.0.1:4711 → 127.0.0.1:50312`, `ESTABLISHED → CLOSE-WAIT`, `(the client has ended its sending side)`.
pub(super) fn pieces(change: &StateChange) -> [String; 4] {
    let (local, peer, to) = (change.local, change.peer, change.to);
    [
        format!("fd {}", change.descriptor),
        match peer.port() {
            0 => local.to_string(),
            _ => format!("{local} → {peer}"),
        },
        match change.from {
            None => to.to_string(),
            Some(from) => format!("{from} → {to}"),
        },
        format!("({})", meaning(change)),
    ]
}

/// What has happened, to a student.
pub(super) fn meaning(change: &StateChange) -> String {
    let peer = match change.side {
        Side::Client => "the server",
        Side::Server => "the client",
        Side::Unknown => "the peer",
    };
    match (change.from, change.to) {
        (_, State::Listen) => "clients can connect now".to_owned(),
        (_, State::SynSent) => "your program asks for a connection".to_owned(),
        (_, State::SynReceived) => format!("{peer} asks for a connection"),
        (Some(State::SynSent), State::Established) => format!("{peer} has agreed"),
        (_, State::Established) => "connected".to_owned(),
        (_, State::CloseWait) => format!("{peer} has ended its sending side"),
        (_, State::FinWait1) => "your program has ended its sending side".to_owned(),
        (_, State::FinWait2) => {
            format!("your program has ended its sending side; {peer} may still send")
        }
        (_, State::Closing) => "both have ended at the same time".to_owned(),
        (_, State::TimeWait) => {
            "both have ended; the connection is remembered for a minute".to_owned()
        }
        (_, State::LastAck) => {
            format!("your program has ended, too; {peer} has not yet confirmed it")
        }
        (Some(State::Listen), State::Close) => "nobody can connect any more".to_owned(),
        (Some(State::SynSent), State::Close) => "no connection has come about".to_owned(),
        (Some(State::TimeWait), State::Close) => "the minute is over".to_owned(),
        (Some(State::LastAck | State::FinWait1 | State::FinWait2 | State::Closing), _) => {
            "the connection is over".to_owned()
        }
        (Some(State::CloseWait), State::Close) if change.has_ended => {
            "both have ended, the connection is over".to_owned()
        }
        (_, State::Close) if change.has_ended => {
            "the connection is over at once, reset by one of the two".to_owned()
        }
        (_, State::Close) => format!("{peer} has reset the connection"),
        (_, State::Unknown) => "a state without a name".to_owned(),
    }
}
