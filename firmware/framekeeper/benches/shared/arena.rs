//! Real memory for the allocators: the same for every turn, so nobody pays for the first touch of a page in a
//! measurement.

/// Bytes in a frame.
pub(crate) const FRAME: u64 = 4096;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

/// The arena's alignment: no peer needs more for blocks of up to 4 MiB.
pub(crate) const ALIGNMENT: u64 = 4 * MIB;

/// Memory of which only what is written to takes up any.
#[derive(Debug)]
pub(crate) struct Arena(Vec<u8>);

impl Arena {
    /// At least so many bytes.
    pub(crate) fn new(size: u64) -> Self {
        Self(vec![0; (size + ALIGNMENT) as usize])
    }

    /// All of it from the first multiple of [`ALIGNMENT`] on.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        let skipped = self.0.as_ptr().align_offset(ALIGNMENT as usize);
        &mut self.0[skipped..]
    }
}
