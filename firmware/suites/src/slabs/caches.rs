//! Caches of objects of a type, on the machine's own slabs.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only objects of the cache are given back | the scenario | the slabs, which refuse all else |

#![expect(unsafe_code, reason = "gives objects of a cache by size back")]

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};

use framekeeper::{
    Core, FRAME_SIZE,
    slabs::{Cache, CacheError, MAX_SIZE, Magazine, Misuse, ObjectError, Slab, Slabs},
};
use spin::Mutex;

use crate::{
    Machine,
    ground::Ground,
    map::{ME, give_all, take_all},
};

/// For as many cores as a machine may have.
const CORES: usize = 16;

type Seats = [Magazine; CORES];

const fn seats() -> Seats {
    [const { Magazine::new() }; CORES]
}

fn slabs<M: Machine>(machine: &M) -> &'static Slabs<'static, M::Cpu, M::Map> {
    held(machine.heap().slabs())
}

fn held<T, E: core::fmt::Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error:?}"),
    }
}

static MADE: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// As large as a kernel's task, and counted.
struct Task {
    uses: u64,
    rest: [u64; 90],
}

impl Task {
    fn new() -> Option<Self> {
        MADE.fetch_add(1, SeqCst);
        Some(Self { uses: 0, rest: [7; 90] })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        assert!(self.rest.iter().all(|&word| word == 7), "a task is what was made");
        DROPPED.fetch_add(1, SeqCst);
    }
}

/// Each slot's object is made once, used by all cores as the last one left it, and dropped once, with its slab.
pub fn r000_2_objects_are_made_once_and_dropped_once_on_all_cores<M: Machine>(machine: &M) {
    static SEATS: Seats = seats();
    let (made, dropped) = (MADE.load(SeqCst), DROPPED.load(SeqCst));
    let cache = held(Cache::new(slabs(machine), "task", &SEATS, Task::new));
    let rounds = machine.rounds(20_000);
    machine.on_each(&|_| {
        for _ in 0..rounds {
            let mut tasks = [(); 5].map(|()| held(cache.alloc()));
            tasks.iter_mut().for_each(|task| task.uses += 1);
        }
    });
    let usage = cache.usage();
    assert_eq!((usage.allocated(), usage.handed_out()), (0, rounds * 5 * u64::from(machine.cores())));
    assert_eq!(DROPPED.load(SeqCst) - dropped, MADE.load(SeqCst) - made - usage.objects());
    let uses = held(cache.alloc()).uses;
    assert!(uses > 0, "an object is as its last user left it");
    assert_eq!(cache.destroy(), Ok(()));
    assert_eq!(DROPPED.load(SeqCst) - dropped, MADE.load(SeqCst) - made);
}

/// What is set apart can be had when memory is out.
pub fn a_reserve_is_had_when_memory_is_out<M: Machine>(machine: &M) {
    static SEATS: Seats = seats();
    let cache = held(Cache::new(slabs(machine), "reserved", &SEATS, || Some([5_u64; 64])));
    let mut reserve = held(cache.reserve::<16>());
    let free = take_all(&Ground::whole(machine), ME, |_, _| ());
    let mut others = [const { None }; 64];
    assert!(cache.alloc_bulk(&mut others) < others.len(), "memory is out");
    assert!(matches!(cache.alloc(), Err(ObjectError::NoMemory(_))));
    let taken = core::iter::from_fn(|| reserve.take()).filter(|object| **object == [5; 64]).count();
    assert_eq!((taken, reserve.left()), (16, 0));
    drop((others, reserve));
    assert_eq!(give_all(&Ground::whole(machine), ME), free);
    assert_eq!(cache.destroy(), Ok(()));
}

/// A cache by size has objects of its own, and refuses all others; there is none for nothing, and none for too much.
pub fn r000_8_r001_4_caches_by_size_refuse_objects_of_others<M: Machine>(machine: &M) {
    static FIRST: Seats = seats();
    static SECOND: Seats = seats();
    let slabs = slabs(machine);
    let (first, second) = (held(Slab::new(slabs, &FIRST, 200)), held(Slab::new(slabs, &SECOND, 200)));
    for size in [0, MAX_SIZE + 1] {
        assert_eq!(Slab::new(slabs, &FIRST, size).err(), Some(CacheError::BadSize { size }));
    }
    let (mine, others) = (held(first.alloc()), held(second.alloc()));
    // SAFETY: it is refused, and used no more than before.
    let refused = unsafe { first.free(others) };
    assert!(matches!(refused, Err(Misuse::WrongPool { .. })), "{refused:?}");
    // SAFETY: it was handed out, and is not used any more.
    assert_eq!(unsafe { first.free(mine) }, Ok(()));
    // SAFETY: as above.
    assert_eq!(unsafe { second.free(others) }, Ok(()));
    first.shrink();
    second.shrink();
    assert_eq!((first.usage().slabs(), second.usage().slabs()), (0, 0));
}

/// What one core takes, the next gives back, all around.
pub fn r002_12_what_one_core_takes_another_gives_back<M: Machine>(machine: &M) {
    static SEATS: Seats = seats();
    static SHELF: [Mutex<Option<usize>>; CORES] = [const { Mutex::new(None) }; CORES];
    let cache = held(Cache::new(slabs(machine), "passed", &SEATS, || Some([0_u8; FRAME_SIZE as usize / 8])));
    let rounds = machine.rounds(20_000);
    let place = |core: Core, ahead: usize| SHELF.get((core.index() + ahead) % usize::from(machine.cores()));
    let give = |address: usize| {
        let object = NonNull::new(core::ptr::with_exposed_provenance_mut(address));
        // SAFETY: it came from this cache, by `into_raw`, and whoever took it from the shelf is the only one who has it.
        for object in object.into_iter().map(|object| unsafe { cache.from_raw(object) }) {
            assert!(object.iter().all(|byte| Some(byte) == object.first()), "somebody else wrote to it");
        }
    };
    machine.on_each(&|core| {
        for round in 0..rounds {
            let mut object = held(cache.alloc());
            object.fill(round as u8);
            let address = object.into_raw().as_ptr().expose_provenance();
            let before = place(core, 1).and_then(|place| place.lock().replace(address));
            before.into_iter().for_each(give);
            let own = place(core, 0).and_then(|place| place.lock().take());
            own.into_iter().for_each(give);
        }
    });
    SHELF.iter().filter_map(|place| place.lock().take()).for_each(give);
    assert_eq!(cache.usage().allocated(), 0);
    assert_eq!(cache.destroy(), Ok(()));
}
