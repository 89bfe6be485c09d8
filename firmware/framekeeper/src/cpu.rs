//! What the allocator asks of the machine it runs on: which core this is, to be left alone on it for a moment, and
//! whether memory may be handed out.

use core::fmt;

use crate::{addr::PhysRange, word::Owner};

/// A core, by a number that the kernel gives: the first is 0, and there is a cache for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Core(u8);

impl Core {
    /// The core with this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// As an index into the caches.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Memory that somebody wants of the zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// How many frames. A cache that is refilled for one of them may take a few more along.
    pub frames: u64,
    /// On which core; none where that cannot be pinned.
    pub core: Option<Core>,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames were refused", self.frames)?;
        match self.core {
            Some(core) => write!(f, " on core {}", core.number()),
            None => f.write_str(", where no core is pinned"),
        }
    }
}

/// Cores, as the kernel knows them.
///
/// The allocator stays memory safe with any implementation, unless it is to [watch](crate::Poisoned) free memory; one that
/// breaks the promises below loses frames or hands them out twice.
pub trait CpuLocal {
    /// Runs `work` while nothing else on this core can call the allocator, and tells it which core this is. A kernel
    /// masks interrupts for it, or, where no interrupt handler allocates, turns preemption off.
    ///
    /// `None` says that this cannot be promised here: in a handler that cannot be masked, or before the cores are
    /// numbered. Then no cache is used and no lock is waited for, so the allocator may be called from anywhere.
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R;

    /// Runs `work` once for each other core that may have a cache, while that core is held outside of
    /// [`pinned`](Self::pinned) and all it did there can be seen. This is how memory in other cores' caches is had when
    /// there is no other left. It is called outside of `pinned`.
    ///
    /// Returns whether it was done; it cannot be where waiting for other cores could go on for ever, as with interrupts
    /// masked.
    fn hold_others(&self, work: impl FnMut(Core)) -> bool {
        let _ = work;
        false
    }

    /// Whether memory may be handed out from the zones: a kernel's limit, or a test's reason for a call to fail.
    ///
    /// Each call that comes to the zones for memory asks once for all that it wants, in bulk once for each chunk: for
    /// frames, in every form, where this core's cache has none of that order, and so for what slabs and heaps are made of;
    /// for what a block is to gain; and for memory that is to be added. What comes from a cache, and what is given back, is
    /// not asked about.
    ///
    /// If not, the call fails with an error of its own that has `asked`, and nothing has changed: no cache is emptied to
    /// have the memory elsewhere.
    ///
    /// It is called inside of [`pinned`](Self::pinned), with none of the allocator's locks held, and must not call the
    /// allocator.
    #[inline]
    fn admits(&self, asked: &Asked) -> bool {
        let _ = asked;
        true
    }

    /// Told of all memory that becomes free, before anybody can be handed it: what the allocator begins with, what is added
    /// to it, and what is given back. A range may be empty.
    ///
    /// It is called inside of [`pinned`](Self::pinned) but for the beginning, also with locks of the allocator held, and
    /// must not call it.
    #[inline]
    fn freed(&self, range: PhysRange) {
        let _ = range;
    }

    /// Asked of a free block that is about to be handed out, as a whole or in part. It is called as [`freed`](Self::freed)
    /// is, and once for each block; of a call that fails it may be all that has changed.
    ///
    /// # Errors
    ///
    /// It must not be. Then all of it is this owner's from here on, as if he had asked for it, and another block is looked
    /// for.
    #[inline]
    fn usable(&self, block: PhysRange) -> Result<(), Owner> {
        let _ = block;
        Ok(())
    }
}

impl<C: CpuLocal> CpuLocal for &C {
    #[inline]
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        (**self).pinned(work)
    }

    fn hold_others(&self, work: impl FnMut(Core)) -> bool {
        (**self).hold_others(work)
    }

    #[inline]
    fn admits(&self, asked: &Asked) -> bool {
        (**self).admits(asked)
    }

    #[inline]
    fn freed(&self, range: PhysRange) {
        (**self).freed(range);
    }

    #[inline]
    fn usable(&self, block: PhysRange) -> Result<(), Owner> {
        (**self).usable(block)
    }
}

/// Machines that can fill memory with zeros.
pub trait Zero {
    /// Fills `range`, which the allocator has just handed out and nobody else knows of.
    fn zero(&self, range: PhysRange);
}

/// No caches: every call goes to the zones. For early boot, and for comparing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uncached;

impl CpuLocal for Uncached {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(None)
    }
}

/// A machine with one core, on which no handler allocates.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneCore;

impl CpuLocal for OneCore {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Core::new(0)))
    }

    fn hold_others(&self, _: impl FnMut(Core)) -> bool {
        true
    }
}
