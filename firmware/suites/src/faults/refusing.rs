//! A machine that refuses requests for memory by a plan.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use framekeeper::{Asked, Core, CpuLocal, Order, Owner, PhysRange, Zero};

use crate::{Dice, Machine, lent};

/// What an arena refuses.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// The request of this number, counted from 0.
    Nth(u64),
    /// One in so many, as the seed has it.
    Random {
        /// So many.
        one_in: u64,
        /// The seed.
        seed: u64,
    },
    /// What is for this order and more.
    From(Order),
    /// What handlers ask for.
    InHandlers,
    /// What this core asks for.
    On(Core),
}

impl Plan {
    fn refuses(self, asked: &Asked, number: u64) -> bool {
        match self {
            Self::Nth(refused) => number == refused,
            Self::Random { one_in, seed } => Dice::new(seed).split(number).one_in(one_in),
            Self::From(order) => asked.frames >= order.frames(),
            Self::InHandlers => asked.core.is_none_or(lent::is_handling),
            Self::On(core) => asked.core == Some(core),
        }
    }
}

/// A number for no request.
const NONE: u64 = u64::MAX;

/// The cores of a machine, where requests are refused by a plan. All of the counts are of their own: no other memory is
/// handed over by them.
#[derive(Debug)]
pub(super) struct Refusing<C> {
    cores: C,
    plan: Plan,
    /// The number of the next request; [`NONE`] where all are admitted.
    next: AtomicU64,
    /// How many were refused.
    refused: AtomicU64,
    /// How many frames were wanted of the last one that was refused.
    frames: AtomicU64,
    /// How often frames were to be filled with zeros.
    zeroed: AtomicU64,
}

impl<C> Refusing<C> {
    /// One that admits all until it is [told](Self::begin) to begin.
    pub(super) const fn new(cores: C, plan: Plan) -> Self {
        let [refused, frames, zeroed] = [const { AtomicU64::new(0) }; 3];
        Self { cores, plan, next: AtomicU64::new(NONE), refused, frames, zeroed }
    }

    /// Refuses by the plan from here on.
    pub(super) fn begin(&self) {
        self.next.store(0, Relaxed);
    }

    /// Admits all from here on; how many requests came while the plan held.
    pub(super) fn end(&self) -> u64 {
        self.next.swap(NONE, Relaxed)
    }

    /// How many requests were refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// How many frames were wanted of the last one.
    pub(super) fn refused_frames(&self) -> u64 {
        self.frames.load(Relaxed)
    }

    /// How often memory was filled with zeros.
    pub(super) fn zeroed(&self) -> u64 {
        self.zeroed.load(Relaxed)
    }
}

impl<C: CpuLocal> CpuLocal for Refusing<C> {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        self.cores.pinned(work)
    }

    fn hold_others(&self, work: impl FnMut(Core)) -> bool {
        self.cores.hold_others(work)
    }

    fn freed(&self, range: PhysRange) {
        self.cores.freed(range);
    }

    fn usable(&self, block: PhysRange) -> Result<(), Owner> {
        self.cores.usable(block)
    }

    fn admits(&self, asked: &Asked) -> bool {
        let following = |next: u64| (next != NONE).then(|| next.wrapping_add(1));
        let Ok(number) = self.next.fetch_update(Relaxed, Relaxed, following) else { return true };
        if !self.plan.refuses(asked, number) {
            return true;
        }
        self.refused.fetch_add(1, Relaxed);
        self.frames.store(asked.frames, Relaxed);
        false
    }
}

/// Counts, and fills nothing: who asks looks at the count, and not at memory.
impl<C> Zero for &Refusing<C> {
    fn zero(&self, _: PhysRange) {
        self.zeroed.fetch_add(1, Relaxed);
    }
}

/// The machine's own cores, where requests are refused.
pub(super) fn all_cores<M: Machine>(machine: &M, plan: Plan) -> Refusing<M::Cpu> {
    Refusing::new(machine.cpu(), plan)
}
