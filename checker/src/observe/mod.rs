//! What the kernel knows about a program: its processes, the calls they sleep in, their descriptors and sockets.
//!
//! Nothing here knows tests. All of it is read from outside, through /proc and sock_diag; the program cannot tell.

pub mod calls;
pub mod descriptors;
pub mod processes;
pub mod sockets;
