//! The memory of a traced process.

use std::{fs, os::unix::fs::FileExt};

use nix::{
    sys::uio::{RemoteIoVec, process_vm_readv},
    unistd::Pid,
};

/// The memory of the process to which a thread belongs. What lies there may change while it is read, if the process has
/// other threads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub thread: i32,
}

/// One buffer of a scattered read or write (readv(2)).
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer {
    pub start: u64,
    pub length: u64,
}

/// The header of a message (recvmsg(2)).
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub name: u64,
    pub name_length: u32,
    pub buffers: u64,
    pub count: u64,
    pub control_length: u64,
}

/// How many buffers of a scattered read or write are looked at.
const MOST_BUFFERS: u64 = 16;
const PAGE: u64 = 4096;

impl Memory {
    /// Up to `length` bytes from `start` on: fewer if less can be read.
    pub fn bytes(self, start: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        if start == 0 || length == 0 {
            return Vec::new();
        }
        let place = RemoteIoVec {
            base: start as usize,
            len: length,
        };
        let into = &mut [std::io::IoSliceMut::new(&mut bytes)];
        let read =
            process_vm_readv(Pid::from_raw(self.thread), into, &[place]).unwrap_or_else(|_| {
                // Old kernels in containers refuse that call.
                fs::File::open(format!("/proc/{}/mem", self.thread))
                    .and_then(|memory| memory.read_at(&mut bytes, start))
                    .unwrap_or(0)
            });
        bytes.truncate(read);
        bytes
    }

    /// An array of bytes, if all of it can be read.
    pub fn array<const N: usize>(self, start: u64) -> Option<[u8; N]> {
        self.bytes(start, N).try_into().ok()
    }

    pub fn u64(self, start: u64) -> Option<u64> {
        self.array(start).map(u64::from_ne_bytes)
    }

    pub fn i32(self, start: u64) -> Option<i32> {
        self.array(start).map(i32::from_ne_bytes)
    }

    /// Numbers of 64 bits, if all of them can be read.
    pub fn u64s<const N: usize>(self, start: u64) -> Option<[u64; N]> {
        let bytes = self.bytes(start, 8 * N);
        let all: Vec<u64> = bytes.chunks_exact(8).map(number).collect();
        all.try_into().ok()
    }

    /// Numbers of 32 bits, likewise.
    pub fn i32s<const N: usize>(self, start: u64) -> Option<[i32; N]> {
        let bytes = self.bytes(start, 4 * N);
        let all: Vec<i32> = bytes
            .chunks_exact(4)
            .map(|four| number(four) as i32)
            .collect();
        all.try_into().ok()
    }

    /// A C string, cut off after `most` bytes.
    pub fn string(self, start: u64, most: usize) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        while text.len() < most {
            let at = start + text.len() as u64;
            // Up to the end of a page: the next may not be there.
            let length = (PAGE - at % PAGE).min((most - text.len()) as u64);
            let piece = self.bytes(at, length as usize);
            match piece.iter().position(|&byte| byte == 0) {
                Some(end) => {
                    text.extend_from_slice(&piece[..end]);
                    return Some(text);
                }
                None if piece.is_empty() => return None,
                None => text.extend(piece),
            }
        }
        Some(text)
    }

    /// The buffers of a scattered read or write, the first few.
    pub fn buffers(self, start: u64, count: u64) -> Vec<Buffer> {
        let count = count.min(MOST_BUFFERS) as usize;
        self.bytes(start, count * 16)
            .chunks_exact(16)
            .map(|pair| Buffer {
                start: number(&pair[..8]),
                length: number(&pair[8..]),
            })
            .collect()
    }

    /// The header of a message.
    pub fn header(self, start: u64) -> Option<Header> {
        let bytes: [u8; 56] = self.array(start)?;
        Some(Header {
            name: number(&bytes[..8]),
            name_length: number(&bytes[8..12]) as u32,
            buffers: number(&bytes[16..24]),
            count: number(&bytes[24..32]),
            control_length: number(&bytes[40..48]),
        })
    }

    /// The first `most` of `length` bytes which lie scattered in buffers.
    pub fn gather(self, buffers: &[Buffer], length: u64, most: usize) -> Vec<u8> {
        let mut found = Vec::new();
        let mut left = length.min(most as u64);
        for buffer in buffers {
            let piece = self.bytes(buffer.start, buffer.length.min(left) as usize);
            left -= piece.len() as u64;
            found.extend(piece);
        }
        found
    }
}

/// A number of the machine's byte order.
fn number(bytes: &[u8]) -> u64 {
    let mut all = [0; 8];
    if cfg!(target_endian = "little") {
        all[..bytes.len()].copy_from_slice(bytes);
    } else {
        all[8 - bytes.len()..].copy_from_slice(bytes);
    }
    u64::from_ne_bytes(all)
}
