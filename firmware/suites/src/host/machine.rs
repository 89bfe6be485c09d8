//! The machine itself.

use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};
use std::{
    boxed::Box,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Instant,
    vec::Vec,
};

use framekeeper::{
    Core, CoreCache, FrameAllocator, MapLayout, Owner, PhysAddr, PhysRange, Storage,
    heap::Heap,
    slabs::{Magazines, Pools, Setup},
};
use wire::{Number, Parameters};

use super::{
    Mapped, Threads,
    cores::{as_core, handle_with, off_core},
    tree,
};
use crate::{Machine, Regions, machine::TRIALS};

/// Its cores.
pub(super) const CORES: u8 = 4;

/// How often a host tries what a board tries [`TRIALS`] times.
const HOSTS_TRIALS: u64 = 10_000;

const SLABS: Owner = Owner::new(3);
const BLOCKS: Owner = Owner::new(4);

pub(super) static HEAP: Heap<'static, Threads, Mapped> = Heap::new();
static POOLS: Pools = Pools::new();
static MAGAZINES: [Magazines; CORES as usize] = [const { Magazines::new() }; CORES as usize];
static CACHES: [CoreCache; CORES as usize] = [const { CoreCache::new() }; CORES as usize];
static MACHINE: OnceLock<HostMachine> = OnceLock::new();

/// A host's machine.
#[derive(Debug)]
pub struct HostMachine {
    frames: &'static FrameAllocator<'static, Threads>,
    ram: Regions,
    free: Regions,
    cpu: Threads,
    map: Mapped,
    parameters: Mutex<Parameters>,
    voice: fn(fmt::Arguments<'_>),
    began: Instant,
    /// Cores that are off, a bit each.
    off: AtomicU64,
    trials: AtomicU64,
    /// What scenarios reported, by name.
    digests: Mutex<Vec<(Box<str>, u64)>>,
    values: Mutex<Vec<(Box<str>, u64)>>,
}

/// Whether memory there may be the heap's.
pub(super) fn is_free_ram(address: PhysAddr) -> bool {
    MACHINE.get().is_some_and(|machine| machine.free.contains(address))
}

/// The process's machine, made when it is first asked for. What scenarios say goes to the first one's `voice`.
///
/// # Panics
///
/// The host gives no memory for it.
pub fn start(voice: fn(fmt::Arguments<'_>)) -> &'static HostMachine {
    MACHINE.get_or_init(|| {
        let (ram, free) = tree::read();
        let map = Mapped::map(&ram, &free);
        let cpu = Threads::new(CORES, map);
        let frames = match FrameAllocator::new(&ram, &free, storage(&ram), &CACHES, cpu) {
            Ok(frames) => &*Box::leak(Box::new(frames)),
            Err(error) => panic!("the frame map: {error}"),
        };
        let setup = Setup {
            memory: map,
            pools: &POOLS,
            magazines: &MAGAZINES,
            owner: SLABS,
            secret: 0x5eed,
            hook: None,
            sites: None,
        };
        if let Err(error) = HEAP.init(frames, setup, BLOCKS) {
            panic!("the heap: {error}");
        }
        let (parameters, digests, values) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (began, off, trials) = (Instant::now(), AtomicU64::new(0), AtomicU64::new(HOSTS_TRIALS));
        HostMachine { frames, ram, free, cpu, map, parameters, voice, began, off, trials, digests, values }
    })
}

/// Memory for the map, which is never given back.
fn storage(ram: &Regions) -> Storage<'static> {
    use core::sync::atomic::{AtomicU32, AtomicU64};
    let needs = match MapLayout::of(ram) {
        Ok(layout) => layout.needs(),
        Err(error) => panic!("the frame map: {error}"),
    };
    let words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(u32::MAX)).collect();
    let index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(u64::MAX)).collect();
    Storage { words: Vec::leak(words), index: Vec::leak(index) }
}

impl HostMachine {
    /// Runs a scenario as the machine's first core, as these parameters have it.
    pub fn run(&self, parameters: Parameters, name: &str, scenario: impl FnOnce(&Self)) {
        *locked(&self.parameters) = parameters;
        locked(&self.digests).clear();
        as_core(Core::new(0), || crate::perform(self, name, scenario));
    }

    /// From here on it tries everything as often as a board does.
    pub(super) fn try_as_a_board(&self) {
        self.trials.store(TRIALS, SeqCst);
    }

    /// The digest that the scenario of this name reported when it was last run.
    pub fn digest(&self, scenario: &str) -> Option<u64> {
        let digests = locked(&self.digests);
        digests.iter().rev().find(|(name, _)| **name == *scenario).map(|(_, value)| *value)
    }

    /// The values that scenarios reported.
    pub fn values(&self) -> Vec<(Box<str>, u64)> {
        locked(&self.values).clone()
    }

    fn is_on(&self, core: u8) -> bool {
        self.off.load(SeqCst) >> core & 1 == 0
    }
}

impl Machine for HostMachine {
    type Cpu = Threads;
    type Map = Mapped;

    fn here() -> &'static Self {
        match MACHINE.get() {
            Some(machine) => machine,
            None => panic!("there is no machine yet"),
        }
    }

    fn cpu(&self) -> Threads {
        self.cpu
    }

    fn frames(&self) -> &'static FrameAllocator<'static, Threads> {
        self.frames
    }

    fn heap(&self) -> &'static Heap<'static, Threads, Mapped> {
        &HEAP
    }

    fn map(&self) -> Mapped {
        self.map
    }

    fn ram(&self) -> &Regions {
        &self.ram
    }

    fn free_ram(&self) -> &Regions {
        &self.free
    }

    fn occupied(&self) -> impl Iterator<Item = PhysRange> {
        tree::occupied()
    }

    fn own(&self) -> &[Owner] {
        &[]
    }

    fn cores(&self) -> u8 {
        (0..CORES).filter(|&core| self.is_on(core)).count() as u8
    }

    fn on_each(&self, task: &(dyn Fn(Core) + Sync)) {
        off_core(|| {
            // Before any of them begins, who may switch others on.
            let on: Vec<_> = (0..CORES).filter(|&core| self.is_on(core)).map(Core::new).collect();
            thread::scope(|scope| {
                for core in on {
                    scope.spawn(move || as_core(core, || task(core)));
                }
            });
        });
    }

    fn switch_off(&self, core: Core) {
        self.off.fetch_or(1 << core.number(), SeqCst);
    }

    fn switch_on(&self, core: Core) {
        self.off.fetch_and(!(1 << core.number()), SeqCst);
    }

    fn interrupt(&self, _hz: u64, handler: &'static fn()) {
        handle_with(Some(handler));
    }

    fn interrupt_no_more(&self) {
        handle_with(None);
    }

    fn trials(&self) -> u64 {
        self.rounds(self.trials.load(SeqCst))
    }

    fn nanoseconds(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    fn parameters(&self) -> Parameters {
        *locked(&self.parameters)
    }

    fn log(&self, text: fmt::Arguments<'_>) {
        off_core(|| (self.voice)(text));
    }

    fn report(&self, number: &Number<'_>) {
        off_core(|| {
            let kept = match number {
                Number::Digest { scenario, value } => Some((&self.digests, scenario, value)),
                Number::Value { name, value, .. } => Some((&self.values, name, value)),
                Number::Spread { .. } | Number::Point { .. } => None,
                Number::Map { .. } => return,
            };
            (self.voice)(format_args!("{number:?}"));
            if let Some((list, name, value)) = kept {
                locked(list).push(((*name).into(), *value));
            }
        });
    }
}

/// A lock that a scenario which panicked may have left.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
