//! What is promised of objects by their size, each by the id of its requirement.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only objects that the scenario was handed are given back | each scenario | the slabs, which refuse all else |

#![expect(unsafe_code, reason = "gives objects back")]

use alloc::vec::Vec;
use core::{alloc::Layout, ptr::NonNull};

use framekeeper::{
    FRAME_SIZE, OneCore,
    slabs::{Class, MAX_SIZE, ObjectError, Standard},
};

use crate::{
    Machine,
    arena::{self, Arena, Plan},
    heap::layout,
};

type Ground<'h, 'a> = Arena<'h, 'a, OneCore, Standard>;

fn take(arena: &Ground<'_, '_>, layout: Layout) -> NonNull<u8> {
    match arena.slabs().alloc(layout) {
        Ok(object) => object,
        Err(error) => panic!("{layout:?}: {error}"),
    }
}

fn give(arena: &Ground<'_, '_>, object: NonNull<u8>, layout: Layout) {
    // SAFETY: the callers were handed it for that layout, and use it no more.
    let given = unsafe { arena.slabs().free(object, layout) };
    assert_eq!(given, Ok(()), "{layout:?}");
}

fn on_arena<M: Machine>(machine: &M, work: impl FnOnce(&Ground<'_, '_>)) {
    arena::run(machine, Plan::ONE_CORE, work);
}

/// Eleven powers of two have classes of just their size, and no size above 56 wastes an eighth.
pub fn r002_1_r002_2_sizes_have_classes_that_fit<M: Machine>(machine: &M) {
    on_arena(machine, |arena| {
        for power in 3..=13 {
            let size = 1 << power;
            let object = take(arena, layout(size, 1));
            let class = Class::all().find(|&class| arena.slabs().report().of(class).allocated() == 1);
            assert_eq!(class.map(Class::size), Some(size));
            give(arena, object, layout(size, 1));
        }
        for size in 57..=MAX_SIZE {
            let class = Class::all().map(Class::size).find(|&class| class >= size).unwrap_or(usize::MAX);
            assert!((class - size) * 8 < class, "{size} bytes have {class}");
        }
    });
}

/// What is asked to be aligned is.
pub fn r002_14_objects_of_all_sizes_are_aligned_as_was_asked_for<M: Machine>(machine: &M) {
    on_arena(machine, |arena| {
        for size in (1..=MAX_SIZE).step_by(37) {
            for align in (0..=12).map(|power| 1_usize << power) {
                let layout = layout(size, align);
                if layout.align().max(size) > MAX_SIZE {
                    continue;
                }
                let (first, second) = (take(arena, layout), take(arena, layout));
                for object in [first, second] {
                    assert!(object.as_ptr().addr().is_multiple_of(align), "{layout:?} at {object:?}");
                }
                assert!(first.as_ptr().addr().abs_diff(second.as_ptr().addr()) >= size);
                give(arena, first, layout);
                give(arena, second, layout);
            }
        }
    });
}

/// What came last goes first, on one core.
pub fn r001_2_what_was_given_back_last_is_handed_out_first<M: Machine>(machine: &M) {
    on_arena(machine, |arena| {
        for class in Class::all() {
            let layout = layout(class.size(), 8);
            let objects = [(); 3].map(|()| take(arena, layout));
            objects.iter().for_each(|&object| give(arena, object, layout));
            let again = [(); 3].map(|()| take(arena, layout));
            assert!(objects.iter().rev().eq(&again), "{class:?}");
            again.iter().for_each(|&object| give(arena, object, layout));
        }
    });
}

/// Slabs are made as long as there is memory; what is taken is counted, and is all there again in the end.
pub fn r001_3_objects_are_had_until_memory_is_out<M: Machine>(machine: &M) {
    on_arena(machine, |arena| {
        for size in [8, 64, 1000, 4096, MAX_SIZE] {
            let layout = layout(size, 8);
            // Not in a list: the machine's heap is not under test here, and half a million objects are many.
            let (mut last, mut count) = (None::<NonNull<u8>>, 0_u64);
            let why = loop {
                match arena.slabs().alloc(layout) {
                    Ok(object) => {
                        let next = last.map_or(0, |last| last.as_ptr().expose_provenance());
                        // SAFETY: an object of 8 bytes or more that was just handed out.
                        unsafe { object.cast::<usize>().write(next) };
                        last = Some(object);
                        count += 1;
                    }
                    Err(error) => break error,
                }
            };
            assert!(matches!(why, ObjectError::NoMemory(_)), "{why:?}");
            assert_eq!(arena.slabs().report().allocated(), count);
            assert!(count * size as u64 > arena::ram().1.size() * 9 / 10, "{count} objects of {size} bytes");
            while let Some(object) = last {
                // SAFETY: as above; it was written then.
                let next = unsafe { object.cast::<usize>().read() };
                give(arena, object, layout);
                last = NonNull::new(core::ptr::with_exposed_provenance_mut(next));
            }
            assert_eq!(arena.slabs().report().allocated(), 0);
            arena.slabs().shrink();
        }
    });
}

/// Descriptors have less than 1.6 hundredths of the bytes of slabs.
pub fn r002_3_metadata_is_small<M: Machine>(machine: &M) {
    on_arena(machine, |arena| {
        let mut held = Vec::new();
        for class in Class::all() {
            let layout = layout(class.size(), 8);
            let count = 48 * FRAME_SIZE as usize / class.size();
            held.extend((0..count).map(|_| (take(arena, layout), layout)));
        }
        let report = arena.slabs().report();
        assert!(report.metadata_bytes() * 1000 < report.slab_bytes() * 16, "{report}");
        held.into_iter().for_each(|(object, layout)| give(arena, object, layout));
    });
}

/// What is larger than any class is refused, with an error that says so.
pub fn r002_8_what_is_too_large_is_refused<M: Machine>(machine: &M) {
    on_arena(machine, |arena| {
        let layout = layout(MAX_SIZE + 1, 1);
        assert_eq!(arena.slabs().alloc(layout), Err(ObjectError::TooLarge { layout }));
    });
}
