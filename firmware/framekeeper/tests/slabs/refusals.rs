//! A machine that does not admit a request for frames: the call says so, what there was stays what it was, and the same
//! call is met afterwards.

use crate::machine::{Machine, Objects, cores::Cores, cores::refuse_after, free, free_to, magazines};
use framekeeper::{
    AllocError, FrameAllocator,
    slabs::{Cache, Hardening, ObjectError, Off, Paranoid, Reserve, Slab, SlabReport, Standard},
};
use std::alloc::Layout;

/// Frames in all.
const FRAMES: u64 = 512;

/// What no refused call may change. Nothing is emptied to find out.
fn counted<H: Hardening>(frames: &FrameAllocator<'_, Cores>, slabs: &Objects<'_, H>) -> (SlabReport, u64) {
    slabs.verify().unwrap();
    frames.verify().unwrap();
    (slabs.report(), frames.free().total())
}

/// Does a call with each of its requests refused in turn; the call gives back what it gets. Some call of so many requests
/// at least.
fn at_every_request<H: Hardening>(
    least: u64,
    call: impl for<'a> Fn(&'a Objects<'a, H>) -> Result<(), ObjectError>,
) {
    for number in 0.. {
        let mut is_refused = false;
        Machine::new(FRAMES, 2).run::<H>(|frames, slabs| {
            let before = counted(frames, slabs);
            refuse_after(Some(number));
            let result = call(slabs);
            is_refused = !refuse_after(None);
            match result {
                Err(ObjectError::NoMemory(AllocError::Refused(_))) => assert!(is_refused),
                result => assert_eq!((result, is_refused), (Ok(()), false), "request {number}"),
            }
            if is_refused {
                assert_eq!(slabs.report().allocated(), before.0.allocated());
                slabs.shrink();
                assert_eq!(counted(frames, slabs).1, before.1, "request {number}");
            }
            call(slabs).unwrap();
            slabs.shrink();
            assert_eq!(counted(frames, slabs).1, before.1, "request {number}");
        });
        if !is_refused {
            assert!(number >= least, "only {number} requests");
            break;
        }
    }
}

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

/// Takes so many objects of a size, until one is not to be had, and gives back what it got.
fn take<H: Hardening>(slabs: &Objects<'_, H>, size: usize, count: usize) -> Result<(), ObjectError> {
    let (mut objects, mut result) = (Vec::new(), Ok(()));
    for _ in 0..count {
        match slabs.alloc(bytes(size)) {
            Ok(object) => objects.push(object),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    objects.into_iter().for_each(|object| free(slabs, object, bytes(size)).unwrap());
    result
}

/// A slab, and a chunk of descriptors.
#[test]
fn an_object_for_which_frames_are_refused_leaves_no_trace() {
    for size in [8, 64, 1500, 8000] {
        at_every_request::<Standard>(2, |slabs| take(slabs, size, 1));
        at_every_request::<Off>(2, |slabs| take(slabs, size, 1));
        at_every_request::<Paranoid>(2, |slabs| take(slabs, size, 1));
    }
}

#[test]
fn of_many_objects_those_that_are_refused_are_not_missed() {
    at_every_request::<Standard>(4, |slabs| take(slabs, 8192, 60));
    at_every_request::<Standard>(4, |slabs| take(slabs, 2048, 300));
}

#[test]
fn a_cache_for_which_frames_are_refused_can_go() {
    at_every_request::<Standard>(2, |slabs| {
        let cache = Cache::new(slabs, "numbers", magazines(2), || Some([1_u64; 100])).unwrap();
        let result = cache.reserve().map(|reserve: Reserve<'_, _, 60>| assert_eq!(reserve.left(), 60));
        cache.verify().unwrap();
        cache.destroy().unwrap();
        result
    });
    at_every_request::<Standard>(2, |slabs| {
        let slab = Slab::new(slabs, magazines(2), 700).unwrap();
        free_to(&slab, slab.alloc()?).unwrap();
        slab.verify().unwrap();
        Ok(())
    });
}

/// Free objects of another size lie in a magazine, and their slab is empty but for those: what a shortage gives back.
#[test]
fn nothing_is_given_back_for_what_is_refused() {
    Machine::new(FRAMES, 1).run::<Standard>(|frames, slabs| {
        take(slabs, 64, 10).unwrap();
        let before = counted(frames, slabs);
        assert!(before.0.slab_bytes() > 0);
        // As large a slab as may be, of which no frames' cache has one.
        refuse_after(Some(0));
        let refused = slabs.alloc(bytes(8192)).unwrap_err();
        assert!(matches!(refused, ObjectError::NoMemory(AllocError::Refused(asked)) if asked.frames == 16));
        assert_eq!(refused.to_string(), "no memory for a slab: 16 frames were refused on core 0");
        assert!(!refuse_after(None));
        assert_eq!(counted(frames, slabs), before);
        let object = slabs.alloc(bytes(8192)).unwrap();
        free(slabs, object, bytes(8192)).unwrap();
    });
}

/// What lies in a magazine, in the depot or in a slab needs no frames.
#[test]
fn objects_that_there_are_need_nobody_to_admit_them() {
    Machine::new(FRAMES, 1).run::<Standard>(|_, slabs| {
        take(slabs, 1000, 200).unwrap();
        refuse_after(Some(0));
        take(slabs, 1000, 64).unwrap();
        assert!(refuse_after(None), "nothing was asked for");
    });
}
