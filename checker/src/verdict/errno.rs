//! What an errno means that a program met before it ended, and what to do about it.

use nix::errno::Errno;

use crate::observe::calls::Call;

/// Advice about a call that failed so; the call is not known where only the program's words tell the errno.
pub(super) fn advice(call: Option<Call>, errno: Errno) -> Option<&'static str> {
    Some(match (call, errno) {
        (Some(Call::Connect), Errno::EINTR) => {
            "A signal has interrupted connect, and the kernel goes on connecting. Do not call connect again: wait with poll for POLLOUT, then ask SO_ERROR whether it went well."
        }
        (Some(Call::Close), Errno::EINTR) => {
            "A signal has interrupted close; the descriptor is closed all the same. Do not close it again, and go on."
        }
        (Some(Call::Accept), Errno::EINTR | Errno::ECONNABORTED | Errno::EPROTO) => {
            "accept has failed for this one time: a signal has come, or a client has left before you took it. The listening socket is well: accept again."
        }
        (_, Errno::EINTR) => {
            "A signal has interrupted the call before it has done anything. EINTR means \"try again\": make the same call once more, in a loop. (read_exact, write_all and read_to_end of the standard library do so; a single read or write, accept, poll and waitpid do not.)"
        }
        (Some(Call::Fork), Errno::EAGAIN | Errno::ENOMEM) => {
            "fork has failed: there may be no more processes, or there is no memory. That passes, and is no reason to end: say it on standard error, do without this child, and go on as the contract says."
        }
        (_, Errno::EAGAIN | Errno::EINPROGRESS) => {
            "EAGAIN says \"not now\": the descriptor does not block, or its time limit is over, and there is nothing to read or no room to write. Wait with poll until there is, and make the call again."
        }
        (_, Errno::EADDRINUSE) => {
            "The address is in use. Another program listens there: say so on standard error, and end with exit status 1. Or an old connection is in TIME_WAIT: then SO_REUSEADDR helps, set before bind."
        }
        (_, Errno::EADDRNOTAVAIL) => {
            "bind takes only addresses of this machine. Look at what your program makes of its argument: the byte order, the fields in front; if the argument itself is such an address, end with exit status 1."
        }
        (_, Errno::ECONNRESET) => {
            "The peer has reset the connection. This ends this one connection: a server closes it and goes on with its other clients; a client says so on standard error and ends with exit status 1."
        }
        (_, Errno::EPIPE) => {
            "The other end does not read any more. If it is a client of a server, close its connection, and go on with the others; if it is your standard output, or your only peer, say so on standard error, and end with exit status 1."
        }
        (Some(Call::Read | Call::Write | Call::Poll), Errno::ECONNREFUSED) => {
            "An earlier datagram has found no socket at its port, and the kernel tells it with the next call on this socket. It is about that datagram, and no reason for a server to end."
        }
        (_, Errno::ECONNREFUSED) => {
            "Nothing listens at this address and port. If they are not those that you meant, look at the byte order. If they are, say so on standard error, and end as the contract says, without a panic."
        }
        (_, Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::ETIMEDOUT) => {
            "The network cannot reach the peer. That is a failure at run time, as others are: name it on standard error, and end with exit status 1 or go on with the next address or client, as the contract says."
        }
        (Some(Call::Bind), Errno::EACCES) => {
            "bind is not permitted here. A port below 1024 needs root: often the two bytes of the port are in the wrong order (htons). A Unix socket needs a folder in which your program may write."
        }
        (Some(Call::Write | Call::Connect), Errno::EACCES | Errno::EPERM) => {
            "The kernel does not send to this address. A broadcast address needs SO_BROADCAST; if you do not mean one, look at the bytes of the address and their order."
        }
        (Some(Call::Kill), Errno::EPERM) => {
            "The process belongs to another user, and your program may send it no signal. Look at the PID that you pass to kill."
        }
        (
            None | Some(Call::Open | Call::Exec | Call::Remove),
            Errno::ENOENT | Errno::EACCES | Errno::EPERM,
        )
        | (_, Errno::EISDIR | Errno::ENOTDIR)
        | (Some(Call::Bind | Call::Connect), Errno::ENOENT) => {
            "The path cannot be opened or used so: it is not there, or not permitted, or of another kind. Look at which path your program passes; if it is the right one, say the path and the error on standard error, and end with exit status 1, without a panic."
        }
        (_, Errno::EMFILE | Errno::ENFILE) => {
            "No descriptor is left. Does your program close each one when it is done with it? A server that is full keeps its clients, pauses, and accepts again later."
        }
        (_, Errno::ENOMEM | Errno::ENOBUFS) => {
            "The kernel lacks memory for a moment. A server keeps its clients, pauses, and makes the call again."
        }
        (_, Errno::EBADF) => {
            "The number belongs to no open descriptor. It was closed before (perhaps twice: by close and by an OwnedFd that is dropped), or it is the -1 of a call that failed, or it was opened for the other direction."
        }
        (_, Errno::ENOTCONN) => {
            "The socket has no peer: it was never connected, or the connection is gone already (then shutdown and getpeername say so). In a server that is the end of one client, and not of the program."
        }
        (_, Errno::EMSGSIZE) => {
            "A datagram is too long for UDP or for its way. Send less at once; an answer is no longer than its question."
        }
        (_, Errno::ENOTSOCK) => {
            "The descriptor is no socket. Standard input, output and files take read and write, not recv and send."
        }
        (_, Errno::EISCONN | Errno::EALREADY) => {
            "The socket is connected already, or about to be: connect is made once for each socket."
        }
        (_, Errno::EDESTADDRREQ) => {
            "A UDP socket that is not connected needs an address for each datagram: sendto, with the one that recvfrom reports."
        }
        (Some(Call::Accept), Errno::EINVAL) => {
            "This socket does not listen, so no client can come to it. Call listen after bind, and before accept."
        }
        (_, Errno::EINVAL | Errno::EFAULT | Errno::EAFNOSUPPORT) => {
            "The kernel does not accept an argument of this call: a length, a flag, a family or a state of the socket that does not fit. The page of the call names the cases under ERRORS."
        }
        (_, Errno::ECHILD) => {
            "There is no child to wait for: all are waited for, or SIGCHLD is ignored, so that the kernel reaps them. That is the end of a loop around waitpid, and no failure."
        }
        (_, Errno::ESRCH) => {
            "The process is gone already: it has ended, and was waited for. For kill that is no failure."
        }
        (_, Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG | Errno::EIO) => {
            "The file takes or gives no more. Nothing can be done about it: say so on standard error, and end with exit status 1."
        }
        (_, Errno::ESPIPE) => {
            "A pipe, a terminal or a socket has no position, so that lseek and pread do not work: read it from its beginning to its end."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_means_what_it_means_for_its_call() {
        let said = |call, errno| advice(call, errno).unwrap();
        assert!(said(Some(Call::Read), Errno::EINTR).contains("try again"));
        assert!(said(Some(Call::Connect), Errno::EINTR).contains("Do not call connect again"));
        assert!(said(Some(Call::Accept), Errno::ECONNABORTED).contains("accept again"));
        assert!(said(Some(Call::Read), Errno::ECONNREFUSED).contains("earlier datagram"));
        assert!(said(None, Errno::EPIPE).contains("does not read any more"));
        assert_eq!(advice(None, Errno::EXDEV), None);
        assert!(said(Some(Call::Bind), Errno::EACCES).contains("below 1024"));
        assert!(said(Some(Call::Write), Errno::EACCES).contains("SO_BROADCAST"));
        assert!(said(Some(Call::Kill), Errno::EPERM).contains("another user"));
        assert!(said(Some(Call::Open), Errno::EACCES).contains("path"));
        assert!(said(None, Errno::EACCES).contains("path"));
        assert_eq!(advice(Some(Call::Epoll), Errno::ENOENT), None);
    }
}
