//! When frames run out, at every point where they can: the call says so, nothing is lost, and once there are frames the same
//! call is met.

use crate::machine::{
    Machine, Objects, SLABS, cores::Cores, cores::on_core, free, free_to, magazines, overwrite,
};
use framekeeper::{
    AllocError, FrameAllocator, Order, Owner, PhysAddr,
    slabs::{Cache, Cached, Hardening, ObjectError, Off, Paranoid, Reserve, Slab, SlabReport, Standard},
};
use std::{alloc::Layout, iter};

const OTHERS: Owner = Owner::new(2);

/// Frames in all.
const FRAMES: u64 = 128;

/// What is left, in turn. The most that a call needs: an object's slab and a chunk of descriptors, twice.
fn shortages() -> impl Iterator<Item = usize> {
    (0..72).step_by(if cfg!(miri) { 9 } else { 1 })
}

/// Takes all frames, but leaves so many in one piece at the end, and in pieces of two before it if `scattered`.
fn take_all_but(frames: &FrameAllocator<'_, Cores>, left: usize, scattered: bool) -> Vec<PhysAddr> {
    let mut places = vec![PhysAddr(0); FRAMES as usize];
    let taken = frames.alloc_bulk(Order::FRAME, OTHERS, &mut places);
    places.truncate(taken);
    places.sort();
    let mut back = places.split_off(taken.saturating_sub(left));
    if scattered {
        let mut number = 0;
        let pieces = places.extract_if(.., |_| {
            number += 1;
            number % 8 < 2
        });
        back.extend(pieces);
    }
    give_all(frames, back);
    places
}

fn give_all(frames: &FrameAllocator<'_, Cores>, held: Vec<PhysAddr>) {
    held.into_iter().for_each(|frame| assert_eq!(frames.free_frame(frame), Ok(1)));
    frames.drain_all();
}

/// What no failing call may change: what classes have, but for what they did, and who has frames.
fn counted<H: Hardening>(
    frames: &FrameAllocator<'_, Cores>,
    slabs: &Objects<'_, H>,
) -> (SlabReport, u64, u64) {
    slabs.verify().unwrap();
    frames.drain_all();
    frames.verify().unwrap();
    (slabs.report(), frames.free().total(), frames.owners().frames(SLABS))
}

/// Does a call with ever more frames left: it fails without a trace, or is met; and is met afterwards. The call gives back
/// what it gets, and says whether that was all.
fn at_every_point<H: Hardening>(call: impl for<'a> Fn(&'a Objects<'a, H>) -> Result<(), ObjectError>) {
    for scattered in [false, true] {
        let mut failures = 0;
        for left in shortages() {
            Machine::new(FRAMES, 2).run::<H>(|frames, slabs| {
                let all = frames.free().total();
                let held = take_all_but(frames, left, scattered);
                let before = counted(frames, slabs);
                match call(slabs) {
                    Ok(()) => {}
                    Err(ObjectError::NoMemory(AllocError::OutOfMemory(_))) => {
                        failures += 1;
                        slabs.shrink();
                        let after = counted(frames, slabs);
                        assert_eq!((after.1, after.2), (before.1, before.2), "{left} left");
                        assert_eq!((after.0.slab_bytes(), after.0.allocated()), (0, 0), "{left} left");
                    }
                    Err(other) => panic!("{other:?} with {left} left"),
                }
                give_all(frames, held);
                call(slabs).unwrap();
                slabs.shrink();
                assert_eq!(counted(frames, slabs).1, all, "{left} left");
            });
        }
        assert!(failures > 0, "it never failed");
    }
}

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

/// Takes so many objects of a layout, and gives back what it got.
fn take<H: Hardening>(slabs: &Objects<'_, H>, size: usize, count: usize) -> Result<(), ObjectError> {
    let layout = bytes(size);
    let (mut objects, mut failure) = (Vec::new(), Ok(()));
    for _ in 0..count {
        match slabs.alloc(layout) {
            Ok(object) => objects.push(object),
            Err(error) => failure = Err(error),
        }
    }
    objects.into_iter().for_each(|object| free(slabs, object, layout).unwrap());
    failure
}

#[test]
fn a1_an_allocation_that_fails_at_any_point_loses_nothing() {
    for size in [8, 64, 1500, 8000] {
        at_every_point::<Standard>(|slabs| take(slabs, size, 1));
    }
    at_every_point::<Off>(|slabs| take(slabs, 64, 1));
    at_every_point::<Paranoid>(|slabs| take(slabs, 64, 1));
}

#[test]
fn a1_of_many_allocations_those_that_fail_lose_nothing() {
    at_every_point::<Standard>(|slabs| take(slabs, 2048, 20));
    at_every_point::<Standard>(|slabs| take(slabs, 8192, 20));
}

#[test]
fn a1_a_cache_that_gets_no_memory_loses_nothing() {
    at_every_point::<Standard>(|slabs| {
        let cache = Cache::new(slabs, "numbers", magazines(2), || Some([1_u64; 100])).unwrap();
        let result = cache.alloc().map(drop);
        cache.verify().unwrap();
        cache.destroy().unwrap();
        result
    });
}

#[test]
fn a1_a_reserve_that_cannot_be_had_as_a_whole_is_given_back() {
    at_every_point::<Standard>(|slabs| {
        let cache = Cache::new(slabs, "numbers", magazines(2), || Some([1_u64; 100])).unwrap();
        let result = cache.reserve().map(|reserve: Reserve<'_, _, 60>| assert_eq!(reserve.left(), 60));
        assert_eq!(cache.usage().allocated(), 0);
        cache.verify().unwrap();
        result
    });
}

#[test]
fn a1_a_bulk_keeps_what_it_got_and_nothing_else() {
    at_every_point::<Standard>(|slabs| {
        let cache = Cache::new(slabs, "numbers", magazines(2), || Some([1_u64; 100])).unwrap();
        let mut places: Vec<Option<Cached<'_, _>>> = iter::repeat_with(|| None).take(60).collect();
        let got = cache.alloc_bulk(&mut places);
        assert_eq!((places.iter().flatten().count(), cache.usage().allocated()), (got, got as u64));
        assert!(places[got..].iter().all(Option::is_none));
        if got == 60 { Ok(()) } else { cache.alloc().map(drop) }
    });
}

#[test]
fn a1_a_cache_by_size_that_gets_no_memory_loses_nothing() {
    at_every_point::<Standard>(|slabs| {
        let slab = Slab::new(slabs, magazines(2), 700).unwrap();
        let object = slab.alloc()?;
        overwrite(object, 699, 1);
        free_to(&slab, object).unwrap();
        slab.verify().unwrap();
        Ok(())
    });
}

/// All frames are slabs with free objects of one size, in the magazines of both cores, in the depot and in slabs.
#[test]
fn frames_that_free_objects_keep_are_had_before_there_are_none() {
    Machine::new(FRAMES, 2).run::<Standard>(|frames, slabs| {
        let all: Vec<_> = iter::from_fn(|| slabs.alloc(bytes(1000)).ok()).collect();
        for (number, &object) in all.iter().enumerate() {
            on_core((number % 2) as u8);
            free(slabs, object, bytes(1000)).unwrap();
        }
        on_core(0);
        assert!(slabs.report().slab_bytes() > 0);
        let others: Vec<_> = iter::from_fn(|| slabs.alloc(bytes(2000)).ok()).collect();
        assert!(others.len() + 8 > all.len() / 2, "{} after {}", others.len(), all.len());
        assert_eq!(slabs.report().of(framekeeper::slabs::Class::of(bytes(1000)).unwrap()).slabs(), 0);
        frames.verify().unwrap();
        others.into_iter().for_each(|object| free(slabs, object, bytes(2000)).unwrap());
    });
}

/// So for a cache of one size, which has its objects from elsewhere.
#[test]
fn frames_that_free_objects_keep_are_had_by_a_cache_too() {
    Machine::new(FRAMES, 1).run::<Standard>(|frames, slabs| {
        let slab = Slab::new(slabs, magazines(1), 700).unwrap();
        free(slabs, slabs.alloc(bytes(1000)).unwrap(), bytes(1000)).unwrap();
        let held = take_all_but(frames, 0, false);
        let object = slab.alloc().unwrap();
        assert_eq!(slabs.report().slab_bytes(), 0, "what it has was another's");
        free_to(&slab, object).unwrap();
        give_all(frames, held);
    });
}

/// A call that fails says what it is that was not to be had.
#[test]
fn a_shortage_names_what_was_asked_of_the_frames() {
    Machine::new(FRAMES, 1).run::<Standard>(|frames, slabs| {
        let held = take_all_but(frames, 3, false);
        let error = slabs.alloc(bytes(64)).unwrap_err();
        let ObjectError::NoMemory(AllocError::OutOfMemory(_)) = error else { panic!("{error}") };
        assert!(error.to_string().starts_with("no memory for a slab: "), "{error}");
        give_all(frames, held);
    });
}
