//! Descriptors and bytes.

pub mod endianness;
pub mod file_copy;
