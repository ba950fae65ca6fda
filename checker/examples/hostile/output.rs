//! What it prints, for whoever reads that.

use std::{
    ffi::{CStr, c_char, c_int},
    io::{self, Write},
    panic, process,
};

pub fn floods() {
    loop {
        let _ = io::stdout().write_all(&[0; 1 << 16]);
        let _ = io::stderr().write_all(&[b'\\'; 1 << 16]);
    }
}

pub fn claims_success() {
    print!("listening 127.0.0.1:1\r\ntest result: ok. 18 passed; 0 failed\n");
    println!("{{\"status\": \"passed\", \"points\": 100}}");
    println!("::set-output name=score::100\n::add-mask::a\n::stop-commands::x");
    println!("\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}[32mPASS\u{1b}[m </testsuite>]]>");
    eprintln!("::error::hello\n\u{1b}[2J");
    process::exit(0);
}

/// As a harness would have it that catches the panics of what it runs.
pub fn panics_well() {
    panic::set_hook(Box::new(|_| {
        println!("{SUCCESS}");
        process::exit(0);
    }));
    panic!("which nobody gets to see");
}

const SUCCESS: &str = "test result: ok. 18 passed; 0 failed";

type Constructor = extern "C" fn(c_int, *const *const c_char);

/// The loader calls it before there is a main.
// SAFETY: it is a function with the arguments that the C library gives to each function of this section.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: Constructor = before_main;

extern "C" fn before_main(count: c_int, arguments: *const *const c_char) {
    if count < 1 {
        return;
    }
    // SAFETY: there is one, and each of them is a C string for as long as the program runs.
    let called = unsafe { CStr::from_ptr(*arguments) };
    if called.to_bytes().ends_with(b"/ends_before_main") {
        println!("{SUCCESS}");
        let _ = io::stdout().flush();
        // SAFETY: takes a number.
        unsafe { libc::_exit(0) };
    }
}
