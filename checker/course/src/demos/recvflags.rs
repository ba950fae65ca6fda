//! The flags of recv, and the length 0.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::{
        signal::Signal,
        socket::{self, MsgFlags, Shutdown},
    },
    unistd,
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Link, ProcessEnd, Received, receive_at_once, receive_with, send,
    shutdown,
};
use harness::{failure::Attempt, sys};

pub const DEMO: Demo = Demo {
    name: "recvflags",
    day: 2,
    question: "What do MSG_PEEK, MSG_DONTWAIT and MSG_WAITALL change, and what does length 0 mean?",
    read: "recv, send and their flags",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    peek(demo)?;
    dont_wait(demo)?;
    wait_all(demo)?;
    for restart in [false, true] {
        wait_all_interrupted(demo, restart)?;
    }
    wait_all_at_the_end(demo)?;
    length_zero(demo)
}

fn peek(demo: &mut DemoContext) -> DemoResult {
    let Link { client, server, .. } = demo.link()?;
    demo.does("the peer has sent \"hello\"; receive with MSG_PEEK");
    send(&client, "hello").attempt("could not send")?;
    demo.wait_for_bytes(&server, 5)?;
    let peek = |most| receive_with(&server, most, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT);
    demo.expect("room for 3 bytes", Ok(Received::bytes("hel")), peek(3));
    demo.expect(
        "room for 9: all is still there",
        Ok(Received::bytes("hello")),
        peek(9),
    );
    demo.expect(
        "without the flag it is taken",
        Ok(Received::bytes("hello")),
        receive_at_once(&server, 9),
    );
    demo.expect("now it is gone", Err(Errno::EAGAIN), peek(9));
    Ok(())
}

fn dont_wait(demo: &mut DemoContext) -> DemoResult {
    let Link {
        client: _client,
        server,
        ..
    } = demo.link()?;
    demo.does("nothing has come; receive with MSG_DONTWAIT");
    demo.expect(
        "it does not sleep",
        Err(Errno::EAGAIN),
        receive_with(&server, 9, MsgFlags::MSG_DONTWAIT),
    );
    let flags = fcntl(&server, FcntlArg::F_GETFL).map(OFlag::from_bits_retain);
    demo.expect(
        "it holds for this call: the socket is O_NONBLOCK",
        Ok(false),
        flags.map(|flags| flags.contains(OFlag::O_NONBLOCK)),
    );
    Ok(())
}

/// A process that receives 8 bytes with MSG_WAITALL, and ends with the number that it got. A signal does not kill it.
fn receive_all(server: &OwnedFd, restart: bool) -> i32 {
    if sys::set_empty_handler(Signal::SIGUSR1, restart).is_err() {
        return 100;
    }
    let received = socket::recv(server.as_raw_fd(), &mut [0; 8], MsgFlags::MSG_WAITALL);
    received.map_or(100, |count| count as i32)
}

fn wait_all(demo: &mut DemoContext) -> DemoResult {
    let Link { client, server, .. } = demo.link()?;
    demo.does("3 bytes have come; another process receives 8 with MSG_WAITALL (it ends with what that returns)");
    send(&client, "abc").attempt("could not send")?;
    let mut child = demo.start(|| receive_all(&server, false))?;
    demo.wait_until_asleep(&child)?;
    demo.expect(
        "it still sleeps",
        ProcessEnd::Runs,
        demo.ending_now(&mut child)?,
    );
    demo.does("5 more come");
    send(&client, "defgh").attempt("could not send")?;
    let seen = demo.ending(&mut child)?;
    demo.expect("now it has all 8", ProcessEnd::Exited(8), seen);
    Ok(())
}

fn wait_all_interrupted(demo: &mut DemoContext, restart: bool) -> DemoResult {
    let Link { client, server, .. } = demo.link()?;
    let flag = if restart { "with" } else { "without" };
    demo.does(format!(
        "3 bytes have come, and then a signal comes (handler {flag} SA_RESTART)"
    ));
    send(&client, "abc").attempt("could not send")?;
    let mut child = demo.start(|| receive_all(&server, restart))?;
    demo.wait_until_asleep(&child)?;
    child.signal(Signal::SIGUSR1)?;
    let seen = demo.ending(&mut child)?;
    demo.expect(
        "MSG_WAITALL returns what is there",
        ProcessEnd::Exited(3),
        seen,
    );
    Ok(())
}

fn wait_all_at_the_end(demo: &mut DemoContext) -> DemoResult {
    let Link { client, server, .. } = demo.link()?;
    demo.does("3 bytes have come, and the end of the stream");
    send(&client, "abc").attempt("could not send")?;
    shutdown(&client, Shutdown::Write).attempt("could not shut down")?;
    let mut child = demo.start(|| receive_all(&server, false))?;
    let seen = demo.ending(&mut child)?;
    demo.expect(
        "MSG_WAITALL returns what is there",
        ProcessEnd::Exited(3),
        seen,
    );
    Ok(())
}

fn length_zero(demo: &mut DemoContext) -> DemoResult {
    let Link { client, server, .. } = demo.link()?;
    demo.does("ask for 0 bytes, while none has come");
    demo.expect(
        "read(fd, buf, 0) returns at once",
        Ok(0),
        unistd::read(&server, &mut []),
    );
    demo.expect(
        "recv(fd, buf, 0, MSG_DONTWAIT) would sleep",
        Err(Errno::EAGAIN),
        receive_at_once(&server, 0),
    );
    let mut child = demo.start(|| {
        let received = socket::recv(server.as_raw_fd(), &mut [], MsgFlags::empty());
        received.map_or(100, |count| count as i32)
    })?;
    demo.wait_until_asleep(&child)?;
    demo.expect(
        "recv(fd, buf, 0, 0) does sleep",
        ProcessEnd::Runs,
        demo.ending_now(&mut child)?,
    );
    demo.does("one byte comes");
    send(&client, "z").attempt("could not send")?;
    let seen = demo.ending(&mut child)?;
    demo.expect(
        "now it has returned 0, which is no end of the stream",
        ProcessEnd::Exited(0),
        seen,
    );
    demo.expect(
        "the byte is still there",
        Ok(Received::bytes("z")),
        receive_at_once(&server, 9),
    );
    Ok(())
}
