//! This machine as a stand for benchmarks.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aarch64_cpu::registers::{MIDR_EL1, Readable};
use firmware::{
    cores::{self, CoreId},
    frames::{ThisMachine, frames},
    heap::Ram,
    interrupts, numbers,
};
use framekeeper::{Core, Order, Owner, PhysAddr, PhysRange, Request};
use suites::{
    Number, Parameters,
    bench::{Kind, Stand},
};

use crate::counter::Counter;

/// Whose the memory of the benchmarks is.
const BENCH: Owner = Owner::new(41);

/// 64 MiB: what each allocator has to hand out.
const ORDER: u8 = 14;

/// As many cores as there can be in a device tree that is read.
const MOST_CORES: usize = machine::MAX_CORES;

/// The machine, with memory for the allocators.
#[derive(Debug)]
pub(crate) struct Board {
    memory: PhysRange,
    counter: Counter,
    kinds: [AtomicU64; MOST_CORES],
}

impl Board {
    /// Takes memory, and asks each core what kind it is.
    pub(crate) fn take() -> Self {
        let order = Order::new(ORDER).unwrap();
        let start = frames().alloc(Request::order(order).owned_by(BENCH)).unwrap();
        let kinds = [const { AtomicU64::new(0) }; MOST_CORES];
        cores::on_each(&|core| {
            // Relaxed: read when all cores are done. The part number is in bits 15 to 4.
            kinds.get(core.index()).unwrap().store(MIDR_EL1.get() >> 4 & 0xfff, Relaxed);
        });
        let memory = PhysRange::new(start, PhysAddr(start.0 + order.bytes()));
        Self { memory, counter: Counter::best(), kinds }
    }
}

impl Stand for Board {
    type Cpu = ThisMachine;
    type Map = Ram;
    type Counter = Counter;

    #[inline]
    fn current() -> Core {
        Core::new(CoreId::current().number())
    }

    fn cpu(&self) -> ThisMachine {
        ThisMachine
    }

    fn map(&self) -> Ram {
        Ram
    }

    #[inline]
    fn counter(&self) -> Counter {
        self.counter
    }

    fn memory(&self) -> PhysRange {
        self.memory
    }

    fn cores(&self) -> u8 {
        cores::online() as u8
    }

    fn kind(&self, core: Core) -> Kind {
        Kind(self.kinds.get(core.index()).unwrap().load(Relaxed) as u16)
    }

    fn on_each(&self, task: &(dyn Fn(Core) + Sync)) {
        cores::on_each(&|core| task(Core::new(core.number())));
    }

    #[inline(always)]
    fn undisturbed<R>(&self, work: impl FnOnce() -> R) -> R {
        interrupts::without(work)
    }

    fn parameters(&self) -> Parameters {
        firmware::parameters()
    }

    fn report(&self, number: &Number<'_>) {
        numbers::send(number);
    }
}
