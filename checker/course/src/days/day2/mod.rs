//! Addresses and TCP.

pub mod connect;
pub mod echo_client;
pub mod echo_server;
pub mod framing;
pub mod inet_pton_ntop;
pub mod socket_names;
