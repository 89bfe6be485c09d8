//! Framekeeper: slabs that check nothing, what costs little, or everything.
//!
//! The library has no `Slabs` yet: these rows are empty.

#![expect(unsafe_code, reason = "objects are taken back on the caller's word")]

use crate::{memory::Memory, object::Objects};
use std::alloc::Layout;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Hardening {
    Off,
    Standard,
    Paranoid,
}

/// There is none.
pub(crate) enum Slabs {}

impl Objects for Slabs {
    fn alloc(&self, _layout: Layout) -> *mut u8 {
        match *self {}
    }

    unsafe fn free(&self, _object: *mut u8, _layout: Layout) {
        match *self {}
    }
}

/// Measures nothing.
pub(crate) fn on_fresh<R: Default>(
    _memory: &mut Memory,
    _hardening: Hardening,
    _run: impl FnOnce(&Slabs) -> R,
) -> R {
    R::default()
}
