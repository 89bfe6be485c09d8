//! Numbers in a blob: big-endian, at any alignment, and perhaps not there.

#![deny(clippy::arithmetic_side_effects)]

/// The cell at `offset`.
pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|cell| u32::from_be_bytes(*cell))
}

/// The two cells at `offset` as one number.
pub(super) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|cells| u64::from_be_bytes(*cells))
}

/// One or two cells, and nothing else, as a number.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    match bytes.len() {
        4 => u32_at(bytes, 0).map(u64::from),
        8 => u64_at(bytes, 0),
        _ => None,
    }
}

/// The bytes up to the first zero, if there is one.
pub(super) fn until_zero(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(..bytes.iter().position(|&byte| byte == 0)?)
}
