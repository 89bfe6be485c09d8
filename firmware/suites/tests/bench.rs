//! Every benchmark once, at its smallest, so that none of them rots. What it says are times of threads, and nothing here
//! looks at how long they are.

#![expect(unsafe_code, reason = "says where memory is mapped")]

use framekeeper::{Core, CpuLocal, PhysAddr, PhysRange, slabs::DirectMap};
use std::{
    alloc::{Layout, alloc},
    cell::Cell,
    ptr::NonNull,
    sync::{LazyLock, Mutex, PoisonError},
    thread,
    time::Instant,
};
use suites::{
    Number, Parameters, Unit,
    bench::{Counter, Kind, Stand},
};

const CORES: u8 = 3;
const SIZE: u64 = 64 << 20;
/// Where the memory is said to lie.
const START: u64 = 0x8_8000_0000;

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

thread_local! {
    static CORE: Cell<u8> = const { Cell::new(0) };
}

#[derive(Clone, Copy)]
struct Threads;

impl CpuLocal for Threads {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Host::current()))
    }
}

#[derive(Clone, Copy)]
struct Mapped(NonNull<u8>);

// SAFETY: an address; what lies there is handed out by whoever has the memory.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

// SAFETY: the memory is in one piece, aligned to its size as the addresses are, and nobody else's.
unsafe impl DirectMap for Mapped {
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        let pointer = self.0.as_ptr().wrapping_add(address.0.wrapping_sub(START) as usize);
        NonNull::new(pointer).expect("the memory is not at 0")
    }

    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        let offset = pointer.as_ptr().addr().wrapping_sub(self.0.as_ptr().addr());
        PhysAddr(START.wrapping_add(offset as u64))
    }
}

#[derive(Clone, Copy)]
struct Clock;

impl Counter for Clock {
    fn unit(self) -> Unit {
        Unit::Nanoseconds
    }

    fn start(self) {}

    fn read(self) -> u64 {
        BEGAN.elapsed().as_nanos() as u64
    }
}

/// A figure, as text.
#[derive(Clone, Debug)]
struct Heard {
    name: String,
    peer: String,
    cores: u32,
    samples: u64,
}

struct Host {
    map: Mapped,
    size: u64,
    cores: u8,
    kinds: u16,
    heard: Mutex<Vec<Heard>>,
}

impl Host {
    /// A machine with so much memory, whose cores are of so many kinds.
    fn of(size: u64, kinds: u16) -> Self {
        let layout = Layout::from_size_align(size as usize, size as usize).expect("a power of two");
        // SAFETY: the size is not 0.
        let memory = NonNull::new(unsafe { alloc(layout) }).expect("memory");
        Self { map: Mapped(memory), size, cores: CORES, kinds, heard: Mutex::new(Vec::new()) }
    }

    fn heard(self) -> Vec<Heard> {
        self.heard.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stand for Host {
    type Cpu = Threads;
    type Map = Mapped;
    type Counter = Clock;

    fn current() -> Core {
        Core::new(CORE.get())
    }

    fn cpu(&self) -> Threads {
        Threads
    }

    fn map(&self) -> Mapped {
        self.map
    }

    fn counter(&self) -> Clock {
        Clock
    }

    fn memory(&self) -> PhysRange {
        PhysRange::new(PhysAddr(START), PhysAddr(START + self.size))
    }

    fn cores(&self) -> u8 {
        self.cores
    }

    fn kind(&self, core: Core) -> Kind {
        Kind(u16::from(core.number()) % self.kinds)
    }

    fn on_each(&self, task: &(dyn Fn(Core) + Sync)) {
        thread::scope(|scope| {
            for core in 0..self.cores {
                scope.spawn(move || {
                    CORE.set(core);
                    task(Core::new(core));
                });
            }
        });
    }

    fn undisturbed<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }

    /// As little as there can be.
    fn parameters(&self) -> Parameters {
        Parameters { budget_ms: 1, ..Parameters::default() }
    }

    fn report(&self, number: &Number<'_>) {
        let heard = match *number {
            Number::Spread { name, peer, cores, samples, p50, p99, p999, max, unit } => {
                assert_eq!(unit, Unit::Nanoseconds);
                assert!(p50 <= p99 && p99 <= p999 && p999 <= max, "{number:?}");
                Heard { name: name.into(), peer: peer.into(), cores, samples }
            }
            Number::Value { name, value, .. } => {
                Heard { name: name.into(), peer: String::new(), cores: 0, samples: value }
            }
            Number::Digest { .. } | Number::Point { .. } | Number::Map { .. } => {
                panic!("no benchmark says {number:?}")
            }
        };
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
    }
}

const OF_OBJECTS: [&str; 8] = [
    "framekeeper",
    "framekeeper, checks off",
    "buddy-slab",
    "talc",
    "rlsf",
    "linked_list",
    "buddy_system",
    "harness",
];
const OF_FRAMES: [&str; 4] = ["framekeeper", "buddy-slab", "buddy_system", "harness"];

/// Each operation was done equally often by each of the peers, and nobody was out of memory.
fn check(heard: &[Heard], peers: &[&str]) {
    let spreads: Vec<_> = heard.iter().filter(|heard| !heard.peer.is_empty()).collect();
    assert!(!spreads.is_empty());
    for first in spreads.iter().filter(|spread| spread.peer == peers[0]) {
        let alike =
            spreads.iter().filter(|spread| (&spread.name, spread.cores) == (&first.name, first.cores));
        let who: Vec<_> = alike.clone().map(|spread| spread.peer.as_str()).collect();
        assert_eq!(who, peers, "{}", first.name);
        alike.for_each(|spread| assert_eq!(spread.samples, first.samples, "{spread:?}"));
    }
    for heard in heard.iter().filter(|heard| heard.peer.is_empty()) {
        assert!(heard.name.starts_with("cores of kind"), "{heard:?}");
    }
}

/// `buddy-slab` has one state in a program.
static TURN: Mutex<()> = Mutex::new(());

fn run(benchmark: impl FnOnce(&Host), kinds: u16) -> Vec<Heard> {
    run_on(Host::of(SIZE, kinds), benchmark)
}

fn run_on(host: Host, benchmark: impl FnOnce(&Host)) -> Vec<Heard> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    benchmark(&host);
    host.heard()
}

macro_rules! tests {
    ($($group:ident { $($benchmark:ident,)* })*) => {
        $(mod $group {
            $(#[test]
            fn $benchmark() {
                let heard = super::run(suites::bench::$group::$benchmark, 1);
                let frames = heard.iter().any(|heard| heard.name.contains("frame") || heard.name.contains("orders"));
                super::check(&heard, if frames { &super::OF_FRAMES } else { &super::OF_OBJECTS });
            }
            )*
        })*
    };
}

suites::benchmarks!(tests);

#[test]
fn each_kind_of_core_has_figures_of_its_own() {
    let heard = run(suites::bench::frames::hot_pairs_of_one_frame, 2);
    let of = |name: &str| heard.iter().filter(|heard| heard.name == name).count();
    assert_eq!((of("hot, 1 frame on 0x000: alloc"), of("hot, 1 frame on 0x001: alloc")), (4, 4), "{heard:?}");
    let kinds: Vec<_> =
        heard.iter().filter(|heard| heard.peer.is_empty()).map(|heard| heard.samples).collect();
    assert_eq!(kinds, [2, 1], "cores 0 and 2 are of one kind");
}

#[test]
fn several_cores_are_two_four_and_all_as_far_as_they_are_there() {
    let heard = run(suites::bench::cores::hot_pairs_of_one_frame, 1);
    let counts = heard.iter().filter(|heard| heard.peer == "harness").map(|heard| heard.cores);
    assert_eq!(counts.collect::<Vec<_>>(), [2, 2, 3, 3]);
}

#[test]
fn who_runs_out_of_memory_is_named_with_how_often_that_was() {
    // As many frames as are taken: who has metadata among them has too few.
    let heard = run_on(Host::of(32 << 20, 1), suites::bench::frames::many_given_back_at_random);
    let failed = |heard: &&Heard| heard.name.ends_with("had no memory");
    let failures: Vec<_> =
        heard.iter().filter(failed).map(|heard| (heard.name.as_str(), heard.samples)).collect();
    assert_eq!(failures, [("bulk, 1 frame, at random: alloc: buddy-slab on 1 cores had no memory", 512)]);
    let done = heard.iter().filter(|heard| heard.name == "bulk, 1 frame, at random: alloc");
    let done: Vec<_> = done.map(|heard| heard.samples).collect();
    assert_eq!(done, [8192, 8192 - 512, 8192, 8192]);
}

#[test]
fn one_core_says_that_several_were_not_measured() {
    for benchmark in
        [suites::bench::cores::producer_and_consumer, suites::bench::cores::hot_pairs_of_one_frame]
    {
        let heard = run_on(Host { cores: 1, ..Host::of(SIZE, 1) }, benchmark);
        let said: Vec<_> = heard.iter().map(|heard| (heard.name.as_str(), heard.samples)).collect();
        assert_eq!(said, [("not measured: cores that it needs", 2)]);
    }
}
