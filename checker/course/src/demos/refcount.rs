//! When a connection ends: the last descriptor.

use nix::{
    errno::Errno,
    sys::{signal::Signal, socket::Shutdown},
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Link, ProcessEnd, Received, receive_at_once, shutdown, sleep_for_ever,
};
use harness::{failure::Attempt, observe::sockets::State};

pub const DEMO: Demo = Demo {
    name: "refcount",
    day: 2,
    question: "When does a connection end that has several descriptors?",
    read: "When the last descriptor is closed",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    dup(demo)?;
    fork(demo)?;
    shut_down(demo)?;
    killed(demo)
}

fn dup(demo: &mut DemoContext) -> DemoResult {
    demo.does("dup the server's descriptor, and close one of the two");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    let copy = server.try_clone().attempt("could not dup")?;
    drop(server);
    demo.expect(
        "the client reads nothing, not even an end",
        Err(Errno::EAGAIN),
        receive_at_once(&client, 1),
    );
    demo.expect_state(
        "the connection is still",
        ends.of_server(),
        State::Established,
    )?;
    demo.does("close the other");
    drop(copy);
    let seen = demo.receive(&client, 1)?;
    demo.expect("now the client reads the end", Ok(Received::end()), seen);
    Ok(())
}

fn fork(demo: &mut DemoContext) -> DemoResult {
    demo.does("fork, and let the parent close its descriptor; the child sleeps");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    let mut child = demo.start(sleep_for_ever)?;
    drop(server);
    demo.expect(
        "the client reads nothing",
        Err(Errno::EAGAIN),
        receive_at_once(&client, 1),
    );
    demo.expect_state(
        "the connection is still",
        ends.of_server(),
        State::Established,
    )?;
    demo.does("the child ends");
    child.signal(Signal::SIGKILL)?;
    let seen = demo.ending(&mut child)?;
    demo.expect("it is", ProcessEnd::Killed(libc::SIGKILL), seen);
    let seen = demo.receive(&client, 1)?;
    demo.expect(
        "the kernel has closed what it had: the client reads the end",
        Ok(Received::end()),
        seen,
    );
    Ok(())
}

fn shut_down(demo: &mut DemoContext) -> DemoResult {
    demo.does("fork, and let the parent shut down its sending side; the child sleeps");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    let mut child = demo.start(sleep_for_ever)?;
    let seen = shutdown(&server, Shutdown::Write);
    demo.expect("shutdown", Ok(()), seen);
    let seen = demo.receive(&client, 1)?;
    demo.expect(
        "it does not count descriptors: the client reads the end",
        Ok(Received::end()),
        seen,
    );
    demo.expect_state("the server", ends.of_server(), State::FinWait2)?;
    child.signal(Signal::SIGKILL)?;
    demo.ending(&mut child)?;
    Ok(())
}

fn killed(demo: &mut DemoContext) -> DemoResult {
    demo.does("a server of its own process is killed by kill -9");
    let listener = demo.listen(1)?;
    let client = demo.tcp()?;
    let seen = demo.connect(&client, listener.address)?;
    demo.expect("connect", Ok(()), seen);
    let server = demo.accept(&listener)?.attempt("could not accept")?;
    // The child has the client's descriptor, too; the client's end would not come to its end, but that is not awaited.
    let mut child = demo.start(sleep_for_ever)?;
    drop(server);
    child.signal(Signal::SIGKILL)?;
    demo.ending(&mut child)?;
    let seen = demo.receive(&client, 1)?;
    demo.expect(
        "the client reads an ordinary end",
        Ok(Received::end()),
        seen,
    );
    Ok(())
}
