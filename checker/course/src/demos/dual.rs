//! Two families: one socket for both, and the order of a name's addresses.

use std::{
    ffi::CStr,
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt},
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Stdio, accept_at_once, bind, listen, name, peer_name,
};
use harness::{
    failure::{Attempt, LabError},
    sys::inet::{self, Hints},
};

pub const DEMO: Demo = Demo {
    name: "dual",
    day: 3,
    question: "What does a machine with IPv4 and IPv6 get from getaddrinfo, and what does [::] take?",
    read: "The order of the addresses",
    needs: Needs::OwnNetwork,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    without_files(demo)?;
    if !demo.has_ipv6("a socket and a name of both families") {
        return Ok(());
    }
    demo.in_own_network("what a socket on [::] takes", |demo| {
        one_for_both(demo)?;
        one_for_each(demo)
    })?;
    demo.in_own_network("the order of a name's addresses", |demo| {
        if !own_etc(demo)? {
            return Ok(());
        }
        order(demo)?;
        old_interface(demo)?;
        demo.with_own_settings("the order without IPv6", |demo| {
            const OFF: &str = "net.ipv6.conf.lo.disable_ipv6";
            demo.set(OFF, "1")?;
            demo.does("net.ipv6.conf.lo.disable_ipv6 = 1: the machine has no address ::1 now");
            expect_order(demo, "getaddrinfo(\"localhost\")", LOCALHOST, 0, V4_FIRST)?;
            let flags = libc::AI_ADDRCONFIG;
            expect_order(demo, "… with AI_ADDRCONFIG", LOCALHOST, flags, V4_FIRST)?;
            demo.set(OFF, "0")
        })?;
        turned(demo)
    })
}

const LOCALHOST: Option<&CStr> = Some(c"localhost");
const V4_FIRST: &str = "127.0.0.1 ::1";
const V6_FIRST: &str = "::1 127.0.0.1";

/// What needs no file of the machine, since no name is looked up.
fn without_files(demo: &mut DemoContext) -> DemoResult {
    demo.does("getaddrinfo(\"127.0.0.1\", \"80\"): which entries?");
    let kinds = |kind| {
        let hints = Hints {
            kind,
            family: libc::AF_INET,
            ..Hints::default()
        };
        let found = inet::addresses(Some(c"127.0.0.1"), Some(c"80"), hints);
        found.map(|list| list.into_iter().map(|(_, kind)| kind).collect::<Vec<i32>>())
    };
    let all = vec![libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW];
    demo.expect("with ai_socktype 0: types", Ok(all), kinds(0));
    demo.expect(
        "with SOCK_STREAM",
        Ok(vec![libc::SOCK_STREAM]),
        kinds(libc::SOCK_STREAM),
    );
    demo.does("getaddrinfo(NULL, \"80\"), with AF_INET");
    for (claim, flags, expected) in [
        ("an address to connect to", 0, Ipv4Addr::LOCALHOST),
        (
            "with AI_PASSIVE, one to bind",
            libc::AI_PASSIVE,
            Ipv4Addr::UNSPECIFIED,
        ),
    ] {
        let hints = Hints {
            flags,
            family: libc::AF_INET,
            kind: libc::SOCK_STREAM,
        };
        let found = inet::addresses(None, Some(c"80"), hints);
        let found = found.map(|list| words(list.iter().map(|(ip, _)| ip)));
        demo.expect(claim, Ok(expected.to_string()), found);
    }
    demo.does("getaddrinfo(\"::1\"), with AF_INET and AI_NUMERICHOST");
    let hints = Hints {
        flags: libc::AI_NUMERICHOST,
        family: libc::AF_INET,
        kind: libc::SOCK_STREAM,
    };
    let found = inet::addresses(Some(c"::1"), Some(c"80"), hints).map(drop);
    demo.expect("its own error, EAI_ADDRFAMILY", Err(-9), found);
    Ok(())
}

fn words<T: ToString>(list: impl Iterator<Item = T>) -> String {
    list.map(|one| one.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

fn tcp6(only_v6: bool) -> DemoResult<OwnedFd> {
    const MAKE: &str = "could not make a socket of IPv6";
    let flags = SockFlag::SOCK_CLOEXEC;
    let made = socket(AddressFamily::Inet6, SockType::Stream, flags, None).attempt(MAKE)?;
    setsockopt(&made, sockopt::Ipv6V6Only, &only_v6).attempt(MAKE)?;
    Ok(made)
}

fn v6(port: u16) -> SocketAddr {
    (Ipv6Addr::LOCALHOST, port).into()
}

fn v4(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A socket that listens on [::], and its port.
fn listen_on_all(only_v6: bool) -> DemoResult<(OwnedFd, u16)> {
    const LISTEN: &str = "could not listen on [::]";
    let listener = tcp6(only_v6)?;
    bind(&listener, (Ipv6Addr::UNSPECIFIED, 0).into()).attempt(LISTEN)?;
    listen(&listener, 8).attempt(LISTEN)?;
    let port = name(&listener)?.port();
    Ok((listener, port))
}

fn one_for_both(demo: &mut DemoContext) -> DemoResult {
    demo.does("listen on [::] with IPV6_V6ONLY 0; a client of each family");
    let (listener, port) = listen_on_all(false)?;
    for (claim, client, to, expected) in [
        (
            "IPv4: its address, seen from the server",
            demo.tcp()?,
            v4(port),
            "::ffff:127.0.0.1",
        ),
        ("IPv6", tcp6(true)?, v6(port), "::1"),
    ] {
        let seen = demo.connect(&client, to)?;
        demo.expect("connect", Ok(()), seen);
        let accepted = accept_at_once(&listener).attempt("could not accept")?;
        let seen = peer_name(&accepted)?.ip().to_string();
        demo.expect(claim, expected.to_owned(), seen);
    }
    let everywhere = (Ipv4Addr::UNSPECIFIED, port).into();
    demo.expect(
        "the port is taken for IPv4 as well: bind 0.0.0.0",
        Err(Errno::EADDRINUSE),
        bind(&demo.tcp()?, everywhere),
    );
    demo.expect(
        "IPV6_V6ONLY after bind",
        Err(Errno::EINVAL),
        setsockopt(&listener, sockopt::Ipv6V6Only, &true),
    );
    Ok(())
}

fn one_for_each(demo: &mut DemoContext) -> DemoResult {
    demo.does("listen on [::] with IPV6_V6ONLY 1; a client of each family");
    let (_listener, port) = listen_on_all(true)?;
    let seen = demo.connect(&demo.tcp()?, v4(port))?;
    demo.expect("IPv4", Err(Errno::ECONNREFUSED), seen);
    let seen = demo.connect(&tcp6(true)?, v6(port))?;
    demo.expect("IPv6", Ok(()), seen);
    let everywhere = (Ipv4Addr::UNSPECIFIED, port).into();
    demo.expect(
        "another socket may bind 0.0.0.0 with this port",
        Ok(()),
        bind(&demo.tcp()?, everywhere),
    );
    Ok(())
}

const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost ip6-localhost\nfd00::5 six.only\n192.0.2.9 both\nfd00::9 both\n";

/// Gives the demo an /etc of its own, which only its mount namespace sees; whether that is possible here.
fn own_etc(demo: &mut DemoContext) -> DemoResult<bool> {
    const WRITE: &str = "could not write a file of the demo's own /etc";
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    if let Err(errno) = mount(Some("tmpfs"), "/etc", Some("tmpfs"), flags, None::<&str>) {
        demo.cannot(format!(
            "the order of a name's addresses: the demo cannot have an /etc of its own here ({errno})"
        ));
        return Ok(false);
    }
    for (file, text) in [
        ("hosts", HOSTS),
        ("host.conf", "multi on\n"),
        ("nsswitch.conf", "hosts: files\n"),
        ("gai.conf", ""),
    ] {
        fs::write(format!("/etc/{file}"), text).attempt(WRITE)?;
    }
    Ok(true)
}

/// What a process of its own says: the C library reads its files once in each.
fn ask(demo: &DemoContext, question: impl FnOnce() -> String) -> DemoResult<String> {
    const ASK: &str = "could not ask in a process of its own";
    let (mut answer, output) = std::io::pipe().attempt(ASK)?;
    let stdio = Stdio {
        output: Some(output.into()),
        ..Stdio::default()
    };
    let mut child = demo.start_with(stdio, || {
        let mut stdout = File::from(harness::sys::dup_above_stdio(harness::sys::stdout()).unwrap());
        i32::from(stdout.write_all(question().as_bytes()).is_err())
    })?;
    demo.ending(&mut child)?;
    let mut text = String::new();
    answer.read_to_string(&mut text).attempt(ASK)?;
    Ok(text)
}

fn expect_order(
    demo: &mut DemoContext,
    claim: &str,
    name: Option<&CStr>,
    flags: i32,
    expected: &str,
) -> DemoResult {
    let hints = Hints {
        flags,
        kind: libc::SOCK_STREAM,
        ..Hints::default()
    };
    let seen = ask(demo, || match inet::addresses(name, Some(c"80"), hints) {
        Ok(list) => words(list.iter().map(|(ip, _)| ip)),
        Err(error) => format!("error {error}"),
    })?;
    demo.expect(claim, expected.to_owned(), seen);
    Ok(())
}

fn order(demo: &mut DemoContext) -> DemoResult {
    demo.does("an /etc/hosts in which localhost is 127.0.0.1 and, in the next line, ::1");
    expect_order(demo, "getaddrinfo(\"localhost\")", LOCALHOST, 0, V6_FIRST)?;
    expect_order(demo, "getaddrinfo(NULL)", None, 0, V6_FIRST)?;
    let flags = libc::AI_PASSIVE;
    expect_order(demo, "… with AI_PASSIVE", None, flags, "0.0.0.0 ::")
}

fn turned(demo: &mut DemoContext) -> DemoResult {
    demo.does("/etc/gai.conf: precedence ::ffff:0:0/96 100");
    fs::write("/etc/gai.conf", "precedence ::ffff:0:0/96 100\n")
        .map_err(|error| LabError::io("could not write the demo's own /etc/gai.conf", &error))?;
    expect_order(demo, "getaddrinfo(\"localhost\")", LOCALHOST, 0, V4_FIRST)
}

fn old_interface(demo: &mut DemoContext) -> DemoResult {
    demo.does("the same names for gethostbyname");
    for (claim, name, expected) in [
        (
            "localhost: ::1 becomes a second",
            c"localhost",
            "127.0.0.1 127.0.0.1",
        ),
        (
            "a name with an address of each family",
            c"both",
            "192.0.2.9",
        ),
        ("a name with an IPv6 address alone", c"six.only", "nothing"),
    ] {
        let seen = ask(demo, || match inet::host_by_name(name) {
            none if none.is_empty() => "nothing".to_owned(),
            found => words(found.iter()),
        })?;
        demo.expect(claim, expected.to_owned(), seen);
    }
    Ok(())
}
