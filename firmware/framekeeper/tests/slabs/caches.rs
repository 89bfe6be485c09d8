//! Caches of objects that are kept as they were made, and caches by size: as far as the requirements name them.

use crate::ground::{Memory, ram};
use crate::machine::{
    Mapped, Objects, SECRET, SLABS, START, cores::Cores, cores::on_core, free_to, from_raw, magazines,
    on_machine,
};
use framekeeper::{
    CoreCache, FRAME_SIZE, FrameAllocator,
    slabs::{
        Cache, CacheError, Hardening, Magazines, ObjectAddr, ObjectError, Off, Paranoid, Pools, Reserve,
        Setup, Slab, SlabFault, Slabs, Standard,
    },
};
use std::{
    cell::Cell,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// How many objects were made, and how many dropped.
#[derive(Clone, Debug, Default)]
struct Tally(Rc<Cell<[u64; 2]>>);

impl Tally {
    fn add(&self, index: usize) {
        let mut counts = self.0.get();
        counts[index] += 1;
        self.0.set(counts);
    }
}

/// An object that counts, and remembers how often it was used.
#[derive(Debug)]
struct Counted {
    tally: Tally,
    used: u64,
    padding: [u8; 200],
}

impl Counted {
    fn new(tally: &Tally) -> Self {
        tally.add(0);
        Self { tally: tally.clone(), used: 0, padding: [7; 200] }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert!(self.padding.iter().all(|&byte| byte == 7), "it is what was made");
        self.tally.add(1);
    }
}

fn constructed_once<H: Hardening>() {
    on_machine::<H>(2, 2, |frames, slabs| {
        let (tally, magazines, before) = (Tally::default(), magazines(2), frames.free().total());
        let cache = Cache::new(slabs, "counted", magazines, || Some(Counted::new(&tally))).unwrap();
        assert_eq!((cache.name(), tally.0.get()), ("counted", [0, 0]));
        for round in 0..1000 {
            on_core((round / 100 % 2) as u8);
            let mut some = [(); 3].map(|()| cache.alloc().unwrap());
            some.iter_mut().for_each(|object| object.used += 1);
        }
        on_core(0);
        cache.verify().unwrap();
        let usage = cache.usage();
        assert_eq!(tally.0.get(), [usage.objects(), 0], "once for each slot, not for each allocation");
        assert_eq!((usage.slabs(), usage.handed_out(), usage.allocated()), (1, 3000, 0));
        cache.shrink();
        assert_eq!(tally.0.get(), [usage.objects(); 2]);
        drop(cache.alloc().unwrap());
        cache.destroy().unwrap();
        assert_eq!(tally.0.get(), [2 * usage.objects(); 2]);
        slabs.shrink();
        assert_eq!(frames.free().total(), before);
    });
}

#[test]
fn r000_2_objects_are_made_once_for_each_slot_and_dropped_with_their_slab() {
    constructed_once::<Off>();
    constructed_once::<Standard>();
    constructed_once::<Paranoid>();
}

#[test]
fn r000_2_who_gets_an_object_gets_it_as_the_last_user_left_it() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let magazines = magazines(1);
        let cache = Cache::new(slabs, "vectors", magazines, || Some(Vec::<u8>::with_capacity(100))).unwrap();
        let mut vector = cache.alloc().unwrap();
        vector.extend([1, 2, 3]);
        drop(vector);
        assert_eq!((&**cache.alloc().unwrap(), cache.alloc().unwrap().capacity()), (&[1_u8, 2, 3][..], 100));
    });
}

/// Behind an object that is not to be touched there is a word by which one tells that it was written to.
#[test]
fn a_cache_needs_a_word_for_each_object_beside_what_is_in_it_and_none_at_off() {
    fn bytes_of<T: Default, H: Hardening>() -> usize {
        let mut bytes = 0;
        on_machine::<H>(1, 1, |_, slabs| {
            let cache = Cache::new(slabs, "of some size", magazines(1), || Some(T::default())).unwrap();
            bytes = cache.usage().object_size;
        });
        bytes
    }
    assert_eq!(
        [bytes_of::<u64, Off>(), bytes_of::<[u64; 5], Off>(), bytes_of::<[u8; 13], Off>()],
        [8, 40, 16]
    );
    assert_eq!([bytes_of::<u64, Standard>(), bytes_of::<[u64; 5], Standard>()], [16, 48]);
    assert_eq!([bytes_of::<u8, Paranoid>(), bytes_of::<[u8; 13], Paranoid>()], [16, 24]);
}

/// The constructor takes what it needs from another cache.
#[test]
fn r000_2_a_constructor_may_use_another_cache() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let (inner, outer) = (magazines(1), magazines(1));
        let inner = Cache::new(slabs, "inner", inner, || Some([5_u64; 4])).unwrap();
        let outer = Cache::new(slabs, "outer", outer, || inner.alloc().ok()).unwrap();
        assert_eq!(**outer.alloc().unwrap(), [5; 4]);
        assert_eq!(inner.usage().allocated(), outer.usage().objects());
        outer.destroy().unwrap();
        assert_eq!(inner.usage().allocated(), 0);
    });
}

/// What lies in magazines, in the depot and in slabs is nobody's.
#[test]
fn objects_that_somebody_has_are_told() {
    on_machine::<Standard>(8, 2, |_, slabs| {
        let cache = Cache::new(slabs, "leaky", magazines(2), || Some([7_u64; 30])).unwrap();
        let mut objects: Vec<_> = (0..150).map(|_| cache.alloc().unwrap()).collect();
        on_core(1);
        objects.truncate(40);
        on_core(0);
        let mut kept: Vec<_> =
            objects.drain(..9).map(|object| ObjectAddr(object.into_raw().as_ptr().addr())).collect();
        drop(objects);
        let mut told = Vec::new();
        cache.for_each_in_use(|object| told.push(object));
        [&mut kept, &mut told].into_iter().for_each(|list| list.sort_unstable_by_key(|object| object.0));
        assert_eq!(told, kept);
        let by_size = Slab::new(slabs, magazines(1), 100).unwrap();
        let object = by_size.alloc().unwrap();
        let mut told = Vec::new();
        by_size.for_each_in_use(|object| told.push(object));
        assert_eq!(told, [ObjectAddr(object.as_ptr().addr())]);
        free_to(&by_size, object).unwrap();
        by_size.for_each_in_use(|object| panic!("{object} is nobody's"));
    });
}

/// At each slot of the slab once; those that were made are dropped, and nothing is left.
#[test]
fn a6_a_constructor_that_refuses_leaves_nothing_behind() {
    on_machine::<Standard>(2, 1, |frames, slabs| {
        let (magazines, before) = (magazines(1), frames.free().total());
        let (tally, until) = (Tally::default(), Cell::new(0));
        let construct = || (tally.0.get()[0] < until.get()).then(|| Counted::new(&tally));
        let cache = Cache::new(slabs, "refusing", magazines, construct).unwrap();
        let step = if cfg!(miri) { 20 } else { 1 };
        for slots in (0..66).step_by(step) {
            until.set(tally.0.get()[0] + slots);
            let error = cache.alloc().unwrap_err();
            assert_eq!(
                (error, &*error.to_string()),
                (ObjectError::Refused, "the object could not be constructed")
            );
            assert_eq!(tally.0.get()[0], tally.0.get()[1], "all that were made were dropped");
            cache.verify().unwrap();
            slabs.verify().unwrap();
            assert_eq!((cache.usage().slabs(), slabs.report().metadata_bytes() % FRAME_SIZE), (0, 0));
        }
        until.set(u64::MAX);
        drop(cache.alloc().unwrap());
        cache.destroy().unwrap();
        slabs.shrink();
        assert_eq!(frames.free().total(), before);
    });
}

/// As where it refuses, at some of the slots.
#[test]
fn a6_a_constructor_that_panics_leaves_nothing_behind() {
    on_machine::<Standard>(2, 1, |frames, slabs| {
        let (magazines, before) = (magazines(1), frames.free().total());
        let (tally, until) = (Tally::default(), Cell::new(0));
        let construct = || {
            assert!(tally.0.get()[0] < until.get(), "no more of them");
            Some(Counted::new(&tally))
        };
        let cache = Cache::new(slabs, "panicking", magazines, construct).unwrap();
        for slots in [0, 1, 20] {
            until.set(tally.0.get()[0] + slots);
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(cache.alloc())));
            assert!(panicked.is_err());
            assert_eq!(tally.0.get()[0], tally.0.get()[1], "all that were made were dropped");
            cache.verify().unwrap();
            slabs.verify().unwrap();
            assert_eq!(cache.usage().slabs(), 0);
        }
        until.set(u64::MAX);
        drop(cache.alloc().unwrap());
        cache.destroy().unwrap();
        slabs.shrink();
        assert_eq!(frames.free().total(), before);
    });
}

fn destroyed_with_objects<H: Hardening>() {
    on_machine::<H>(2, 1, |_, slabs| {
        let (tally, magazines) = (Tally::default(), magazines(1));
        let cache = Cache::new(slabs, "leaking", magazines, || Some(Counted::new(&tally))).unwrap();
        let leaked = [(); 3].map(|()| cache.alloc().unwrap().into_raw());
        assert_eq!(cache.usage().allocated(), 3);
        drop(from_raw(&cache, leaked[0]));
        let error = cache.destroy().unwrap_err();
        assert_eq!(error, CacheError::InUse { objects: 2 });
        assert_eq!(error.to_string(), "2 objects of the cache were never given back");
        assert_eq!(tally.0.get()[1], 0, "their slab stays as it is");
    });
}

#[test]
fn m19_a_cache_that_ends_with_objects_in_use_says_how_many() {
    destroyed_with_objects::<Off>();
    destroyed_with_objects::<Standard>();
    destroyed_with_objects::<Paranoid>();
}

/// What is left says how much was never given back, of classes, of a size, and of a type.
#[test]
fn m20_leaks_are_counted() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let (ones, others) = (magazines(1), magazines(1));
        let slab = Slab::new(slabs, ones, 40).unwrap();
        let cache = Cache::new(slabs, "words", others, || Some(1_u64)).unwrap();
        let layout = std::alloc::Layout::new::<[u64; 9]>();
        for count in 1..=100 {
            slabs.alloc(layout).unwrap();
            slab.alloc().unwrap();
            let _ = cache.alloc().unwrap().into_raw();
            let counted = [slabs.report().allocated(), slab.usage().allocated(), cache.usage().allocated()];
            assert_eq!(counted, [count; 3]);
        }
    });
}

#[test]
fn objects_in_bulk_and_in_reserve_are_given_back_when_they_are_dropped() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let magazines = magazines(1);
        let cache = Cache::new(slabs, "numbers", magazines, || Some(AtomicU64::new(4))).unwrap();
        let mut bulk = [const { None }; 100];
        assert_eq!(cache.alloc_bulk(&mut bulk), 100);
        assert!(bulk.iter().flatten().all(|number| number.load(Relaxed) == 4));
        let mut reserve: Reserve<'_, _, 10> = cache.reserve().unwrap();
        let taken: Vec<_> = (0..7).map(|_| reserve.take().unwrap()).collect();
        assert_eq!((reserve.left(), cache.usage().allocated()), (3, 110));
        drop(reserve);
        assert_eq!(cache.usage().allocated(), 107);
        drop((taken, bulk));
        assert_eq!(cache.usage().allocated(), 0);
        cache.verify().unwrap();
    });
}

/// As many as there are numbers for them; one that ends leaves its number to another.
#[test]
fn there_are_960_caches_at_most() {
    on_machine::<Standard>(1, 1, |_, slabs: &Objects<'_, Standard>| {
        let new = || Slab::<Cores, &Mapped, Standard>::new(slabs, &[], 8);
        let mut caches: Vec<_> = (0..960).map(|_| new().unwrap()).collect();
        let error = new().unwrap_err();
        assert_eq!(
            (error, &*error.to_string()),
            (CacheError::TooMany, "there are as many caches as there can be")
        );
        drop(caches.swap_remove(333));
        caches.push(new().unwrap());
        assert_eq!(new().unwrap_err(), CacheError::TooMany);
    });
}

/// Caches come and go while another one stays: what describes their slabs is used again.
#[test]
fn caches_that_come_and_go_leave_nothing_behind() {
    on_machine::<Standard>(4, 1, |frames, slabs| {
        let stays = slabs.alloc(std::alloc::Layout::new::<u64>()).unwrap();
        let magazines = magazines(1);
        let come_and_go = || {
            let cache = Slab::new(slabs, magazines, 64).unwrap();
            let object = cache.alloc().unwrap();
            free_to(&cache, object).unwrap();
        };
        come_and_go();
        frames.drain_all();
        let before = frames.free().total();
        (0..if cfg!(miri) { 10 } else { 3000 }).for_each(|_| come_and_go());
        frames.drain_all();
        assert_eq!(frames.free().total(), before);
        crate::machine::free(slabs, stays, std::alloc::Layout::new::<u64>()).unwrap();
    });
}

#[test]
fn a_cache_gives_its_frames_back_when_nobody_has_an_object() {
    on_machine::<Standard>(1, 1, |_, slabs| {
        let slab = Slab::new(slabs, magazines(1), 64).unwrap();
        let object = slab.alloc().unwrap();
        slab.shrink();
        assert_eq!(slab.usage().slabs(), 1);
        free_to(&slab, object).unwrap();
        slab.shrink();
        assert_eq!(slab.usage().slabs(), 0);
    });
}

#[test]
fn a_check_of_one_cache_finds_what_was_written_to() {
    on_machine::<Standard>(1, 1, |_, slabs| {
        let slab = Slab::new(slabs, magazines(1), 64).unwrap();
        let object = slab.alloc().unwrap();
        free_to(&slab, object).unwrap();
        assert_eq!(slab.verify(), Ok(()));
        let byte = crate::machine::read(object, 3);
        crate::machine::overwrite(object, 3, !byte);
        let fault = slab.verify().unwrap_err();
        assert!(
            matches!(fault, SlabFault::Written { object: found, .. } if found.0 == object.as_ptr().addr())
        );
        assert_eq!(fault.to_string(), format!("the slabs are damaged: {fault:?}"));
        crate::machine::overwrite(object, 3, byte);
    });
}

#[test]
fn what_is_shown_for_debugging_is_short_and_has_no_secret() {
    on_machine::<Standard>(1, 1, |_, slabs| {
        let cache = Cache::new(slabs, "numbers", magazines(1), || Some(4_u64)).unwrap();
        assert_eq!(format!("{cache:?}"), "Cache { name: \"numbers\", .. }");
        assert_eq!(format!("{:?}", cache.alloc().unwrap()), "4");
        let mut reserve: Reserve<'_, _, 3> = cache.reserve().unwrap();
        let taken = reserve.take();
        assert_eq!(format!("{reserve:?} {taken:?}"), "Reserve { left: 2 } Some(4)");
        let text = format!("{slabs:?}");
        assert!(text.contains("secret: Secret") && !text.contains(&SECRET.to_string()), "{text}");
    });
}

/// As after a restart that leaves memory as it was.
#[test]
fn what_was_an_earlier_allocators_is_taken_over_empty() {
    on_core(0);
    let end = START + 64 * FRAME_SIZE;
    let (ram, pools) = (ram(&[(START, end)]), Pools::new());
    let (magazines, caches) = ([Magazines::new()], [CoreCache::new()]);
    for _ in 0..2 {
        let (mut memory, mapped) = (Memory::of(&ram), Mapped::new(end - START));
        let frames = FrameAllocator::new(&ram, &ram, memory.storage(), &caches, Cores::new(1)).unwrap();
        let setup = Setup {
            memory: &mapped,
            pools: &pools,
            magazines: &magazines,
            owner: SLABS,
            secret: SECRET,
            hook: None,
            sites: None,
        };
        let slabs: Objects<'_, Standard> = Slabs::new(&frames, setup).unwrap();
        assert_eq!(slabs.report().slab_bytes(), 0);
        slabs.verify().unwrap();
        slabs.alloc(std::alloc::Layout::new::<[u64; 8]>()).unwrap();
        assert!(slabs.report().slab_bytes() > 0);
    }
}
