//! On which descriptors a sleeping thread waits, and for what: by the call in which it sleeps, or by the set which that call
//! watches.

use std::{fs::File, os::unix::fs::FileExt};

use super::{
    calls::{Call, Watched},
    descriptors::{self, Object},
    processes::{Thread, read_text},
};

/// What a thread waits for on a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Data, the end of it, or a client.
    Data,
    /// Room for more, or the end of a connect.
    Room,
}

impl Event {
    /// The bits of poll(2), which are those of epoll(7), too.
    fn bits(self) -> u32 {
        let bits = match self {
            Event::Data => libc::POLLIN | libc::POLLRDNORM | libc::POLLRDHUP,
            Event::Room => libc::POLLOUT | libc::POLLWRNORM,
        };
        bits as u32
    }
}

/// More descriptors than this in one set are not looked at.
const MOST: u64 = 4096;
/// An epoll set may be in another one (epoll(7)).
const DEEPEST: u32 = 4;

impl Thread {
    /// Whether it sleeps until this comes on a descriptor that is meant. Where the machine does not show what it waits
    /// for, the answer is yes.
    pub fn awaits(&self, event: Event, is_meant: impl Fn(i32) -> bool) -> bool {
        if self.state != 'S' {
            return false;
        }
        let Some(sleep) = &self.sleep else {
            return self.hides_its_call;
        };
        match (sleep.call, sleep.watched) {
            (Some(Call::Poll), Some(watched)) => watched_for(self.tid, watched, event)
                .is_none_or(|set| set.into_iter().any(is_meant)),
            (Some(call), _) => {
                let is_its_event = match call {
                    // A call which copies waits for data at one end, and for room at the other.
                    _ if sleep.second.is_some() => true,
                    Call::Read | Call::Accept => event == Event::Data,
                    Call::Write | Call::Connect => event == Event::Room,
                    _ => false,
                };
                let ends = [sleep.descriptor, sleep.second];
                is_its_event && ends.into_iter().flatten().any(is_meant)
            }
            (None, _) => false,
        }
    }
}

/// Whether a call watches for room only, and a socket for datagrams has some: then it does not sleep. False where that is
/// not shown. (A stream may have got its room just now: by a reader, or by the end of its connect.)
pub fn finds_room(tid: i32, watched: Watched) -> bool {
    let waits_for = |event| watched_for(tid, watched, event);
    let (data, room) = (waits_for(Event::Data), waits_for(Event::Room));
    let only_room = room.filter(|_| data.is_some_and(|data| data.is_empty()));
    let is_ready = |&number: &i32| {
        descriptors::keeps_messages_apart(tid, number) && descriptors::has_room(tid, number)
    };
    only_room.is_some_and(|room| room.iter().any(is_ready))
}

/// The descriptors which a call watches for an event. `None` if that is not shown.
fn watched_for(tid: i32, watched: Watched, event: Event) -> Option<Vec<i32>> {
    match watched {
        Watched::Array { start, count } => {
            const SIZE: u64 = size_of::<libc::pollfd>() as u64;
            let bytes = memory(tid, start, SIZE * count.min(MOST))?;
            let entries = bytes.as_chunks::<{ SIZE as usize }>().0.iter();
            // A descriptor, what it is watched for, and what has come.
            let fields = entries.map(|&[a, b, c, d, e, f, _, _]| {
                (i32::from_ne_bytes([a, b, c, d]), u16::from_ne_bytes([e, f]))
            });
            let is_awaited = |&(_, events): &(i32, u16)| u32::from(events) & event.bits() != 0;
            Some(
                fields
                    .filter(is_awaited)
                    .map(|(number, _)| number)
                    .collect(),
            )
        }
        Watched::Sets { count, read, write } => {
            let start = match event {
                Event::Data => read,
                Event::Room => write,
            };
            if start == 0 {
                return Some(Vec::new());
            }
            let count = count.min(MOST);
            let bytes = memory(tid, start, count.div_ceil(64) * 8)?;
            let words: Vec<u64> = bytes
                .as_chunks()
                .0
                .iter()
                .map(|word| u64::from_ne_bytes(*word))
                .collect();
            let is_in = |&number: &i32| words[number as usize / 64] >> (number % 64) & 1 == 1;
            Some((0..count as i32).filter(is_in).collect())
        }
        Watched::Epoll(set) => in_epoll(tid, set, event, DEEPEST),
    }
}

/// The descriptors in an epoll set which are watched for an event, also those in sets within it.
fn in_epoll(tid: i32, set: i32, event: Event, depth: u32) -> Option<Vec<i32>> {
    let info = read_text(&format!("/proc/{tid}/fdinfo/{set}"))?;
    let mut found = Vec::new();
    for line in info.lines().filter(|line| line.starts_with("tfd:")) {
        let mut words = line.split_whitespace();
        let number = words.nth(1)?.parse().ok()?;
        let events = u32::from_str_radix(words.nth(1)?, 16).ok()?;
        let object = descriptors::object(tid, number);
        let is_set = matches!(object, Some(Object::Other(name)) if name.contains("[eventpoll]"));
        if depth > 0 && is_set {
            found.extend(in_epoll(tid, number, event, depth - 1)?);
        } else if events & event.bits() != 0 {
            found.push(number);
        }
    }
    Some(found)
}

/// Bytes of a thread's memory, all or none.
fn memory(tid: i32, start: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    let file = File::open(format!("/proc/{tid}/mem")).ok()?;
    file.read_exact_at(&mut bytes, start).ok()?;
    Some(bytes)
}
