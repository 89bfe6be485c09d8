//! What the allocator asks of the machine it runs on: which core this is, and to be left alone on it for a moment.

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

/// Cores, as the kernel knows them.
///
/// The allocator stays memory safe with any implementation; one that breaks the promises below loses frames or hands
/// them out twice.
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
}

impl<C: CpuLocal> CpuLocal for &C {
    #[inline]
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        (**self).pinned(work)
    }

    fn hold_others(&self, work: impl FnMut(Core)) -> bool {
        (**self).hold_others(work)
    }
}

/// Machines that can fill memory with zeros.
pub trait Zero {
    /// Fills `range`, which the allocator has just handed out and nobody else knows of.
    fn zero(&self, range: crate::addr::PhysRange);
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
