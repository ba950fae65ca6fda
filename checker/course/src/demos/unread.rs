//! close, with bytes left in a buffer.

use std::os::fd::OwnedFd;

use nix::{errno::Errno, sys::socket::Shutdown};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Flags, Link, Received, Wire, fill, receive_at_once, send, shutdown,
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

fn run(demo: &mut DemoContext) -> DemoResult {
    nothing_unread(demo)?;
    one_byte_unread(demo)?;
    answer_lost(demo)?;
    end_before_close(demo)?;
    bytes_after_close(demo)?;
    farewell(demo)?;
    send_buffer(demo)?;
    lost_without_a_word(demo)?;
    never_accepted(demo)?;
    demo.in_own_network("the segments which close sends", segments)
}

fn nothing_unread(demo: &mut DemoContext) -> DemoResult {
    demo.does("the server closes, and has read everything");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    drop(server);
    let seen = demo.receive(&client, 9)?;
    demo.expect("the client reads the end", Ok(Received::end()), seen);
    demo.expect_state(
        "the client may still send",
        ends.of_client(),
        State::CloseWait,
    )
}

fn one_byte_unread(demo: &mut DemoContext) -> DemoResult {
    demo.does("the client sends 1 byte; the server closes without reading it");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    send(&client, "x").attempt("could not send")?;
    demo.wait_for_bytes(&server, 1)?;
    drop(server);
    let seen = demo.receive(&client, 9)?;
    demo.expect(
        "the client's connection is reset",
        Err(Errno::ECONNRESET),
        seen,
    );
    demo.expect(
        "the error comes once; then a read returns",
        Ok(Received::end()),
        receive_at_once(&client, 9),
    );
    demo.expect_state("nothing is left of it", ends.of_client(), State::Close)?;

    demo.does("the same, but the server had answered before");
    let Link { client, server, .. } = demo.link()?;
    send(&client, "request, and more").attempt("could not send")?;
    let seen = demo.receive(&server, 7)?;
    demo.expect(
        "the server reads a part",
        Ok(Received::bytes("request")),
        seen,
    );
    send(&server, "ANSWER").attempt("could not send")?;
    demo.wait_for_bytes(&client, 6)?;
    drop(server);
    let seen = demo.receive(&client, 9)?;
    demo.expect(
        "what had arrived can be read",
        Ok(Received::bytes("ANSWER")),
        seen,
    );
    demo.expect(
        "then it is reset",
        Err(Errno::ECONNRESET),
        receive_at_once(&client, 9),
    );
    Ok(())
}

fn answer_lost(demo: &mut DemoContext) -> DemoResult {
    demo.does(
        "1 byte unread, and an answer that fills the buffers of both sides; the server closes",
    );
    let Link { client, server, .. } = demo.link()?;
    send(&client, "x").attempt("could not send")?;
    demo.wait_for_bytes(&server, 1)?;
    let written = fill(&server).attempt("could not send")?;
    drop(server);
    let (received, end) = demo.receive_to_end(&client)?;
    demo.shows(format!(
        "the server has written {written} bytes; the client received {received}"
    ));
    demo.expect(
        "what was still in the send buffer is lost: less arrives than was written",
        true,
        received < written,
    );
    demo.expect("the client learns it", Err(Errno::ECONNRESET), end);
    Ok(())
}

fn end_before_close(demo: &mut DemoContext) -> DemoResult {
    demo.does("the same, but the server calls shutdown(SHUT_WR) before it closes");
    let Link { client, server, .. } = demo.link()?;
    send(&client, "x").attempt("could not send")?;
    demo.wait_for_bytes(&server, 1)?;
    let written = fill(&server).attempt("could not send")?;
    shutdown(&server, Shutdown::Write).attempt("could not shut down")?;
    drop(server);
    expect_loss(demo, &client, written)
}

fn bytes_after_close(demo: &mut DemoContext) -> DemoResult {
    demo.does("nothing unread, an answer that fills the buffers; the server closes");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    let written = fill(&server).attempt("could not send")?;
    drop(server);
    demo.does("now the client sends 1 byte more");
    demo.expect("send says", Ok(1), send(&client, "x"));
    demo.expect_state(
        "the byte is answered with a reset",
        ends.of_client(),
        State::Close,
    )?;
    expect_loss(demo, &client, written)
}

fn expect_loss(demo: &mut DemoContext, client: &OwnedFd, written: usize) -> DemoResult {
    let (received, end) = demo.receive_to_end(client)?;
    demo.expect(
        "the answer is cut as well: less arrives than was written",
        true,
        received < written,
    );
    demo.expect("the client learns it", Err(Errno::ECONNRESET), end);
    Ok(())
}

fn farewell(demo: &mut DemoContext) -> DemoResult {
    demo.does("the way to close that loses nothing: shutdown(SHUT_WR), read until 0, close");
    let Link { client, server, .. } = demo.link()?;
    send(&client, "request, and more").attempt("could not send")?;
    let seen = demo.receive(&server, 7)?;
    demo.expect(
        "the server reads a part",
        Ok(Received::bytes("request")),
        seen,
    );
    send(&server, "ANSWER").attempt("could not send")?;
    shutdown(&server, Shutdown::Write).attempt("could not shut down")?;
    let seen = demo.receive(&client, 9)?;
    demo.expect(
        "the client has its answer",
        Ok(Received::bytes("ANSWER")),
        seen,
    );
    let seen = demo.receive(&client, 9)?;
    demo.expect("… and its end", Ok(Received::end()), seen);
    drop(client);
    let (_, end) = demo.receive_to_end(&server)?;
    demo.expect("the server reads until 0", Ok(()), end);
    Ok(())
}

fn send_buffer(demo: &mut DemoContext) -> DemoResult {
    demo.does("fill the buffers of both sides while the client does not read; the server closes");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    let written = fill(&server).attempt("could not send")?;
    drop(server);
    demo.expect_state(
        "close has not waited for the client; the kernel goes on sending",
        ends.of_server(),
        State::FinWait1,
    )?;
    let seen = demo.receive_to_end(&client)?;
    demo.expect(
        "now the client reads: it gets all, and the end",
        (written, Ok(())),
        seen,
    );
    Ok(())
}

fn lost_without_a_word(demo: &mut DemoContext) -> DemoResult {
    demo.does("the server sends 1000 bytes and closes; the client closes without reading");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    demo.expect("send says", Ok(1000), send(&server, [0; 1000]));
    demo.wait_for_bytes(&client, 1000)?;
    let seen = nix::unistd::close(server);
    demo.expect("close says", Ok(()), seen);
    drop(client);
    demo.expect_state(
        "the bytes are lost, and nobody is told",
        ends.of_server(),
        State::Close,
    )
}

fn never_accepted(demo: &mut DemoContext) -> DemoResult {
    demo.does("a client waits in the accept queue; the listening socket is closed");
    let listener = demo.listen(1)?;
    let client = demo.tcp()?;
    let seen = demo.connect(&client, listener.address)?;
    demo.expect("connect", Ok(()), seen);
    drop(listener);
    let seen = demo.receive(&client, 1)?;
    demo.expect("the client is reset", Err(Errno::ECONNRESET), seen);
    Ok(())
}

fn segments(demo: &mut DemoContext) -> DemoResult {
    for (unread, claim, flags) in [
        (0, "close with nothing unread sends", Flags::FIN_ACK),
        (1, "close with 1 byte unread sends", Flags::RST_ACK),
    ] {
        demo.does(format!(
            "look at the segment which close sends, with {unread} B unread"
        ));
        let Link {
            client,
            server,
            ends,
        } = demo.link()?;
        send(&client, vec![0; unread]).attempt("could not send")?;
        demo.wait_for_bytes(&server, unread)?;
        let wire = Wire::new()?;
        drop(server);
        let seen = wire.first_from(demo, ends.server)?;
        demo.expect(claim, Some(flags), seen);
    }
    Ok(())
}
