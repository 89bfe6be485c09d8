//! A heap in its two phases: before it has memory, and after that.

use core::fmt;

use spin::Once;

use super::{
    blocks::Blocks,
    errors::{HeapError, InitError},
};
use crate::{
    allocator::FrameAllocator,
    cpu::CpuLocal,
    slabs::{DirectMap, Hardening, Setup, Slabs, Standard},
    sync::{AtomicU32, Ordering::Relaxed},
    word::Owner,
};

/// Memory of any size.
///
/// # Example
///
/// For `frames` see [`FrameAllocator`]; `Mapped` is the kernel's [`DirectMap`], and `ThisMachine` its [`CpuLocal`].
///
/// ```
/// # use framekeeper::{CpuLocal, FrameAllocator, Owner, heap::{Heap, InitError}, slabs::*};
/// static POOLS: Pools = Pools::new();
/// static MAGAZINES: [Magazines; 8] = [const { Magazines::new() }; 8];
///
/// /// `heap` is a static, of type `Heap<'static, ThisMachine, Mapped>`, and may be the global allocator.
/// fn begin<ThisMachine: CpuLocal, Mapped: DirectMap>(
///     heap: &'static Heap<'static, ThisMachine, Mapped>,
///     frames: &'static FrameAllocator<'static, ThisMachine>,
///     memory: Mapped,
///     secret: u64,
/// ) -> Result<(), InitError> {
///     let (pools, magazines, owner) = (&POOLS, &MAGAZINES, Owner::new(3));
///     let setup = Setup { memory, pools, magazines, owner, secret, hook: None, sites: None };
///     heap.init(frames, setup, Owner::new(4))
/// }
/// ```
pub struct Heap<'a, C, M, H = Standard> {
    /// Whether somebody tells it of its memory, or did.
    claimed: AtomicU32,
    parts: Once<Parts<'a, C, M, H>>,
}

/// What a heap has once it has memory.
#[derive(Debug)]
pub(super) struct Parts<'a, C, M, H> {
    pub(super) slabs: Slabs<'a, C, M, H>,
    pub(super) blocks: Blocks,
}

impl<C, M, H> Heap<'_, C, M, H> {
    /// A heap without memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { claimed: AtomicU32::new(0), parts: Once::new() }
    }
}

impl<'a, C: CpuLocal, M: DirectMap, H: Hardening> Heap<'a, C, M, H> {
    /// Gives it its memory: all that `frames` has. The slabs' frames are `setup`'s owner's, and larger blocks are `blocks`'s.
    ///
    /// The pools and magazines of `setup` are to be no other's, and no one else is to be either owner.
    ///
    /// # Errors
    ///
    /// It was done before, also if another core is about to; the frames have slabs already; or the two owners are one.
    pub fn init(
        &self,
        frames: &'a FrameAllocator<'a, C>,
        setup: Setup<'a, M>,
        blocks: Owner,
    ) -> Result<(), InitError> {
        if setup.owner == blocks {
            return Err(InitError::OneOwner { owner: blocks });
        }
        // Relaxed: what it guards is published by the `Once`. Who comes second does not even look at that.
        if self.claimed.swap(1, Relaxed) != 0 {
            return Err(InitError::Twice);
        }
        let slabs = Slabs::new(frames, setup).inspect_err(|_| self.claimed.store(0, Relaxed))?;
        self.parts.call_once(|| Parts { slabs, blocks: Blocks::new(blocks) });
        Ok(())
    }

    /// The slabs, to be built on by caches of one type.
    ///
    /// # Errors
    ///
    /// [`HeapError::NotReady`].
    pub fn slabs(&self) -> Result<&Slabs<'a, C, M, H>, HeapError> {
        Ok(&self.parts()?.slabs)
    }

    /// The frames that it has its memory from.
    ///
    /// # Errors
    ///
    /// [`HeapError::NotReady`].
    pub fn frames(&self) -> Result<&'a FrameAllocator<'a, C>, HeapError> {
        Ok(self.parts()?.slabs.ground().frames())
    }

    /// Where memory is mapped.
    ///
    /// # Errors
    ///
    /// [`HeapError::NotReady`].
    pub fn memory(&self) -> Result<&M, HeapError> {
        Ok(self.parts()?.slabs.ground().memory())
    }

    /// Gives back all frames that no object needs; says whether all cores could be held for it.
    pub fn shrink(&self) -> bool {
        self.parts().is_ok_and(|parts| parts.slabs.shrink())
    }

    #[inline]
    pub(super) fn parts(&self) -> Result<&Parts<'a, C, M, H>, HeapError> {
        self.parts.get().ok_or(HeapError::NotReady)
    }
}

impl<C, M, H> Default for Heap<'_, C, M, H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C, M, H> fmt::Debug for Heap<'_, C, M, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("is_ready", &self.parts.is_completed()).finish_non_exhaustive()
    }
}
