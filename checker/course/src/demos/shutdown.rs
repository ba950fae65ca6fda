//! shutdown, and what it does to both directions, to descriptors and to other processes.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::{
    errno::Errno,
    sys::socket::{self, MsgFlags, Shutdown},
    unistd,
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoProcess, DemoResult, Flags, Link, ProcessEnd, Received, Wire, accept_at_once,
    connect_at_once, fill, name, receive_at_once, send, set_linger, shutdown, sleep_for_ever,
};
use harness::{failure::Attempt, observe::sockets::State, sys};

pub const DEMO: Demo = Demo {
    name: "shutdown",
    day: 3,
    question: "What do SHUT_RD, SHUT_WR and SHUT_RDWR do, and to whom?",
    read: "shutdown and close",
    needs: Needs::OwnNetwork,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    sending(demo)?;
    receiving(demo)?;
    both(demo)?;
    no_second_life(demo)?;
    not_connected(demo)?;
    listening(demo)?;
    processes(demo)?;
    demo.in_own_network("the segments which shutdown sends", segments)
}

fn sending(demo: &mut DemoContext) -> DemoResult {
    demo.does("the server fills the buffers of both sides, and calls shutdown(SHUT_WR)");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    let written = fill(&server).attempt("could not send")?;
    demo.expect("shutdown", Ok(()), shutdown(&server, Shutdown::Write));
    demo.expect("its own send", Err(Errno::EPIPE), send(&server, "x"));
    demo.expect("shutdown again", Ok(()), shutdown(&server, Shutdown::Write));
    let seen = demo.receive_to_end(&client)?;
    demo.expect(
        "nothing is removed: the client gets all, and then the end",
        (written, Ok(())),
        seen,
    );
    demo.expect_state("the server", ends.of_server(), State::FinWait2)?;
    demo.expect_state("the client", ends.of_client(), State::CloseWait)?;
    demo.does("the client sends three times");
    let seen: Vec<_> = ["one", "two", "end"].map(|text| send(&client, text)).into();
    demo.expect("its direction goes on", vec![Ok(3), Ok(3), Ok(3)], seen);
    demo.wait_for_bytes(&server, 9)?;
    demo.expect(
        "the server receives it",
        Ok(Received::bytes("onetwoend")),
        receive_at_once(&server, 99),
    );
    Ok(())
}

fn receiving(demo: &mut DemoContext) -> DemoResult {
    demo.does("the client sends \"queued\"; the server calls shutdown(SHUT_RD)");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    send(&client, "queued").attempt("could not send")?;
    demo.wait_for_bytes(&server, 6)?;
    demo.expect("shutdown", Ok(()), shutdown(&server, Shutdown::Read));
    demo.expect(
        "what is there can be read",
        Ok(Received::bytes("queued")),
        receive_at_once(&server, 9),
    );
    demo.expect(
        "then a read does not wait any more",
        Ok(Received::end()),
        receive_at_once(&server, 9),
    );
    demo.expect_state(
        "the client does not notice",
        ends.of_client(),
        State::Established,
    )?;
    demo.expect("it may send", Ok(3), send(&client, "NEW"));
    demo.wait_for_bytes(&server, 3)?;
    demo.expect(
        "and the server can still read it",
        Ok(Received::bytes("NEW")),
        receive_at_once(&server, 9),
    );
    demo.expect("the server may send", Ok(3), send(&server, "out"));
    let seen = demo.receive(&client, 9)?;
    demo.expect("which arrives", Ok(Received::bytes("out")), seen);
    Ok(())
}

fn both(demo: &mut DemoContext) -> DemoResult {
    demo.does("the client sends \"queued\"; the server calls shutdown(SHUT_RDWR)");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    send(&client, "queued").attempt("could not send")?;
    demo.wait_for_bytes(&server, 6)?;
    demo.expect("shutdown", Ok(()), shutdown(&server, Shutdown::Both));
    demo.expect(
        "what is there can be read",
        Ok(Received::bytes("queued")),
        receive_at_once(&server, 9),
    );
    demo.expect("send", Err(Errno::EPIPE), send(&server, "x"));
    let seen = demo.receive(&client, 9)?;
    demo.expect("the client reads", Ok(Received::end()), seen);
    demo.expect_state("the server waits", ends.of_server(), State::FinWait2)?;
    demo.does("the client goes on sending");
    demo.expect("its first send", Ok(1), send(&client, "x"));
    demo.expect_state(
        "it is answered with a reset",
        ends.of_client(),
        State::Close,
    )?;
    demo.expect("its second", Err(Errno::EPIPE), send(&client, "x"));
    Ok(())
}

fn no_second_life(demo: &mut DemoContext) -> DemoResult {
    demo.does("shutdown(SHUT_RDWR), and then connect the same socket to another server");
    let Link { client, .. } = demo.link()?;
    let listener = demo.listen(1)?;
    let before = name(&client)?;
    shutdown(&client, Shutdown::Both).attempt("could not shut down")?;
    demo.expect(
        "the descriptor is open, and getsockname says what it said",
        before,
        name(&client)?,
    );
    demo.expect(
        "connect",
        Err(Errno::EISCONN),
        connect_at_once(&client, listener.address),
    );
    Ok(())
}

fn not_connected(demo: &mut DemoContext) -> DemoResult {
    demo.does("shutdown(SHUT_WR) where there is no connection");
    let fresh = demo.tcp()?;
    demo.expect(
        "a new socket",
        Err(Errno::ENOTCONN),
        shutdown(&fresh, Shutdown::Write),
    );
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    set_linger(&server, 0)?;
    drop(server);
    demo.expect_state("the server has reset", ends.of_client(), State::Close)?;
    demo.expect(
        "a connection that was reset",
        Err(Errno::ENOTCONN),
        shutdown(&client, Shutdown::Write),
    );
    Ok(())
}

fn listening(demo: &mut DemoContext) -> DemoResult {
    demo.does("shutdown on a listening socket");
    let listener = demo.listen(1)?;
    let seen = shutdown(&listener.socket, Shutdown::Write);
    demo.expect("SHUT_WR", Ok(()), seen);
    let client = demo.tcp()?;
    let seen = demo.connect(&client, listener.address)?;
    demo.expect("it still listens: connect", Ok(()), seen);
    let seen = shutdown(&listener.socket, Shutdown::Both);
    demo.expect("SHUT_RDWR", Ok(()), seen);
    let seen = demo.connect(&demo.tcp()?, listener.address)?;
    demo.expect("connect", Err(Errno::ECONNREFUSED), seen);
    let seen = accept_at_once(&listener.socket).map(drop);
    demo.expect("accept", Err(Errno::EINVAL), seen);
    Ok(())
}

/// Three processes which share a connection, and what they do with it.
struct Sharers {
    reader: DemoProcess,
    writer: DemoProcess,
    idle: DemoProcess,
}

/// The exit status of the reader after 0, which is the end.
const READ_THE_END: ProcessEnd = ProcessEnd::Exited(10);

fn sharers(demo: &DemoContext, socket: &OwnedFd) -> DemoResult<Sharers> {
    let reader =
        demo.start(
            || match socket::recv(socket.as_raw_fd(), &mut [0; 9], MsgFlags::empty()) {
                Ok(0) => 10,
                Ok(_) => 11,
                Err(_) => 12,
            },
        )?;
    let writer = demo.start(|| {
        if sys::set_disposition(libc::SIGPIPE, false).is_err() {
            return 1;
        }
        while unistd::write(socket, &[0; 4096]).is_ok() {}
        2
    })?;
    let idle = demo.start(sleep_for_ever)?;
    for sharer in [&reader, &writer, &idle] {
        demo.wait_until_asleep(sharer)?;
    }
    Ok(Sharers {
        reader,
        writer,
        idle,
    })
}

fn processes(demo: &mut DemoContext) -> DemoResult {
    let killed = ProcessEnd::Killed(libc::SIGPIPE);
    let runs = ProcessEnd::Runs;
    for (how, what, of_reader, of_writer) in [
        (Shutdown::Read, "SHUT_RD", READ_THE_END, runs),
        (Shutdown::Write, "SHUT_WR", runs, killed),
        (Shutdown::Both, "SHUT_RDWR", READ_THE_END, killed),
    ] {
        demo.does(format!(
            "one process sleeps in recv, one in write, one elsewhere; a fourth: {what}"
        ));
        let Link {
            client: _client,
            server,
            ..
        } = demo.link()?;
        fill(&server).attempt("could not send")?;
        let mut sharers = sharers(demo, &server)?;
        demo.expect("shutdown", Ok(()), shutdown(&server, how));
        for (claim, process, expected) in [
            (
                "the one in recv (10: it got 0)",
                &mut sharers.reader,
                of_reader,
            ),
            ("the one in write", &mut sharers.writer, of_writer),
            ("the one elsewhere", &mut sharers.idle, runs),
        ] {
            let seen = match expected {
                ProcessEnd::Runs => demo.ending_now(process)?,
                _ => demo.ending(process)?,
            };
            demo.expect(claim, expected, seen);
        }
    }
    Ok(())
}

fn segments(demo: &mut DemoContext) -> DemoResult {
    demo.does("look at what shutdown sends");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    let wire = Wire::new()?;
    shutdown(&server, Shutdown::Read).attempt("could not shut down")?;
    demo.expect("SHUT_RD: segments", 0, wire.count_from(ends.server)?);
    shutdown(&server, Shutdown::Write).attempt("could not shut down")?;
    let seen = wire.first_from(demo, ends.server)?;
    demo.expect("SHUT_WR", Some(Flags::FIN_ACK), seen);
    drop(client);
    Ok(())
}
