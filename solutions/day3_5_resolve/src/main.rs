//! The reference: names to addresses with getaddrinfo, an address to its name with getnameinfo.
//!
//! Both are functions of the C library and no system calls. What is `unsafe` about them stays in
//! small functions: `look_up`, `text_of`, and those of `Addresses`.

use std::{
    env,
    error::Error,
    ffi::{CStr, CString, OsStr, OsString, c_char, c_int},
    fmt, io,
    io::Write,
    mem,
    os::unix::ffi::OsStrExt,
    process::ExitCode,
    ptr,
};

const USAGE: &str = "usage: day3_5_resolve [-n] NAME [SERVICE]\n       day3_5_resolve -x IP";

/// What is asked for.
enum Question {
    /// The addresses of a name. If it is numeric, both texts are numbers, and nothing is looked up.
    Addresses {
        name: CString,
        service: Option<CString>,
        numeric: bool,
    },
    /// The name of an address.
    Name { address: CString },
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let Some(question) = Question::of(&arguments) else {
        complain(USAGE);
        return ExitCode::from(2);
    };
    match answer(&question) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("day3_5_resolve: {error}"));
            ExitCode::from(1)
        }
    }
}

/// `eprintln!` panics when standard error cannot be written.
fn complain(what: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{what}");
}

impl Question {
    /// None if these arguments are wrong.
    fn of(arguments: &[OsString]) -> Option<Question> {
        let (option, rest) = match arguments {
            [first, rest @ ..] if first.as_bytes().starts_with(b"-") => (Some(first), rest),
            all => (None, all),
        };
        match (option.map(|option| option.as_bytes()), rest) {
            (Some(b"-x"), [address]) => Some(Question::Name {
                address: c_string(address)?,
            }),
            (None | Some(b"-n"), [name, service @ ..]) => {
                let service = match service {
                    [] => None,
                    [service] if is_possible(service) => Some(c_string(service)?),
                    _ => return None,
                };
                Some(Question::Addresses {
                    name: c_string(name)?,
                    service,
                    numeric: option.is_some(),
                })
            }
            _ => None,
        }
    }
}

/// An argument has no byte 0, so this never fails.
fn c_string(argument: &OsStr) -> Option<CString> {
    CString::new(argument.as_bytes()).ok()
}

/// Whether a service can exist: getaddrinfo takes 70000 for 4464, its lower 16 bits.
fn is_possible(service: &OsStr) -> bool {
    let digits = service.as_bytes();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return true;
    }
    // More digits than a u64 has room for are too large as well.
    let number: Option<u64> = str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok());
    number.is_some_and(|number| number <= u64::from(u16::MAX))
}

fn answer(question: &Question) -> Result<(), Box<dyn Error>> {
    match question {
        Question::Addresses {
            name,
            service,
            numeric,
        } => print_addresses(name, service.as_deref(), *numeric),
        Question::Name { address } => print_name(address),
    }
}

fn print_addresses(
    name: &CStr,
    service: Option<&CStr>,
    numeric: bool,
) -> Result<(), Box<dyn Error>> {
    let flags = match numeric {
        true => libc::AI_NUMERICHOST | libc::AI_NUMERICSERV,
        false => 0,
    };
    let addresses = look_up(name, service, flags).map_err(|error| error.about(name))?;
    let mut stdout = io::stdout();
    for address in addresses.iter() {
        let text = text_of(address, libc::NI_NUMERICHOST | libc::NI_NUMERICSERV)
            .map_err(|error| error.about(name))?;
        stdout.write_all(&[&text.host, &b" "[..], &text.service, b"\n"].concat())?;
    }
    Ok(stdout.flush()?)
}

fn print_name(address: &CStr) -> Result<(), Box<dyn Error>> {
    let found =
        look_up(address, None, libc::AI_NUMERICHOST).map_err(|error| error.about(address))?;
    let mut stdout = io::stdout();
    // An address stands for itself alone: the list has one element.
    for one in found.iter() {
        // Without NI_NAMEREQD an address that has no name is its own.
        let text = text_of(one, libc::NI_NUMERICSERV).map_err(|error| error.about(address))?;
        stdout.write_all(&[&text.host, &b"\n"[..]].concat())?;
    }
    Ok(stdout.flush()?)
}

/// Why getaddrinfo or getnameinfo has failed.
struct LookUpError(String);

impl LookUpError {
    /// From what the function has returned. Call it at once: another call may change errno.
    fn new(code: c_int) -> LookUpError {
        let errno = io::Error::last_os_error();
        // SAFETY: gai_strerror returns a string which lasts for ever, for any code.
        let words = unsafe { CStr::from_ptr(libc::gai_strerror(code)) };
        let words = words.to_string_lossy();
        LookUpError(match code {
            libc::EAI_SYSTEM => format!("{words}: {errno}"),
            // Here errno means nothing: it is left from something on the way.
            _ => words.into_owned(),
        })
    }

    /// The error as a user reads it: what was asked for, and what came of it.
    fn about(&self, question: &CStr) -> String {
        format!("{}: {self}", question.to_string_lossy())
    }
}

impl fmt::Display for LookUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A list of getaddrinfo, which is given back when this is dropped.
struct Addresses {
    first: *mut libc::addrinfo,
}

/// Asks getaddrinfo for the TCP addresses of a name, of both families.
fn look_up(name: &CStr, service: Option<&CStr>, flags: c_int) -> Result<Addresses, LookUpError> {
    // SAFETY: a struct of numbers and pointers; all of them may be zero, and getaddrinfo(3) wants the rest to be.
    let mut hints: libc::addrinfo = unsafe { mem::zeroed() };
    hints.ai_flags = flags;
    hints.ai_family = libc::AF_UNSPEC;
    // 0 would be all types: each address once for SOCK_STREAM, SOCK_DGRAM and SOCK_RAW.
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut first = ptr::null_mut();
    // SAFETY: both texts end with a zero byte, and all pointers are valid for the call. A null service is allowed.
    let code = unsafe {
        libc::getaddrinfo(
            name.as_ptr(),
            service.map_or(ptr::null(), CStr::as_ptr),
            &hints,
            &mut first,
        )
    };
    match code {
        0 => Ok(Addresses { first }),
        code => Err(LookUpError::new(code)),
    }
}

impl Addresses {
    /// In the order of the list, which is the order in which one should try them.
    fn iter(&self) -> impl Iterator<Item = &libc::addrinfo> {
        // SAFETY: each pointer is null or leads to an element, and all elements live as long as `self`.
        let mut next = unsafe { self.first.as_ref() };
        std::iter::from_fn(move || {
            let here = next?;
            // SAFETY: as above.
            next = unsafe { here.ai_next.as_ref() };
            Some(here)
        })
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        // SAFETY: the list came from getaddrinfo, and nothing that `iter` has lent is there any more.
        unsafe { libc::freeaddrinfo(self.first) }
    }
}

/// A host and a service, as getnameinfo writes them: names or numbers.
struct Text {
    host: Vec<u8>,
    service: Vec<u8>,
}

/// Asks getnameinfo for the text of an address.
fn text_of(address: &libc::addrinfo, flags: c_int) -> Result<Text, LookUpError> {
    // NI_MAXHOST and NI_MAXSERV of netdb.h: no name is longer.
    let mut host: [c_char; 1025] = [0; 1025];
    let mut service: [c_char; 32] = [0; 32];
    // SAFETY: getaddrinfo has made the address, with its length; both buffers have the lengths that are given.
    let code = unsafe {
        libc::getnameinfo(
            address.ai_addr,
            address.ai_addrlen,
            host.as_mut_ptr(),
            host.len() as libc::socklen_t,
            service.as_mut_ptr(),
            service.len() as libc::socklen_t,
            flags,
        )
    };
    match code {
        0 => Ok(Text {
            host: bytes(&host),
            service: bytes(&service),
        }),
        code => Err(LookUpError::new(code)),
    }
}

/// The bytes of a C string in a buffer, up to its zero byte.
fn bytes(text: &[c_char]) -> Vec<u8> {
    text.iter()
        .map(|&byte| byte as u8)
        .take_while(|&byte| byte != 0)
        .collect()
}
