//! A machine on which allocators are measured.

use core::fmt;

use framekeeper::{Core, CpuLocal, PhysRange, slabs::DirectMap};
use wire::{Number, Parameters, Unit};

use crate::{Dice, machine::scaled};

/// What counts while a call runs.
pub trait Counter: Copy + Send + Sync {
    /// What it counts.
    fn unit(self) -> Unit;
    /// Has it count on the core this runs on.
    fn start(self);
    /// Where it is.
    fn read(self) -> u64;
    /// How much lies between two readings on one core.
    fn between(self, before: u64, after: u64) -> u64 {
        // Wrapping: a counter's distance is right also when it went over its end.
        after.wrapping_sub(before)
    }
}

/// Cores of one design, by the part number in MIDR_EL1 (Arm ARM D19.2.100); a host's is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind(pub u16);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#05x}", self.0)
    }
}

/// A machine with a counter, and memory for one allocator at a time.
pub trait Stand: Sync {
    /// Its cores, as allocators know them.
    type Cpu: CpuLocal + Copy + Send + Sync;
    /// Where its memory is mapped.
    type Map: DirectMap + Copy + Send + Sync;
    /// What is measured with.
    type Counter: Counter;

    /// The core this runs on. A function of no value: some allocators ask for it by a name that is linked.
    fn current() -> Core;
    /// Its cores, as allocators know them.
    fn cpu(&self) -> Self::Cpu;
    /// Where its memory is mapped.
    fn map(&self) -> Self::Map;
    /// What is measured with.
    fn counter(&self) -> Self::Counter;
    /// What each allocator has to hand out: one block of 2^n frames, aligned to its own size, that nobody else uses.
    fn memory(&self) -> PhysRange;
    /// How many cores there are. They are numbered from 0.
    fn cores(&self) -> u8;
    /// What kind one of them is.
    fn kind(&self, core: Core) -> Kind;
    /// Runs `task` once on each core, all at the same time, and waits until all are done.
    fn on_each(&self, task: &(dyn Fn(Core) + Sync));
    /// Runs `work` without an interrupt.
    fn undisturbed<R>(&self, work: impl FnOnce() -> R) -> R;
    /// What the run asks for.
    fn parameters(&self) -> Parameters;
    /// Reports a figure.
    fn report(&self, number: &Number<'_>);

    /// How often to do what is done `rounds` times in a run with the default budget; at least once.
    fn rounds(&self, rounds: u64) -> u64 {
        scaled(self.parameters(), rounds)
    }

    /// What a workload draws by lot; `salt` tells its uses apart. Every peer has the same.
    fn dice(&self, salt: u64) -> Dice {
        Dice::new(self.parameters().seed).split(salt)
    }
}
