//! A stream has no boundaries, and sending can be short.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::{
    errno::Errno,
    sys::{
        signal::Signal,
        socket::{self, MsgFlags},
    },
    unistd,
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoProcess, DemoResult, Link, ProcessEnd, Received, receive_at_once, send,
};
use harness::{
    failure::{Attempt, LabError},
    sys,
};

pub const DEMO: Demo = Demo {
    name: "boundaries",
    day: 2,
    question: "What is left of the pieces in which a stream was sent, and when is a send short?",
    read: "A stream has no lines",
    needs: Needs::Nothing,
    run,
};

/// More than the buffers of both sides hold.
const MUCH: usize = 20_000_000;

fn run(demo: &mut DemoContext) -> DemoResult {
    pieces(demo)?;
    nothing(demo)?;
    short_without_waiting(demo)?;
    whole(demo)?;
    for restart in [false, true] {
        interrupted(demo, restart)?;
    }
    Ok(())
}

fn pieces(demo: &mut DemoContext) -> DemoResult {
    let Link { client, server, .. } = demo.link()?;
    demo.does("send \"aa\", \"bbb\" and \"c\"; receive once with room for 100 bytes");
    for piece in ["aa", "bbb", "c"] {
        demo.expect(
            format!("send {piece:?} returns"),
            Ok(piece.len()),
            send(&client, piece),
        );
    }
    demo.wait_for_bytes(&server, 6)?;
    demo.expect(
        "one receive brings all three",
        Ok(Received::bytes("aabbbc")),
        receive_at_once(&server, 100),
    );

    demo.does("send \"0123456789\" once; receive three times, with room for 4 bytes");
    demo.expect("send returns", Ok(10), send(&client, "0123456789"));
    demo.wait_for_bytes(&server, 10)?;
    for (which, piece) in [("first", "0123"), ("second", "4567"), ("third", "89")] {
        demo.expect(
            format!("the {which} receive brings"),
            Ok(Received::bytes(piece)),
            receive_at_once(&server, 4),
        );
    }
    Ok(())
}

fn nothing(demo: &mut DemoContext) -> DemoResult {
    let Link { client, server, .. } = demo.link()?;
    demo.does("call send with a count of 0; the peer receives without waiting");
    demo.expect("send returns", Ok(0), send(&client, ""));
    demo.expect(
        "nothing has come, and no end of file",
        Err(Errno::EAGAIN),
        receive_at_once(&server, 1),
    );
    Ok(())
}

fn short_without_waiting(demo: &mut DemoContext) -> DemoResult {
    let Link {
        client,
        server: _server,
        ..
    } = demo.link()?;
    demo.does(format!(
        "send {MUCH} bytes without waiting for room (MSG_DONTWAIT); the peer reads nothing"
    ));
    let seen = send(&client, vec![0; MUCH]);
    demo.expect_within(
        "send takes a part, and returns how much",
        1,
        MUCH - 1,
        seen.unwrap_or(0),
    );
    // The peer's buffer takes a little more, as long as the kernel finds room for it.
    let full = || Ok((send(&client, [0; 4096]) == Err(Errno::EAGAIN)).then_some(()));
    let is_full = demo.wait_for(&[], full)?.is_some();
    demo.expect(
        "when there is no room, send fails with EAGAIN",
        true,
        is_full,
    );
    Ok(())
}

/// A process that sends so much in one blocking call, and tells what that returned through a pipe. A signal does not kill
/// it, and interrupts the call, or not.
fn sender(
    demo: &DemoContext,
    client: &OwnedFd,
    restart: bool,
) -> DemoResult<(DemoProcess, OwnedFd)> {
    let (result, teller) = unistd::pipe().attempt("could not make a pipe")?;
    let child = demo.start(|| {
        if sys::set_empty_handler(Signal::SIGUSR1, restart).is_err() {
            return 1;
        }
        let sent = socket::send(client.as_raw_fd(), &vec![0; MUCH], MsgFlags::MSG_NOSIGNAL);
        let text = sent.unwrap_or(0).to_ne_bytes();
        i32::from(unistd::write(&teller, &text) != Ok(text.len()))
    })?;
    Ok((child, result))
}

fn told(demo: &DemoContext, child: &mut DemoProcess, result: &OwnedFd) -> DemoResult<usize> {
    const TELL: &str = "a process of the demo does not tell what it saw";
    let mut count = [0; size_of::<usize>()];
    if demo.ending(child)? != ProcessEnd::Exited(0) {
        return Err(LabError::new(TELL));
    }
    let length = unistd::read(result, &mut count).attempt(TELL)?;
    match length == count.len() {
        true => Ok(usize::from_ne_bytes(count)),
        false => Err(LabError::new(TELL)),
    }
}

fn whole(demo: &mut DemoContext) -> DemoResult {
    let Link { client, server, .. } = demo.link()?;
    demo.does(format!(
        "another process sends {MUCH} bytes in one call that waits for room; the peer reads"
    ));
    let (mut child, result) = sender(demo, &client, false)?;
    let mut received = 0;
    while received < MUCH {
        match demo.receive(&server, 1 << 20)? {
            Ok(Received(bytes)) if !bytes.is_empty() => received += bytes.len(),
            _ => break,
        }
    }
    demo.expect("the peer receives, piece by piece", MUCH, received);
    let seen = told(demo, &mut child, &result)?;
    demo.expect(
        "the call returns when all is taken, and not before",
        MUCH,
        seen,
    );
    Ok(())
}

fn interrupted(demo: &mut DemoContext, restart: bool) -> DemoResult {
    let Link {
        client,
        server: _server,
        ..
    } = demo.link()?;
    let flag = if restart { "with" } else { "without" };
    demo.does(format!(
        "the same, but the peer reads nothing, and a signal comes (handler {flag} SA_RESTART)"
    ));
    let (mut child, result) = sender(demo, &client, restart)?;
    // It sleeps when both buffers are full.
    demo.wait_until_asleep(&child)?;
    child.signal(Signal::SIGUSR1)?;
    let seen = told(demo, &mut child, &result)?;
    demo.expect_within(
        "the call ends early, and returns how much was taken",
        1,
        MUCH - 1,
        seen,
    );
    Ok(())
}
