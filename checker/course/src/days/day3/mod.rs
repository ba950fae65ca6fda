//! UDP, shutdown, names, processes.

pub mod fork_server;
pub mod shutdown;
pub mod udp_echo;
