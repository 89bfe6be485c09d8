//! Memory for the allocators.

use crate::arena::{Arena, GIB, MIB};
use std::ptr::NonNull;

/// What an allocator may hand out.
pub(crate) const SIZE: u64 = GIB;

/// What an allocator with its metadata in the memory may use for that.
pub(crate) const METADATA: u64 = 8 * MIB;

#[derive(Debug)]
pub(crate) struct Memory(Arena);

impl Memory {
    pub(crate) fn new() -> Self {
        Self(Arena::new(SIZE + METADATA))
    }

    /// All of it, as the turn before left it.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        self.0.bytes()
    }

    /// The first of [`SIZE`] bytes.
    pub(crate) fn start(&mut self) -> NonNull<u8> {
        NonNull::from_mut(self.bytes()).cast()
    }
}
