//! What the kernel knows about a program: its processes, the calls they sleep in, their descriptors and sockets.
//!
//! Nothing here knows tests. Most of it is read from outside, through /proc and sock_diag, and the program cannot tell.
//! The [`tracer`] stands between the program and the kernel: it sees every call, and can make one fail.

pub mod calls;
pub mod descriptors;
pub mod processes;
pub mod sockets;
pub mod source;
pub mod tracer;
pub mod waiting;

mod cursor;
