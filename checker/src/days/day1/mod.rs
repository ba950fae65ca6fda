//! Descriptors and bytes.

pub mod endianness;
