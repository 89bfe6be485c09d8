//! The requirements of slabs that go beyond single objects: what calls cost, what is kept, and what is told.

use crate::machine::{Machine, Object, Objects, cores::on_core, free, free_to, looks, magazines, on_machine};
use framekeeper::slabs::{CacheError, Class, Hardening, Misuse, ObjectError, Off, Paranoid, Slab, Standard};
use std::{alloc::Layout, collections::HashSet, ptr::NonNull};

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

/// Gives objects back in another order than they were taken in: first every third, from behind, then the others.
fn give_mixed<H: Hardening>(slabs: &Objects<'_, H>, layout: Layout, objects: &[NonNull<u8>]) {
    for part in 0..3 {
        let objects = objects.iter().rev().skip(part).step_by(3);
        objects.for_each(|&object| free(slabs, object, layout).unwrap());
    }
}

/// What one pair, and what a thousand calls of a kind cost at most, in looks at memory, with so many slabs.
fn cost_with<H: Hardening>(slabs: &Objects<'_, H>, slabs_before: usize) -> [u64; 4] {
    let layout = bytes(2000);
    let held: Vec<_> = (0..slabs_before * 8).map(|_| slabs.alloc(layout).unwrap()).collect();
    // All slabs have room, and none is empty.
    held.iter().skip(1).step_by(2).for_each(|&object| free(slabs, object, layout).unwrap());
    let mut worst = [0; 4];
    let mut objects = Vec::new();
    for _ in 0..100 {
        worst[0] = worst[0].max(looks(|| objects.push(slabs.alloc(layout).unwrap())));
    }
    worst[1] = looks(|| objects.extend((0..100).map(|_| slabs.alloc(layout).unwrap())));
    for object in objects.drain(..100) {
        worst[2] = worst[2].max(looks(|| free(slabs, object, layout).unwrap()));
    }
    worst[3] = looks(|| objects.drain(..).for_each(|object| free(slabs, object, layout).unwrap()));
    held.iter().step_by(2).for_each(|&object| free(slabs, object, layout).unwrap());
    worst
}

/// Instructions are counted elsewhere; what can be seen here is how often memory is looked at.
#[test]
#[cfg_attr(miri, ignore = "too many objects")]
fn r002_5_calls_cost_the_same_with_many_slabs() {
    on_machine::<Standard>(32, 1, |_, slabs| {
        let few = cost_with(slabs, 100);
        let many = cost_with(slabs, 1000);
        println!("alloc, 100 of them, free, 100 of them: {few:?} looks with 100 slabs, {many:?} with 1000");
        assert_eq!([many[1], many[3]], [few[1], few[3]], "in sum");
        assert!(
            [many[0], many[2], few[0], few[2]].iter().all(|&worst| worst <= 16),
            "the worst of single calls"
        );
    });
}

#[test]
fn r002_5_a_pair_that_meets_a_magazine_looks_at_nothing_else() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let object = slabs.alloc(bytes(64)).unwrap();
        free(slabs, object, bytes(64)).unwrap();
        let pair = looks(|| {
            assert_eq!(slabs.alloc(bytes(64)), Ok(object));
            if !cfg!(miri) {
                free(slabs, object, bytes(64)).unwrap();
            }
        });
        assert_eq!(pair, 0);
        if cfg!(miri) {
            free(slabs, object, bytes(64)).unwrap();
        }
    });
}

/// The depot and the magazine are full: what goes back into the slab does so with others.
#[test]
#[cfg_attr(miri, ignore = "there each free is looked into")]
fn r002_5_neighbours_that_come_back_to_their_slab_together_cost_one_look_at_it() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let objects: Vec<_> = (0..256).map(|_| slabs.alloc(bytes(64)).unwrap()).collect();
        let (first, others) = objects.split_at(130);
        first.iter().for_each(|&object| free(slabs, object, bytes(64)).unwrap());
        let before = slabs.report().of(Class::of(bytes(64)).unwrap()).in_slabs;
        let looks =
            looks(|| others.iter().take(64).for_each(|&object| free(slabs, object, bytes(64)).unwrap()));
        assert_eq!(slabs.report().of(Class::of(bytes(64)).unwrap()).in_slabs - before, 64);
        // 16 at a time; a look at the slab is one for its descriptor and one for its start.
        assert_eq!(looks, 4 * 2);
        others.iter().skip(64).for_each(|&object| free(slabs, object, bytes(64)).unwrap());
    });
}

#[test]
fn r002_8_what_is_too_large_is_refused_with_an_error_that_says_so() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let before = slabs.report();
        let too_large = [
            (8193, 1, "no slab has objects of 8193 bytes, aligned to 1"),
            (1, 16384, "no slab has objects of 1 bytes, aligned to 16384"),
            (0, 16384, "no slab has objects of 0 bytes, aligned to 16384"),
            (isize::MAX as usize - 7, 8, "no slab has objects of 9223372036854775800 bytes, aligned to 8"),
        ];
        for (size, align, text) in too_large {
            let layout = Layout::from_size_align(size, align).unwrap();
            let error = slabs.alloc(layout).unwrap_err();
            assert_eq!((error, &*error.to_string()), (ObjectError::TooLarge { layout }, text));
        }
        assert_eq!(slabs.report(), before);
    });
}

#[test]
fn r002_8_of_caches_by_size_none_is_for_nothing_and_none_for_too_much() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let magazines = magazines(1);
        for size in [0, 8193, usize::MAX] {
            let error = Slab::new(slabs, magazines, size).unwrap_err();
            assert_eq!(error, CacheError::BadSize { size });
            assert_eq!(error.to_string(), format!("no slab has objects of {size} bytes"));
        }
    });
}

fn objects_without_bytes<H: Hardening>() {
    on_machine::<H>(2, 1, |_, slabs| {
        for align in [1, 8, 64, 4096] {
            let layout = Layout::from_size_align(0, align).unwrap();
            let two = [(); 2].map(|()| Object::new(slabs.alloc(layout).unwrap(), layout, 0).start);
            assert_ne!(two[0], two[1]);
            two.into_iter().for_each(|object| free(slabs, object, layout).unwrap());
        }
    });
}

#[test]
fn r002_8_m18_what_has_no_bytes_has_an_address_of_its_own() {
    objects_without_bytes::<Off>();
    objects_without_bytes::<Standard>();
    objects_without_bytes::<Paranoid>();
}

#[test]
fn r002_9_a_hundred_bytes_are_of_the_class_of_104() {
    on_machine::<Standard>(2, 1, |_, slabs| {
        let object = slabs.alloc(bytes(100)).unwrap();
        let report = slabs.report();
        let used = Class::all().filter(|&class| report.of(class).allocated() > 0);
        assert_eq!(used.map(Class::size).collect::<Vec<_>>(), [104]);
        free(slabs, object, bytes(100)).unwrap();
    });
}

#[test]
fn r002_10_what_was_done_is_counted() {
    on_machine::<Standard>(4, 2, |_, slabs| {
        let class = Class::of(bytes(256)).unwrap();
        let objects: Vec<_> = (0..200).map(|_| slabs.alloc(bytes(256)).unwrap()).collect();
        on_core(1);
        objects.iter().take(150).for_each(|&object| free(slabs, object, bytes(256)).unwrap());
        on_core(0);
        let usage = slabs.report().of(class);
        assert_eq!((usage.object_size, usage.slab_size, usage.per_slab), (256, 16384, 64));
        assert_eq!((usage.slabs(), usage.objects(), usage.bytes()), (4, 256, 65536));
        assert_eq!((usage.allocated(), usage.available()), (50, 206));
        assert_eq!((usage.handed_out(), usage.freed), (200, 150));
        assert!(usage.in_magazines > 0 && usage.in_depot > 0 && usage.in_slabs > 0, "{usage:?}");
        assert_eq!(slabs.report().allocated(), 50, "no other class has any");
        objects.iter().skip(150).for_each(|&object| free(slabs, object, bytes(256)).unwrap());
        slabs.shrink();
        let usage = slabs.report().of(class);
        assert_eq!((usage.created, usage.destroyed, usage.handed_out(), usage.freed), (4, 4, 200, 200));
        assert_eq!((usage.in_magazines, usage.in_depot, usage.in_slabs), (0, 0, 0));
    });
}

/// Two that are empty, and what the depot and the magazine hold objects of.
#[test]
fn r002_11_few_empty_slabs_are_kept_and_none_when_they_are_shrunk() {
    on_machine::<Standard>(16, 1, |frames, slabs| {
        let class = Class::of(bytes(1024)).unwrap();
        let objects: Vec<_> = (0..16 * 100).map(|_| slabs.alloc(bytes(1024)).unwrap()).collect();
        give_mixed(slabs, bytes(1024), &objects);
        let usage = slabs.report().of(class);
        // 32 in the depot and 16 in the magazine at most: in the worst case each is of another slab.
        assert!(usage.slabs() <= 2 + 32 + 16, "{usage}");
        assert_eq!(usage.destroyed, usage.created - usage.slabs());
        let free_before = frames.free().total();
        slabs.shrink();
        let usage = slabs.report().of(class);
        assert_eq!((usage.created, usage.slabs()), (100, 0));
        assert!(frames.free().total() > free_before);
    });
}

/// Beside those that the depot and the magazine hold objects of.
#[test]
fn r002_11_two_slabs_that_are_empty_are_kept() {
    on_machine::<Standard>(4, 1, |_, slabs| {
        let usage = || slabs.report().of(Class::of(bytes(8192)).unwrap());
        let objects: Vec<_> = (0..80).map(|_| slabs.alloc(bytes(8192)).unwrap()).collect();
        objects.iter().for_each(|&object| free(slabs, object, bytes(8192)).unwrap());
        let left = usage();
        let beside = (0..left.in_depot + left.in_magazines).map(|_| slabs.alloc(bytes(8192)).unwrap());
        let beside: Vec<_> = beside.collect();
        assert_eq!((usage().in_slabs, usage().created), (left.in_slabs, left.created));
        let slab_of = |object: &NonNull<u8>| object.as_ptr().addr() as u64 / left.slab_size;
        let in_use: HashSet<_> = beside.iter().map(slab_of).collect();
        assert_eq!(left.slabs() - in_use.len() as u64, 2);
        beside.into_iter().for_each(|object| free(slabs, object, bytes(8192)).unwrap());
    });
}

#[test]
fn r002_12_what_is_between_cores_is_handed_out_before_there_is_a_new_slab() {
    on_machine::<Standard>(2, 2, |_, slabs| {
        let usage = || slabs.report().of(Class::of(bytes(256)).unwrap());
        let objects: Vec<_> = (0..64).map(|_| slabs.alloc(bytes(256)).unwrap()).collect();
        on_core(1);
        objects.iter().for_each(|&object| free(slabs, object, bytes(256)).unwrap());
        on_core(0);
        let before = usage();
        assert!(before.in_depot > 0 && before.in_slabs == 0, "{before:?}");
        let objects: Vec<_> = (0..before.in_depot).map(|_| slabs.alloc(bytes(256)).unwrap()).collect();
        assert_eq!((usage().created, usage().in_depot), (before.created, 0));
        objects.iter().for_each(|&object| free(slabs, object, bytes(256)).unwrap());
    });
}

#[test]
fn r002_13_each_core_has_objects_of_its_own() {
    on_machine::<Standard>(2, 2, |_, slabs| {
        let of_core = |core| {
            on_core(core);
            slabs.alloc(bytes(64)).unwrap()
        };
        let two = [of_core(0), of_core(1)];
        free(slabs, two[1], bytes(64)).unwrap();
        on_core(0);
        free(slabs, two[0], bytes(64)).unwrap();
        assert_eq!([of_core(0), of_core(1)], two);
        two.into_iter().for_each(|object| free(slabs, object, bytes(64)).unwrap());
    });
}

/// With fewer magazines than cores, and with none, objects come over the pool's counter.
#[test]
fn r002_13_a_core_without_a_magazine_is_served() {
    on_machine::<Standard>(2, 2, |_, slabs| {
        let magazines = magazines(1);
        let slab = Slab::new(slabs, magazines, 48).unwrap();
        on_core(1);
        let objects: Vec<_> = (0..100).map(|_| slab.alloc().unwrap()).collect();
        for &object in &objects {
            free_to(&slab, object).unwrap();
            assert!(matches!(free_to(&slab, object), Err(Misuse::DoubleFree { .. })));
        }
        assert_eq!((slab.usage().freed, slab.usage().allocated()), (100, 0));
        slab.verify().unwrap();
        on_core(0);
    });
}

fn aligned<H: Hardening>() {
    Machine::new(1024, 1).run::<H>(|_, slabs| {
        for align in (0..13).map(|power| 1 << power) {
            for size in [1, 8, 24, 100, 1000, 4096, 8000] {
                let layout = Layout::from_size_align(size, align).unwrap();
                let three = [1, 2, 3].map(|fill| Object::new(slabs.alloc(layout).unwrap(), layout, fill));
                for object in three {
                    free(slabs, object.checked().start, layout).unwrap();
                }
            }
            slabs.shrink();
        }
    });
}

/// `Object` asserts it.
#[test]
fn r002_14_objects_are_aligned_as_was_asked_for() {
    aligned::<Off>();
    aligned::<Standard>();
    aligned::<Paranoid>();
}
