//! What errors are called in ArceOS; and adding memory, which pages and bytes do alike.

use core::ptr::NonNull;

use ax_allocator::{AllocError, AllocResult};

use crate::{
    addr::PhysRange,
    allocator::FrameAllocator,
    cpu::CpuLocal,
    errors::AddError,
    heap::HeapError,
    map::State,
    slabs::{DirectMap, Misuse},
};

/// Why memory could not be had.
pub(super) const fn refused(error: &HeapError) -> AllocError {
    match error {
        HeapError::NotReady => AllocError::NoMemory,
        HeapError::TooLarge { .. } | HeapError::Misaligned { .. } => AllocError::InvalidParam,
        HeapError::NoMemory(error) => no_frames(error),
    }
}

/// Why frames could not be had.
pub(super) const fn no_frames(error: &crate::AllocError) -> AllocError {
    match error {
        crate::AllocError::BadSize { .. } | crate::AllocError::Misaligned { .. } => AllocError::InvalidParam,
        crate::AllocError::OutOfMemory(_)
        | crate::AllocError::NotFree { .. }
        | crate::AllocError::Busy
        | crate::AllocError::Refused(_) => AllocError::NoMemory,
    }
}

/// Why memory was not taken back.
pub(super) const fn misused(misuse: &Misuse) -> AllocError {
    match misuse {
        Misuse::Foreign { .. } | Misuse::DoubleFree { .. } => AllocError::NotAllocated,
        _ => AllocError::InvalidParam,
    }
}

/// Adds `size` bytes of RAM that are mapped from `start` on.
pub(super) fn add<C: CpuLocal>(
    frames: &FrameAllocator<'_, C>,
    memory: &impl DirectMap,
    start: usize,
    size: usize,
) -> AllocResult {
    let range = NonNull::new(core::ptr::without_provenance_mut(start))
        .and_then(|start| PhysRange::from_size(memory.address(start), size as u64))
        .filter(|range| !range.round_inward().is_empty())
        .ok_or(AllocError::InvalidParam)?;
    match frames.add(range) {
        Ok(_) => Ok(()),
        Err(AddError::NotReserved { found: State::Hole | State::Damaged { .. }, .. }) => {
            Err(AllocError::InvalidParam)
        }
        Err(AddError::NotReserved { .. }) => Err(AllocError::MemoryOverlap),
        Err(AddError::Busy | AddError::Refused(_)) => Err(AllocError::NoMemory),
    }
}
