//! What reports call the test's own addresses: `client 1`, `the server`.

use std::{cell::RefCell, collections::HashMap, net::SocketAddr};

/// The test's own addresses and their names.
#[derive(Debug, Default)]
pub(super) struct Names(RefCell<HashMap<SocketAddr, String>>);

impl Names {
    /// Gives an address its name.
    pub(super) fn add(&self, address: SocketAddr, name: String) {
        self.0.borrow_mut().insert(address, name);
    }

    /// The name of an address, if it is one of the test's own.
    pub(super) fn of(&self, address: SocketAddr) -> Option<String> {
        self.0.borrow().get(&canonical(address)).cloned()
    }

    /// The name of the next client.
    pub(super) fn next_client(&self) -> String {
        let names = self.0.borrow();
        let clients = names.values().filter(|name| name.starts_with("client "));
        format!("client {}", clients.count() + 1)
    }
}

/// An IPv4 client that an IPv6 socket shows under a mapped address, by its own.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
