//! SO_LINGER.

use std::{os::fd::OwnedFd, time::Instant};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
};

use super::{Demo, Needs};
use crate::stage::{Link, Received, Shown, Stage, fill, receive_at_once, send, set_linger};
use harness::{failure::Attempt, observe::sockets::State};

pub const DEMO: Demo = Demo {
    name: "linger",
    day: 2,
    question: "How long does close take, and what does SO_LINGER change?",
    read: "When the last descriptor is closed",
    needs: Needs::Nothing,
    run,
};

fn run(stage: &mut Stage) -> Shown {
    stage.does(
        "the client does not read; the server fills the buffers and closes, without SO_LINGER",
    );
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    fill(&server).attempt("could not send")?;
    let (_, result) = close(server);
    stage.expect("close says", Ok(()), result);
    stage.expect_state(
        "it has not waited for the client; the kernel goes on sending",
        ends.of_server(),
        State::FinWait1,
    )?;
    drop(client);

    one_second(stage, false)?;
    one_second(stage, true)?;
    reset(stage)
}

fn one_second(stage: &mut Stage, non_blocking: bool) -> Shown {
    let kind = if non_blocking {
        "a non-blocking"
    } else {
        "the"
    };
    stage.does(format!("the same on {kind} socket, with SO_LINGER of 1 s"));
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    set_linger(&server, 1)?;
    if non_blocking {
        fcntl(&server, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).attempt("could not set O_NONBLOCK")?;
    }
    fill(&server).attempt("could not send")?;
    let (milliseconds, result) = close(server);
    stage.expect_within(
        "close sleeps that long: milliseconds",
        900,
        10_000,
        milliseconds,
    );
    stage.expect(
        "and says, although nothing more has arrived",
        Ok(()),
        result,
    );
    stage.expect_state(
        "the kernel goes on sending",
        ends.of_server(),
        State::FinWait1,
    )?;
    drop(client);
    Ok(())
}

fn reset(stage: &mut Stage) -> Shown {
    stage.does("the server sends \"abc\" and closes, with SO_LINGER of 0 s");
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    set_linger(&server, 0)?;
    send(&server, "abc").attempt("could not send")?;
    stage.wait_for_bytes(&client, 3)?;
    let (_, result) = close(server);
    stage.expect("close says", Ok(()), result);
    let seen = stage.receive(&client, 9)?;
    stage.expect(
        "what had arrived can be read",
        Ok(Received::bytes("abc")),
        seen,
    );
    stage.expect(
        "then the connection is reset",
        Err(Errno::ECONNRESET),
        receive_at_once(&client, 9),
    );
    stage.expect_state("there is no TIME-WAIT", ends.of_server(), State::Close)
}

/// close(2): how many milliseconds it took, and what it said.
fn close(socket: OwnedFd) -> (u64, nix::Result<()>) {
    let start = Instant::now();
    let result = nix::unistd::close(socket);
    (start.elapsed().as_millis() as u64, result)
}
