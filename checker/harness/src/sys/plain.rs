//! Structures of the kernel as the bytes that they are.

use std::{mem::MaybeUninit, ptr, slice};

/// A structure that can be read from any bytes.
///
/// # Safety
///
/// It is `repr(C)` or an integer, and any bytes are a value of it: integers, arrays and structures of such.
pub unsafe trait Plain: Copy {}

/// A structure whose bytes can be read.
///
/// # Safety
///
/// As for [`Plain`], and without padding, whose bytes could not be read.
pub unsafe trait Packed: Plain {}

/// Declares types as [`Packed`]. To use it is to say that there is no gap between their fields.
macro_rules! packed {
    ($($kind:ty)*) => { $(
        // SAFETY: plain integers and arrays of such, which follow each other without a gap.
        unsafe impl $crate::sys::plain::Plain for $kind {}
        // SAFETY: as above.
        unsafe impl $crate::sys::plain::Packed for $kind {}
    )* };
}
pub(crate) use packed;

// SAFETY: plain integers.
#[cfg(target_arch = "aarch64")]
unsafe impl Plain for libc::user_regs_struct {}
packed! { i32 u32 libc::timeval libc::sockaddr_in libc::sockaddr_in6 }

/// All zeros.
pub fn zeroed<T: Plain>() -> T {
    // SAFETY: any bytes are a T.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// The bytes of a value as they lie in memory.
pub fn bytes_of<T: Packed>(value: &T) -> &[u8] {
    // SAFETY: the bytes of a value that lives as long as the slice, and all of them are initialised.
    unsafe { slice::from_raw_parts(ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// The value with which these bytes begin. `None` if there are too few.
pub fn read<T: Plain>(bytes: &[u8]) -> Option<T> {
    let is_whole = bytes.len() >= size_of::<T>();
    // SAFETY: as many bytes are there, and any bytes are a T; they need not be aligned.
    is_whole.then(|| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}
