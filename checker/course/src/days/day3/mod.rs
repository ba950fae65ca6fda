//! UDP, shutdown, names, processes.

pub mod close;
pub mod exit;
pub mod fork_server;
pub mod fork_wait;
pub mod resolve;
pub mod shutdown;
pub mod udp_client;
pub mod udp_echo;
