//! close, with bytes left in a buffer.

use std::os::fd::OwnedFd;

use nix::{errno::Errno, sys::socket::Shutdown};

use super::{Demo, Needs};
use crate::stage::{
    Flags, Link, Received, Shown, Stage, Wire, fill, receive_at_once, send, shutdown,
};
use harness::{failure::Attempt, observe::sockets::State};

pub const DEMO: Demo = Demo {
    name: "unread",
    day: 2,
    question: "What does close do with bytes that nobody has read, or that are not sent yet?",
    read: "When the last descriptor is closed",
    needs: Needs::OwnNetwork,
    run,
};

fn run(stage: &mut Stage) -> Shown {
    nothing_unread(stage)?;
    one_byte_unread(stage)?;
    answer_lost(stage)?;
    farewell(stage)?;
    send_buffer(stage)?;
    lost_without_a_word(stage)?;
    never_accepted(stage)?;
    stage.in_own_network("the segments which close sends", segments)
}

fn nothing_unread(stage: &mut Stage) -> Shown {
    stage.does("the server closes, and has read everything");
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    drop(server);
    let seen = stage.receive(&client, 9)?;
    stage.expect("the client reads the end", Ok(Received::end()), seen);
    stage.expect_state(
        "the client may still send",
        ends.of_client(),
        State::CloseWait,
    )
}

fn one_byte_unread(stage: &mut Stage) -> Shown {
    stage.does("the client sends 1 byte; the server closes without reading it");
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    send(&client, "x").attempt("could not send")?;
    stage.wait_for_bytes(&server, 1)?;
    drop(server);
    let seen = stage.receive(&client, 9)?;
    stage.expect(
        "the client's connection is reset",
        Err(Errno::ECONNRESET),
        seen,
    );
    stage.expect(
        "which is said once; then a read says",
        Ok(Received::end()),
        receive_at_once(&client, 9),
    );
    stage.expect_state("nothing is left of it", ends.of_client(), State::Close)?;

    stage.does("the same, but the server had answered before");
    let Link { client, server, .. } = stage.link()?;
    send(&client, "request, and more").attempt("could not send")?;
    let seen = stage.receive(&server, 7)?;
    stage.expect(
        "the server reads a part",
        Ok(Received::bytes("request")),
        seen,
    );
    send(&server, "ANSWER").attempt("could not send")?;
    stage.wait_for_bytes(&client, 6)?;
    drop(server);
    let seen = stage.receive(&client, 9)?;
    stage.expect(
        "what had arrived can be read",
        Ok(Received::bytes("ANSWER")),
        seen,
    );
    stage.expect(
        "then it is reset",
        Err(Errno::ECONNRESET),
        receive_at_once(&client, 9),
    );
    Ok(())
}

fn answer_lost(stage: &mut Stage) -> Shown {
    stage.does(
        "1 byte unread, and an answer that fills the buffers of both sides; the server closes",
    );
    let Link { client, server, .. } = stage.link()?;
    send(&client, "x").attempt("could not send")?;
    stage.wait_for_bytes(&server, 1)?;
    let written = fill(&server).attempt("could not send")?;
    drop(server);
    let (received, end) = drain(stage, &client)?;
    stage.shows(format!(
        "the server has written {written} bytes; the client received {received}"
    ));
    stage.expect(
        "what was still in the send buffer is lost: less arrives than was written",
        true,
        received < written,
    );
    stage.expect("the client learns it", Err(Errno::ECONNRESET), end);
    Ok(())
}

fn farewell(stage: &mut Stage) -> Shown {
    stage.does("the farewell that loses nothing: shutdown(SHUT_WR), read until 0, close");
    let Link { client, server, .. } = stage.link()?;
    send(&client, "request, and more").attempt("could not send")?;
    let seen = stage.receive(&server, 7)?;
    stage.expect(
        "the server reads a part",
        Ok(Received::bytes("request")),
        seen,
    );
    send(&server, "ANSWER").attempt("could not send")?;
    shutdown(&server, Shutdown::Write).attempt("could not shut down")?;
    let seen = stage.receive(&client, 9)?;
    stage.expect(
        "the client has its answer",
        Ok(Received::bytes("ANSWER")),
        seen,
    );
    let seen = stage.receive(&client, 9)?;
    stage.expect("… and its end", Ok(Received::end()), seen);
    drop(client);
    let (_, end) = drain(stage, &server)?;
    stage.expect("the server reads until 0", Ok(()), end);
    Ok(())
}

/// Reads to the end of the stream, or to an error.
fn drain(stage: &Stage, socket: &OwnedFd) -> Shown<(usize, nix::Result<()>)> {
    let mut received = 0;
    loop {
        match stage.receive(socket, 1 << 20)? {
            Ok(Received(bytes)) if bytes.is_empty() => return Ok((received, Ok(()))),
            Ok(Received(bytes)) => received += bytes.len(),
            Err(errno) => return Ok((received, Err(errno))),
        }
    }
}

fn send_buffer(stage: &mut Stage) -> Shown {
    stage.does("fill the buffers of both sides while the client does not read; the server closes");
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    let written = fill(&server).attempt("could not send")?;
    drop(server);
    stage.expect_state(
        "close has not waited for the client; the kernel goes on sending",
        ends.of_server(),
        State::FinWait1,
    )?;
    let seen = drain(stage, &client)?;
    stage.expect(
        "now the client reads: it gets all, and the end",
        (written, Ok(())),
        seen,
    );
    Ok(())
}

fn lost_without_a_word(stage: &mut Stage) -> Shown {
    stage.does("the server sends 1000 bytes and closes; the client closes without reading");
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    stage.expect("send says", Ok(1000), send(&server, [0; 1000]));
    stage.wait_for_bytes(&client, 1000)?;
    let seen = nix::unistd::close(server);
    stage.expect("close says", Ok(()), seen);
    drop(client);
    stage.expect_state(
        "the bytes are lost, and nobody is told",
        ends.of_server(),
        State::Close,
    )
}

fn never_accepted(stage: &mut Stage) -> Shown {
    stage.does("a client waits in the accept queue; the listening socket is closed");
    let listener = stage.listen(1)?;
    let client = stage.tcp()?;
    let seen = stage.connect(&client, listener.address)?;
    stage.expect("connect", Ok(()), seen);
    drop(listener);
    let seen = stage.receive(&client, 1)?;
    stage.expect("the client is reset", Err(Errno::ECONNRESET), seen);
    Ok(())
}

fn segments(stage: &mut Stage) -> Shown {
    for (unread, claim, flags) in [
        (0, "close with nothing unread sends", Flags::FIN_ACK),
        (1, "close with 1 byte unread sends", Flags::RST_ACK),
    ] {
        stage.does(format!(
            "look at the segment which close sends, with {unread} B unread"
        ));
        let Link {
            client,
            server,
            ends,
        } = stage.link()?;
        send(&client, vec![0; unread]).attempt("could not send")?;
        stage.wait_for_bytes(&server, unread)?;
        let wire = Wire::new()?;
        drop(server);
        let seen = wire.first_from(stage, ends.server)?;
        stage.expect(claim, Some(flags), seen);
    }
    Ok(())
}
