//! The requirements of slabs, by their numbers.
//!
//! | requirement | where else it is tested |
//! |---|---|
//! | 000-2, typed caches | `caches` |
//! | 000-3, 002-4, 002-5 as instructions | `cargo bench`, and the board `qemu-virt-icount` |
//! | 000-6, 002-12 | `threads` |
//! | 002-1, 002-2, 002-9, 002-14 as tables | `src/slabs/class.rs` |
//! | 002-6, 002-7 | `misuse` |

use crate::{
    ground::MIB,
    machine::{Machine, Object, Objects, cores::Cores, free, free_to, magazines, on_machine},
};
use framekeeper::{
    FRAME_SIZE, FrameAllocator,
    slabs::{Class, Hardening, Misuse, Slab, Standard},
};
use std::{alloc::Layout, collections::HashSet, ptr::NonNull};

/// Objects of a class that a test takes: for a slab or more of each, but for the smallest under Miri.
const MANY: usize = if cfg!(miri) { 40 } else { 300 };

fn layout_of(class: Class) -> Layout {
    bytes(class.size())
}

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

/// Classes, under Miri not all of them.
fn classes() -> impl Iterator<Item = Class> {
    Class::all().step_by(if cfg!(miri) { 13 } else { 1 })
}

fn take<H: Hardening>(slabs: &Objects<'_, H>, layout: Layout, count: usize) -> Vec<NonNull<u8>> {
    (0..count).map(|_| slabs.alloc(layout).unwrap()).collect()
}

fn give<H: Hardening>(slabs: &Objects<'_, H>, layout: Layout, objects: Vec<NonNull<u8>>) {
    objects.into_iter().for_each(|object| free(slabs, object, layout).unwrap());
}

/// Nobody but slabs has frames.
fn assert_conserved<H: Hardening>(frames: &FrameAllocator<'_, Cores>, slabs: &Objects<'_, H>, all: u64) {
    let report = slabs.report();
    let used = (report.slab_bytes() + report.metadata_bytes()) / FRAME_SIZE;
    assert_eq!(all - frames.free().total(), used, "frames that are neither free nor of slabs");
}

#[test]
fn r000_1_objects_are_had_by_size_and_by_layout() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let magazines = magazines(1);
        let slab = Slab::new(slabs, magazines, 100).unwrap();
        let of_size = Object::new(slab.alloc().unwrap(), bytes(100), 1);
        let of_layout = Object::new(slabs.alloc(bytes(100)).unwrap(), bytes(100), 2);
        assert_eq!((slab.usage().object_size, slab.usage().allocated()), (104, 1));
        free_to(&slab, of_size.checked().start).unwrap();
        free(slabs, of_layout.checked().start, bytes(100)).unwrap();
        slab.verify().unwrap();
    });
}

#[test]
fn r000_5_frames_are_free_or_of_slabs_or_of_descriptors() {
    const FRAMES: u64 = 8 * MIB / FRAME_SIZE;
    Machine::new(FRAMES, 2).run::<Standard>(|frames, slabs| {
        for class in classes() {
            let objects = take(slabs, layout_of(class), MANY);
            assert_conserved(frames, slabs, FRAMES);
            give(slabs, layout_of(class), objects);
            assert_conserved(frames, slabs, FRAMES);
        }
        slabs.shrink();
        let report = slabs.report();
        assert_eq!((report.slab_bytes(), report.metadata_bytes()), (0, 0));
        assert_eq!(frames.free().total(), FRAMES);
    });
}

#[test]
fn r000_7_growth_and_shrinking_are_seen() {
    on_machine::<Standard>(4, 1, |_, slabs| {
        let class = Class::of(bytes(1024)).unwrap();
        let usage = || slabs.report().of(class);
        let each = usage().per_slab as usize;
        assert_eq!((usage().created, each), (0, 16));
        let objects = take(slabs, bytes(1024), 3 * each + 1);
        assert_eq!((usage().created, usage().slabs()), (4, 4));
        give(slabs, bytes(1024), objects);
        slabs.shrink();
        assert_eq!((usage().created, usage().destroyed, usage().slabs()), (4, 4, 0));
        let text = slabs.report().to_string();
        assert!(
            text.contains("1024        0        0        0    16         4         4        49"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 3, "no other class had a slab: {text}");
    });
}

#[test]
fn r000_8_objects_of_all_classes_are_handed_out_and_taken_back() {
    on_machine::<Standard>(8, 1, |frames, slabs| {
        for class in classes() {
            let layout = layout_of(class);
            let object = |fill| Object::new(slabs.alloc(layout).unwrap(), layout, fill);
            let objects: Vec<_> = (0..MANY).map(|number| object((number % 256) as u8)).collect();
            for object in objects {
                free(slabs, object.checked().start, layout).unwrap();
            }
            assert_eq!(slabs.report().of(class).allocated(), 0);
        }
        println!("{}", slabs.report());
        slabs.shrink();
        assert_eq!(frames.free().total(), 8 * MIB / FRAME_SIZE);
    });
}

#[test]
fn r001_1_slabs_are_of_whole_frames_that_the_frame_allocator_handed_out() {
    on_machine::<Standard>(4, 1, |frames, slabs| {
        let object = slabs.alloc(bytes(3000)).unwrap();
        let before = frames.free().total();
        slabs.shrink();
        assert_eq!(frames.free().total(), before, "what has an object is not given back");
        free(slabs, object, bytes(3000)).unwrap();
        slabs.shrink();
        assert_eq!(frames.free().total(), 4 * MIB / FRAME_SIZE);
    });
}

#[test]
fn r001_2_free_and_allocated_objects_are_all_there_are() {
    on_machine::<Standard>(4, 1, |_, slabs| {
        let class = Class::of(bytes(512)).unwrap();
        let mut objects = Vec::new();
        for count in 1..=MANY {
            objects.extend(take(slabs, bytes(512), 1));
            let usage = slabs.report().of(class);
            assert_eq!((usage.allocated(), usage.handed_out()), (count as u64, count as u64));
            assert_eq!(usage.allocated() + usage.available(), usage.objects());
        }
        while let Some(object) = objects.pop() {
            free(slabs, object, bytes(512)).unwrap();
            let usage = slabs.report().of(class);
            assert_eq!(usage.allocated(), objects.len() as u64);
            assert_eq!(usage.freed, (MANY - objects.len()) as u64);
        }
    });
}

#[test]
fn r001_2_what_was_given_back_last_is_handed_out_first() {
    on_machine::<Standard>(4, 1, |_, slabs| {
        for class in classes() {
            let (first, second) = (layout_of(class), layout_of(class));
            let [a, b] = [slabs.alloc(first).unwrap(), slabs.alloc(second).unwrap()];
            free(slabs, a, first).unwrap();
            free(slabs, b, first).unwrap();
            assert_eq!([slabs.alloc(first), slabs.alloc(second)], [Ok(b), Ok(a)]);
            give(slabs, first, vec![a, b]);
        }
    });
}

#[test]
fn r001_3_slabs_are_made_as_long_as_there_is_memory_and_full_ones_are_used_again() {
    const FRAMES: u64 = 300;
    Machine::new(FRAMES, 1).run::<Standard>(|frames, slabs| {
        let all = || std::iter::from_fn(|| slabs.alloc(bytes(2048)).ok()).collect::<Vec<_>>();
        let mut objects = all();
        let usage = slabs.report().of(Class::of(bytes(2048)).unwrap());
        assert_eq!((usage.available(), usage.allocated()), (0, objects.len() as u64));
        assert!(usage.slabs() > 70, "{usage}");
        assert_conserved(frames, slabs, FRAMES);
        let one = objects.swap_remove(objects.len() / 2);
        free(slabs, one, bytes(2048)).unwrap();
        assert_eq!(slabs.alloc(bytes(2048)), Ok(one));
        objects.push(one);
        assert_eq!(objects.iter().collect::<HashSet<_>>().len(), objects.len());
        give(slabs, bytes(2048), objects);
    });
}

#[test]
fn r001_4_each_cache_has_slabs_of_its_own_and_refuses_objects_of_another() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let (ones, others) = (magazines(1), magazines(1));
        let [one, other] = [ones, others].map(|magazines| Slab::new(slabs, magazines, 64).unwrap());
        let object = one.alloc().unwrap();
        assert!(matches!(free_to(&other, object), Err(Misuse::WrongPool { .. })));
        assert!(matches!(free(slabs, object, bytes(64)), Err(Misuse::WrongPool { .. })));
        free_to(&one, object).unwrap();
        assert_eq!((one.usage().freed, other.usage().freed), (1, 0));
    });
}

#[test]
fn r002_1_eleven_sizes_are_served_exactly() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        for size in (3..=13).map(|power| 1 << power) {
            let object = Object::new(slabs.alloc(bytes(size)).unwrap(), bytes(size), 3);
            let usage = slabs.report().of(Class::of(bytes(size)).unwrap());
            assert_eq!((usage.object_size, usage.allocated()), (size, 1));
            free(slabs, object.checked().start, bytes(size)).unwrap();
        }
    });
}

/// From what lies between neighbours, that is, not from what the table says.
#[test]
fn r002_2_less_than_an_eighth_is_wasted_between_neighbours() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        for size in (57..=8192).step_by(if cfg!(miri) { 1001 } else { 7 }) {
            let mut two = take(slabs, bytes(size), 2);
            two.sort();
            let slot = two[1].as_ptr().addr() - two[0].as_ptr().addr();
            assert!(slot >= size && (slot - size) * 8 < slot, "{size} bytes in {slot}");
            give(slabs, bytes(size), two);
            slabs.shrink();
        }
    });
}

/// Descriptors come in chunks of 8 or 64 KiB: the last one is full with so many of the largest, and counts little with all
/// others.
#[test]
#[cfg_attr(miri, ignore = "too many objects")]
fn r002_3_descriptors_have_less_than_1_6_percent_of_the_bytes_of_slabs() {
    const BYTES: usize = (3 * 63) << 16;
    let mut worst = (0, 0);
    for class in Class::all() {
        on_machine::<Standard>(14, 1, |_, slabs| {
            let objects = take(slabs, layout_of(class), BYTES / class.size());
            let report = slabs.report();
            let per_million = report.metadata_bytes() * 1_000_000 / report.slab_bytes();
            assert!(per_million <= 16_000, "{} bytes: {per_million} of a million", class.size());
            worst = worst.max((per_million, class.size()));
            give(slabs, layout_of(class), objects);
        });
    }
    println!("at worst {} bytes of a million, for objects of {} bytes", worst.0, worst.1);
}
