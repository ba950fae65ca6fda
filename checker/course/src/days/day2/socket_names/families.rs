//! Listeners and clients of both families, IPv4 and IPv6.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use harness::author::{Diagnosis, Rejection, Test};

use super::{any_ipv6_port, names::expect_names};

pub(super) const IPV6: Test = Test {
    name: "listens on an IPv6 address as well",
    points: 2,
    read: "IPv6, and room for both",
    proves: &[
        "Each is an IPv4 address and a port, `127.0.0.1:8080`, or an IPv6 address in brackets and a port, \
         `[::1]:8080`.",
        "`family` is 4 if the client speaks IPv4, 6 if it speaks IPv6.",
        "IPv6 addresses stand in brackets.",
    ],
    story: |lab| {
        let address = any_ipv6_port(lab)?;
        let server = lab.start_server_on(address)?;
        server.expect_address(address)?;
        expect_names(lab, &server.connect()?)?;
        expect_names(lab, &server.connect()?)?;
        // The same address, as long as it can be written.
        let long = "[0000:0000:0000:0000:0000:0000:0000:0001]:0";
        let program = lab.start(&[long])?;
        let server = program.expect_announcement(address)?;
        server.expect_address(address)?;
        expect_names(lab, &server.connect()?)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "knows_ipv4_only",
                "splits_at_the_first_colon",
                "has_room_for_short_addresses",
            ],
            hint: "An argument may be an IPv6 address in brackets, with colons between them. Read it as a \
                   `SocketAddr`, which is of either family and as long as it likes (45 characters, INET6_ADDRSTRLEN - 1), \
                   make an AF_INET6 socket for an IPv6 address, and set its \
                   options before bind.",
        },
        Rejection {
            diagnosis: Diagnosis::BadAnnouncement,
            mistakes: &["forgets_the_brackets"],
            hint: "Without brackets nobody can tell the port from one more group: print [::1]:8080, as the Display of \
                   a SocketAddr does.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["takes_each_client_for_ipv4"],
            hint: "A sockaddr_in has no room for an IPv6 address. Ask for a sockaddr_storage, and look at the family \
                   in it before you read the rest: in nix as_sockaddr_in and as_sockaddr_in6.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["calls_every_family_4", "makes_every_address_ipv4"],
            hint: "The names of this connection are IPv6 addresses: show all 16 bytes of each, in brackets, and \
                   family=6. Only a mapped address, ::ffff:127.0.0.1, is an IPv4 address in disguise.",
        },
    ],
};

pub(super) const IPV4_ON_IPV6: Test = Test {
    name: "takes IPv4 clients on [::], and shows them as such",
    points: 2,
    read: "One socket for both: [::]",
    proves: &[
        "Both are addresses of machines: `me` is never the wildcard 0.0.0.0 or `[::]`, also when the server listens \
         there.",
        "`family` is 4 if the client speaks IPv4, 6 if it speaks IPv6.",
        "`[::]` is for IPv4 clients as well, whatever the administrator has made the default.",
        "They are shown as what they are: `127.0.0.1`, not `::ffff:127.0.0.1`, and `family=4`.",
    ],
    story: |lab| {
        let ipv6 = any_ipv6_port(lab)?.ip();
        let server = lab.start_server_on(EVERYWHERE)?;
        server.expect_address(EVERYWHERE)?;
        let (one, other) = (lab.any_port().ip(), lab.any_port_elsewhere().ip());
        for (source, destination) in [(one, other), (ipv6, ipv6), (other, one)] {
            let client = server.connect_between(source, destination)?;
            expect_names(lab, &client)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["shows_mapped_addresses", "tells_the_listeners_family"],
            hint: "On an IPv6 socket an IPv4 client has an IPv4-mapped address, ::ffff:127.0.0.1. Show the IPv4 \
                   address in it and family=4, for both names (`to_canonical` of Rust's IpAddr); an IPv6 client keeps \
                   its own, with family=6.",
        },
        Rejection {
            diagnosis: Diagnosis::Refused,
            mistakes: &["refuses_ipv4"],
            hint: "IPV6_V6ONLY is set to 1, which keeps IPv4 clients out. Set it to 0.",
        },
    ],
};

pub(super) const WHATEVER_THE_DEFAULT: Test = Test {
    name: "takes them whatever the machine's default is",
    points: 1,
    read: "One socket for both: [::]",
    proves: &[
        "`[::]` is for IPv4 clients as well, whatever the administrator has made the default.",
    ],
    story: |lab| {
        let ipv6 = any_ipv6_port(lab)?.ip();
        lab.make_ipv6_only_default()?;
        let server = lab.start_server_on(EVERYWHERE)?;
        let ipv4 = lab.any_port().ip();
        for address in [ipv6, ipv4] {
            expect_names(lab, &server.connect_between(address, address)?)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Refused,
        mistakes: &["trusts_the_default", "decides_after_bind"],
        hint: "Whether an IPv6 socket takes IPv4 clients is the machine's choice (net.ipv6.bindv6only), unless your \
               program says so itself: set IPV6_V6ONLY to 0, and before bind. After bind setsockopt fails with EINVAL.",
    }],
};

/// All addresses of both families.
const EVERYWHERE: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
