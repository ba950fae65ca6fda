//! SO_LINGER.

use std::{os::fd::OwnedFd, time::Instant};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Link, Received, fill, receive_at_once, send, set_linger,
};
use harness::{failure::Attempt, observe::sockets::State};

pub const DEMO: Demo = Demo {
    name: "linger",
    day: 2,
    question: "How long does close take, and what does SO_LINGER change?",
    read: "When the last descriptor is closed",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    demo.does(
        "the client does not read; the server fills the buffers and closes, without SO_LINGER",
    );
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    fill(&server).attempt("could not send")?;
    let (_, result) = close(server);
    demo.expect("close says", Ok(()), result);
    demo.expect_state(
        "it has not waited for the client; the kernel goes on sending",
        ends.of_server(),
        State::FinWait1,
    )?;
    drop(client);

    one_second(demo, false)?;
    one_second(demo, true)?;
    reset(demo)
}

fn one_second(demo: &mut DemoContext, non_blocking: bool) -> DemoResult {
    let kind = if non_blocking {
        "a non-blocking"
    } else {
        "the"
    };
    demo.does(format!("the same on {kind} socket, with SO_LINGER of 1 s"));
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    set_linger(&server, 1)?;
    if non_blocking {
        fcntl(&server, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).attempt("could not set O_NONBLOCK")?;
    }
    fill(&server).attempt("could not send")?;
    let (milliseconds, result) = close(server);
    demo.expect_within(
        "close sleeps that long: milliseconds",
        900,
        10_000,
        milliseconds,
    );
    demo.expect(
        "and says, although nothing more has arrived",
        Ok(()),
        result,
    );
    demo.expect_state(
        "the kernel goes on sending",
        ends.of_server(),
        State::FinWait1,
    )?;
    drop(client);
    Ok(())
}

fn reset(demo: &mut DemoContext) -> DemoResult {
    demo.does("the server sends \"abc\" and closes, with SO_LINGER of 0 s");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    set_linger(&server, 0)?;
    send(&server, "abc").attempt("could not send")?;
    demo.wait_for_bytes(&client, 3)?;
    let (_, result) = close(server);
    demo.expect("close says", Ok(()), result);
    let seen = demo.receive(&client, 9)?;
    demo.expect(
        "what had arrived can be read",
        Ok(Received::bytes("abc")),
        seen,
    );
    demo.expect(
        "then the connection is reset",
        Err(Errno::ECONNRESET),
        receive_at_once(&client, 9),
    );
    demo.expect_state("there is no TIME-WAIT", ends.of_server(), State::Close)
}

/// close(2): how many milliseconds it took, and what it said.
fn close(socket: OwnedFd) -> (u64, nix::Result<()>) {
    let start = Instant::now();
    let result = nix::unistd::close(socket);
    (start.elapsed().as_millis() as u64, result)
}
