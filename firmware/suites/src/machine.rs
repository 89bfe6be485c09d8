//! What a scenario is given.

use core::fmt;

use framekeeper::{
    Core, CpuLocal, FrameAllocator, Owner, PhysRange, RegionSet, Zero, heap::Heap, slabs::DirectMap,
};
use wire::{DEFAULT_BUDGET_MS, Number, Parameters};

/// How often something is tried that is to be so each time, in a run with the default budget.
pub(crate) const TRIALS: u64 = 200;

/// Memory of a machine.
pub type Regions = RegionSet<128>;

/// A machine with its allocators, all of whose memory is free when a scenario begins.
///
/// There is one in a program, and it lives for ever.
pub trait Machine: Sync + 'static {
    /// Its cores, as the allocators know them.
    type Cpu: CpuLocal + Zero + Copy + Sync;
    /// Where its RAM is mapped.
    type Map: DirectMap + Copy + Send + Sync + fmt::Debug;

    /// The machine: what handlers of interrupts begin with.
    fn here() -> &'static Self;

    /// Its cores.
    fn cpu(&self) -> Self::Cpu;
    /// The allocator of all of its RAM.
    fn frames(&self) -> &'static FrameAllocator<'static, Self::Cpu>;
    /// Its heap, which is also what `alloc`'s collections have their memory from.
    fn heap(&self) -> &'static Heap<'static, Self::Cpu, Self::Map>;
    /// Where RAM that was handed out is mapped.
    fn map(&self) -> Self::Map;
    /// All RAM.
    fn ram(&self) -> &Regions;
    /// RAM that the allocator was given.
    fn free_ram(&self) -> &Regions;
    /// Ranges of which no frame may be handed out, whatever the library makes of the device tree: the program, the device
    /// tree itself, devices, what is reserved.
    fn occupied(&self) -> impl Iterator<Item = PhysRange>;
    /// Whose frames the machine has itself, tables and stacks; its heap apart.
    fn own(&self) -> &[Owner];

    /// How many cores are up. They are numbered from 0, which is the one that a scenario begins on.
    fn cores(&self) -> u8;
    /// Runs `task` once on each core that is up, all at the same time, and waits until all are done.
    fn on_each(&self, task: &(dyn Fn(Core) + Sync));
    /// Switches a core off that has nothing to do.
    ///
    /// # Panics
    ///
    /// It does not go off.
    fn switch_off(&self, core: Core);
    /// Switches it on again.
    ///
    /// # Panics
    ///
    /// It does not come up.
    fn switch_on(&self, core: Core);
    /// Interrupts each core about so many times a second, and calls `handler` there each time.
    fn interrupt(&self, hz: u64, handler: &'static fn());
    /// Interrupts nobody any more.
    fn interrupt_no_more(&self);

    /// Time since some moment.
    fn nanoseconds(&self) -> u64;
    /// What the run asks for.
    fn parameters(&self) -> Parameters;
    /// Says something to whoever watches.
    fn log(&self, text: fmt::Arguments<'_>);
    /// Reports a figure.
    fn report(&self, number: &Number<'_>);

    /// How often to do what is done `rounds` times in a run with the default budget; at least once.
    fn rounds(&self, rounds: u64) -> u64 {
        scaled(self.parameters(), rounds)
    }

    /// How often something is tried that is to be so each time. A machine with more time to spare tries more often.
    fn trials(&self) -> u64 {
        self.rounds(TRIALS)
    }

    /// What a scenario draws by lot; `salt` tells its uses apart, such as cores.
    fn dice(&self, salt: u64) -> crate::Dice {
        crate::Dice::new(self.parameters().seed).split(salt)
    }
}

/// How often to do with these parameters what is done `rounds` times with the default budget; at least once.
pub(crate) fn scaled(parameters: Parameters, rounds: u64) -> u64 {
    // 128 bits: neither factor has a bound.
    let scaled = u128::from(rounds) * u128::from(parameters.budget_ms);
    u64::try_from(scaled / u128::from(DEFAULT_BUDGET_MS)).unwrap_or(u64::MAX).max(1)
}
