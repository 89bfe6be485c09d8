//! A heap as the allocator of a whole program: what runs on cores, which are threads here, has all its memory from it.
//!
//! Other threads, of which the test harness is one, have theirs from the system: a kernel has no such.

#![expect(unsafe_code, reason = "a global allocator is unsafe to write")]

#[path = "../frames/ground.rs"]
#[expect(dead_code, reason = "of what another suite stands on, part is needed here")]
mod ground;
#[path = "../slabs/machine.rs"]
#[expect(dead_code, reason = "as above")]
mod machine;

use framekeeper::{
    CoreCache, FrameAllocator, Owner,
    heap::Heap,
    slabs::{DirectMap, Magazines, Pools, Setup},
};
use ground::{MIB, Memory, Ram, ram};
use machine::{Mapped, START, cores};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    collections::{BTreeMap, HashMap},
    ptr::NonNull,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread_local,
};

const CORES: u8 = 4;
const MIBS: u64 = 64;

static HEAP: Heap<'static, cores::Cores, &Mapped> = Heap::new();
static POOLS: Pools = Pools::new();
static MAGAZINES: [Magazines; CORES as usize] = [const { Magazines::new() }; CORES as usize];
static CACHES: [CoreCache; CORES as usize] = [const { CoreCache::new() }; CORES as usize];

/// What is not on a core has the system's memory.
struct ByPlace;

thread_local! {
    static IS_CORE: Cell<bool> = const { Cell::new(false) };
}

static CALLS: AtomicU64 = AtomicU64::new(0);

fn ram_of(mib: u64) -> Ram {
    ram(&[(START, START + mib * MIB)])
}

fn is_heaps(memory: *mut u8) -> bool {
    let start = HEAP.memory().ok().zip(NonNull::new(memory)).map(|(map, memory)| map.address(memory));
    start.is_some_and(|start| ram_of(MIBS).contains(start))
}

// SAFETY: each piece of memory is the heap's or the system's, which its address tells; both keep what is asked for.
unsafe impl GlobalAlloc for ByPlace {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_CORE.with(Cell::get) {
            CALLS.fetch_add(1, Relaxed);
            // SAFETY: as the caller promises.
            unsafe { GlobalAlloc::alloc(&HEAP, layout) }
        } else {
            // SAFETY: as above.
            unsafe { System.alloc(layout) }
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if is_heaps(memory) {
            // SAFETY: as the caller promises.
            unsafe { GlobalAlloc::dealloc(&HEAP, memory, layout) }
        } else {
            // SAFETY: as above.
            unsafe { System.dealloc(memory, layout) }
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if is_heaps(memory) {
            // SAFETY: as the caller promises.
            unsafe { GlobalAlloc::realloc(&HEAP, memory, layout, size) }
        } else {
            // SAFETY: as above.
            unsafe { System.realloc(memory, layout, size) }
        }
    }
}

#[global_allocator]
static ALLOCATOR: ByPlace = ByPlace;

/// Gives the heap its memory, for ever.
fn begin() -> &'static FrameAllocator<'static, cores::Cores> {
    cores::on_core(0);
    let ram = ram_of(MIBS);
    let memory: &'static mut Memory = Box::leak(Box::new(Memory::of(&ram)));
    let mapped: &'static Mapped = Box::leak(Box::new(Mapped::new(MIBS << 20)));
    let cpus = cores::Cores::new(CORES);
    let frames = FrameAllocator::new(&ram, &ram, memory.storage(), &CACHES, cpus).unwrap();
    let frames: &'static _ = Box::leak(Box::new(frames));
    let setup = Setup {
        memory: mapped,
        pools: &POOLS,
        magazines: &MAGAZINES,
        owner: Owner::new(1),
        secret: 0x5eed,
        hook: None,
        sites: None,
    };
    HEAP.init(frames, setup, Owner::new(2)).unwrap();
    frames
}

/// Runs `work` on each core, with the heap as its allocator.
fn on_each(work: impl Fn(u8) + Sync) {
    std::thread::scope(|scope| {
        for core in 0..CORES {
            let work = &work;
            scope.spawn(move || {
                cores::on_core(core);
                IS_CORE.set(true);
                work(core);
                IS_CORE.set(false);
            });
        }
    });
}

/// Text, maps and shared values, of which some are left to other cores.
fn churn(core: u8, next: &mpsc::SyncSender<Arc<String>>, own: &mpsc::Receiver<Arc<String>>) {
    let mut map = BTreeMap::new();
    let mut table = HashMap::new();
    let mut kept = Vec::new();
    for number in 0..20_000_u32 {
        let key = number.wrapping_mul(0x9e37_79b9);
        map.insert(key, Box::new([number; 5]));
        table.insert(key, format!("number {number} of core {core}"));
        let shared = Arc::new("x".repeat(number as usize % 3000));
        if next.try_send(shared.clone()).is_ok() {
            kept.push(shared);
        }
        kept.extend(own.try_iter());
        if number % 1000 == 999 {
            map.retain(|key, value| key % 3 == 0 || value[4] == number);
            kept.retain(|shared| shared.len() % 2 == 0);
            assert!(kept.iter().all(|shared| shared.bytes().all(|byte| byte == b'x')));
        }
    }
    for (key, text) in table {
        let number = key.wrapping_mul(0x9e37_79b9_u32.wrapping_pow((1 << 31) - 1));
        assert_eq!(text, format!("number {number} of core {core}"));
    }
}

#[test]
fn r003_7_r000_6_a_program_has_its_memory_from_it_on_all_cores() {
    let frames = begin();
    let before = frames.free().total();
    let channels: Vec<_> = (0..CORES).map(|_| mpsc::sync_channel(64)).collect();
    let (senders, receivers): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
    let receivers: Vec<_> = receivers.into_iter().map(Mutex::new).collect();
    on_each(|core| {
        let own = receivers[usize::from(core)].lock().unwrap();
        churn(core, &senders[usize::from(core + 1) % senders.len()], &own);
    });
    println!("{} allocations\n{}", CALLS.load(Relaxed), HEAP.report().unwrap());
    // What is left between cores goes back on one.
    cores::on_core(0);
    receivers.iter().for_each(|left| left.lock().unwrap().try_iter().for_each(drop));
    drop((senders, receivers));
    assert!(HEAP.shrink());
    assert_eq!((HEAP.usage().used(), HEAP.slabs().unwrap().reports()), (0, 0), "{}", HEAP.report().unwrap());
    HEAP.slabs().unwrap().verify().unwrap();
    frames.drain_all();
    assert_eq!(frames.free().total(), before);
    frames.verify().unwrap();
    assert!(CALLS.load(Relaxed) > 200_000);
}
