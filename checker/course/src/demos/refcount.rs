//! When a connection ends: the last descriptor.

use nix::{
    errno::Errno,
    sys::{signal::Signal, socket::Shutdown},
};

use super::{Demo, Needs};
use crate::stage::{
    Ending, Link, Received, Shown, Stage, receive_at_once, shutdown, sleep_for_ever,
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

fn run(stage: &mut Stage) -> Shown {
    dup(stage)?;
    fork(stage)?;
    shut_down(stage)?;
    killed(stage)
}

fn dup(stage: &mut Stage) -> Shown {
    stage.does("dup the server's descriptor, and close one of the two");
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    let copy = server.try_clone().attempt("could not dup")?;
    drop(server);
    stage.expect(
        "the client reads nothing, not even an end",
        Err(Errno::EAGAIN),
        receive_at_once(&client, 1),
    );
    stage.expect_state(
        "the connection is still",
        ends.of_server(),
        State::Established,
    )?;
    stage.does("close the other");
    drop(copy);
    let seen = stage.receive(&client, 1)?;
    stage.expect("now the client reads the end", Ok(Received::end()), seen);
    Ok(())
}

fn fork(stage: &mut Stage) -> Shown {
    stage.does("fork, and let the parent close its descriptor; the child sleeps");
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    let mut child = stage.start(sleep_for_ever)?;
    drop(server);
    stage.expect(
        "the client reads nothing",
        Err(Errno::EAGAIN),
        receive_at_once(&client, 1),
    );
    stage.expect_state(
        "the connection is still",
        ends.of_server(),
        State::Established,
    )?;
    stage.does("the child ends");
    child.signal(Signal::SIGKILL)?;
    let seen = stage.ending(&mut child)?;
    stage.expect("it is", Ending::Killed(libc::SIGKILL), seen);
    let seen = stage.receive(&client, 1)?;
    stage.expect(
        "the kernel has closed what it had: the client reads the end",
        Ok(Received::end()),
        seen,
    );
    Ok(())
}

fn shut_down(stage: &mut Stage) -> Shown {
    stage.does("fork, and let the parent shut down its sending side; the child sleeps");
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    let mut child = stage.start(sleep_for_ever)?;
    let seen = shutdown(&server, Shutdown::Write);
    stage.expect("shutdown", Ok(()), seen);
    let seen = stage.receive(&client, 1)?;
    stage.expect(
        "it does not count descriptors: the client reads the end",
        Ok(Received::end()),
        seen,
    );
    stage.expect_state("the server", ends.of_server(), State::FinWait2)?;
    child.signal(Signal::SIGKILL)?;
    stage.ending(&mut child)?;
    Ok(())
}

fn killed(stage: &mut Stage) -> Shown {
    stage.does("a server of its own process is killed by kill -9");
    let listener = stage.listen(1)?;
    let client = stage.tcp()?;
    let seen = stage.connect(&client, listener.address)?;
    stage.expect("connect", Ok(()), seen);
    let server = stage.accept(&listener)?.attempt("could not accept")?;
    // The child has the client's descriptor, too; the client's end would not come to its end, but that is not awaited.
    let mut child = stage.start(sleep_for_ever)?;
    drop(server);
    child.signal(Signal::SIGKILL)?;
    stage.ending(&mut child)?;
    let seen = stage.receive(&client, 1)?;
    stage.expect(
        "the client reads an ordinary end",
        Ok(Received::end()),
        seen,
    );
    Ok(())
}
