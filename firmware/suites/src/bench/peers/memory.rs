//! The memory that peers take turns on.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | one peer has the memory at a time | a peer is gone when its function returns, and `on` is called once in each | reading |

#![expect(unsafe_code, reason = "memory is cleared between turns")]

use core::ptr::NonNull;

use framekeeper::{FRAME_SIZE, PhysRange, slabs::DirectMap};

use super::super::Stand;

/// Where it starts, and how large it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) start: NonNull<u8>,
    pub(super) size: usize,
}

/// The stand's memory, with nothing in it that the peer before knew frames by.
pub(super) fn fresh<S: Stand>(stand: &S) -> Memory {
    let range: PhysRange = stand.memory();
    let memory = Memory { start: stand.map().pointer(range.start()), size: range.size() as usize };
    for offset in (0..memory.size).step_by(FRAME_SIZE as usize) {
        let first = memory.start.as_ptr().wrapping_add(offset).cast::<u64>();
        // SAFETY: inside of the stand's memory, which no peer has now, and aligned to a frame.
        unsafe { first.write(0) };
    }
    memory
}
