//! Calls through the standard library. What each writes is the end of its line.

use std::{
    io::{self, Write},
    thread,
};

struct Leaves;

impl Drop for Leaves {
    fn drop(&mut self) {
        say(b"drop");
    }
}

fn say(what: &[u8]) {
    io::stderr().write_all(what).unwrap(); // drop
}

fn main() {
    println!("println"); // println
    eprint!("eprint"); // eprint
    [1].iter().for_each(|_| io::stderr().write_all(b"closure").unwrap()); // closure
    thread::spawn(|| eprint!("thread")).join().unwrap(); // thread
    drop(Leaves);
    let _ = thread::spawn(|| panic!("here")).join(); // panicked
}
