//! What objects hold once they are given back: who wrote there is found out, and what looks like a mark is none.

use crate::machine::{
    Machine, Object, Objects, cores::on_core, fill_with_marks, free, free_to, magazines, mark, overwrite,
    read,
};
use framekeeper::{
    Core,
    slabs::{Cache, FreeIn, Hardening, Misuse, ObjectAddr, Off, Paranoid, Slab, SlabFault, Standard},
};
use std::{alloc::Layout, cell::RefCell, collections::HashSet, ptr::NonNull};

std::thread_local! {
    /// What the thread's machine was told.
    static HEARD: RefCell<Vec<Misuse>> = const { RefCell::new(Vec::new()) };
}

fn hear(misuse: Misuse) {
    HEARD.with_borrow_mut(|heard| heard.push(misuse));
}

fn heard() -> Vec<Misuse> {
    HEARD.take()
}

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

fn at(object: NonNull<u8>) -> ObjectAddr {
    ObjectAddr(object.as_ptr().addr())
}

/// A machine that hears of misuse.
fn on_hearing_machine<H: Hardening>(work: impl FnOnce(&Objects<'_, H>)) {
    let machine = Machine { hook: Some(hear), ..Machine::new(256, 1) };
    machine.run::<H>(|_, slabs| work(slabs));
}

/// Takes all that there is of a layout until an object was handed out or was found to be written to.
fn take_until_found<H: Hardening>(slabs: &Objects<'_, H>, layout: Layout, victim: NonNull<u8>) -> bool {
    let mut taken = Vec::new();
    let found = loop {
        taken.push(slabs.alloc(layout).unwrap());
        if slabs.reports() > 0 || taken.last() == Some(&victim) {
            break slabs.reports() > 0;
        }
    };
    assert!(!found || !taken.contains(&victim), "it is not handed out any more");
    taken.into_iter().for_each(|object| free(slabs, object, layout).unwrap());
    found
}

/// A byte is written into an object that was given back once so many others were, and before so many more were.
fn written<H: Hardening>(size: usize, offset: usize, (first, then): (usize, usize)) -> bool {
    let mut is_found = false;
    on_hearing_machine::<H>(|slabs| {
        let (layout, class) = (bytes(size), Objects::<H>::class_of(bytes(size)).unwrap());
        let objects: Vec<_> = (0..first + 1 + then).map(|_| slabs.alloc(layout).unwrap()).collect();
        objects.iter().for_each(|&object| free(slabs, object, layout).unwrap());
        let victim = objects[first];
        let (found, before) = (slabs.verify(), slabs.report());
        assert_eq!(found, Ok(()));
        overwrite(victim, offset, read(victim, offset) ^ 0x10);
        let fault = slabs.verify();
        assert_eq!(slabs.report(), before);
        is_found = take_until_found(slabs, layout, victim);
        assert_eq!(is_found, matches!(fault, Err(SlabFault::Written { object, .. }) if object == at(victim)));
        let told = Misuse::WrittenAfterFree { address: at(victim) };
        assert_eq!(told.to_string(), format!("{} was written to after it was given back", at(victim)));
        assert_eq!(heard(), if is_found { vec![told] } else { vec![] });
        assert_eq!(slabs.report().of(class).allocated(), u64::from(is_found), "it stays out of use");
    });
    is_found
}

/// How many others are given back first and then, so that an object lies in a magazine, in the depot, in its slab.
const PLACES: [((usize, usize), FreeIn); 3] =
    [((0, 0), FreeIn::Magazine(Core::new(0))), ((0, 40), FreeIn::Depot), ((80, 40), FreeIn::Slab)];

#[test]
fn what_is_free_is_where_the_following_tests_write_to_it() {
    for ((first, then), place) in PLACES {
        on_hearing_machine::<Standard>(|slabs| {
            let objects: Vec<_> = (0..first + 1 + then).map(|_| slabs.alloc(bytes(64)).unwrap()).collect();
            objects.iter().for_each(|&object| free(slabs, object, bytes(64)).unwrap());
            let again = free(slabs, objects[first], bytes(64));
            assert_eq!(again, Err(Misuse::DoubleFree { address: at(objects[first]), found: place }));
        });
    }
}

#[test]
fn m10_at_standard_the_first_16_bytes_are_watched() {
    for (others, place) in PLACES {
        for offset in 0..16 {
            assert!(written::<Standard>(64, offset, others), "byte {offset}, {place}");
        }
        assert!(!written::<Standard>(64, 16, others), "{place}");
        for offset in 0..8 {
            assert!(written::<Standard>(8, offset, others), "byte {offset}, {place}");
        }
    }
}

#[test]
fn m10_at_paranoid_all_bytes_are_watched() {
    for (others, place) in PLACES {
        for offset in 0..72 {
            assert!(written::<Paranoid>(64, offset, others), "byte {offset}, {place}");
        }
        // Also one that is no multiple of 8, and the largest.
        for (size, offsets) in [(1, [0, 7]), (57, [56, 63]), (100, [99, 103])] {
            for offset in offsets {
                assert!(written::<Paranoid>(size, offset, others), "byte {offset} of {size}");
            }
        }
    }
}

#[test]
fn m10_at_off_nothing_is_watched() {
    assert!(!written::<Off>(64, 0, (0, 0)));
}

/// Behind the object, where its constructor's work must stay.
#[test]
fn m10_of_a_cache_the_word_behind_the_object_is_watched() {
    let machine = Machine { hook: Some(hear), ..Machine::new(256, 1) };
    machine.run::<Standard>(|_, slabs| {
        let cache = Cache::new(slabs, "pairs", magazines(1), || Some([1_u64, 2])).unwrap();
        let object = cache.alloc().unwrap().into_raw();
        drop(crate::machine::from_raw(&cache, object));
        overwrite(object.cast(), 16 + 3, read(object.cast(), 16 + 3) ^ 1);
        assert!(matches!(cache.verify(), Err(SlabFault::Written { .. })));
        let mut held = Vec::new();
        while slabs.reports() == 0 {
            held.push(cache.alloc().unwrap());
        }
        assert_eq!(heard(), [Misuse::WrittenAfterFree { address: at(object.cast()) }]);
        assert!(held.iter().all(|other| std::ptr::from_ref(&**other) != object.as_ptr()));
    });
}

/// Nothing that was in an object can be read once it is free.
#[test]
fn m21_at_paranoid_what_was_in_an_object_is_gone_when_it_is_given_back() {
    on_hearing_machine::<Paranoid>(|slabs| {
        let object = Object::new(slabs.alloc(bytes(100)).unwrap(), bytes(100), 0xa5);
        free(slabs, object.start, bytes(100)).unwrap();
        let left = (0..100).filter(|&offset| read(object.start, offset) == 0xa5).count();
        // A mark may have such a byte, and then has it in each word.
        assert!(left <= 100 / 8 * 2, "{left} bytes are left");
    });
}

/// An object that holds what it would if it were free is given back like any other, and once only.
fn m22<H: Hardening>(rounds: usize) {
    on_hearing_machine::<H>(|slabs| {
        for size in [8, 16, 56, 100, 1000] {
            let mut held = Vec::new();
            for round in 0..rounds {
                let object = Object::new(slabs.alloc(bytes(size)).unwrap(), bytes(size), 1);
                fill_with_marks(&object);
                held.push(object.start);
                if round % 3 == 2 {
                    let object = held.swap_remove(round * 7 % held.len());
                    free(slabs, object, bytes(size)).unwrap();
                    if H::LEVEL != Off::LEVEL {
                        let again = free(slabs, object, bytes(size));
                        assert!(matches!(again, Err(Misuse::DoubleFree { .. })), "{again:?}");
                    }
                }
            }
            slabs.verify().unwrap();
            held.into_iter().for_each(|object| free(slabs, object, bytes(size)).unwrap());
            let class = Objects::<H>::class_of(bytes(size)).unwrap();
            assert_eq!((slabs.reports(), slabs.report().of(class).allocated()), (0, 0));
        }
        assert_eq!(heard(), []);
    });
}

#[test]
fn m22_what_looks_like_a_mark_is_no_double_free() {
    let rounds = if cfg!(miri) { 60 } else { 300 };
    m22::<Off>(rounds);
    m22::<Standard>(rounds);
    m22::<Paranoid>(rounds);
}

#[test]
fn m22_in_a_cache_of_one_size_too() {
    let machine = Machine { hook: Some(hear), ..Machine::new(256, 2) };
    machine.run::<Standard>(|_, slabs| {
        let slab = Slab::new(slabs, magazines(2), 40).unwrap();
        let objects: Vec<_> = (0..200)
            .map(|number| {
                on_core(number % 2);
                let object = Object::new(slab.alloc().unwrap(), bytes(40), 1);
                fill_with_marks(&object);
                object.start
            })
            .collect();
        assert_eq!(objects.iter().collect::<HashSet<_>>().len(), 200);
        for &object in &objects {
            free_to(&slab, object).unwrap();
            let again = free_to(&slab, object).unwrap_err();
            let Misuse::DoubleFree { address, found: FreeIn::Magazine(_) } = again else { panic!("{again}") };
            assert_eq!(address, at(object));
        }
        on_core(0);
        slab.verify().unwrap();
        assert_eq!((slabs.reports(), slab.usage().allocated()), (0, 0));
    });
}

/// Written to between two frees, so that it does not look free at the second one: it is found out when it comes to its slab.
#[test]
fn m1_a_double_free_that_is_hidden_is_found_out_at_the_flush() {
    on_hearing_machine::<Standard>(|slabs| {
        let beside = slabs.alloc(bytes(64)).unwrap();
        let object = slabs.alloc(bytes(64)).unwrap();
        free(slabs, object, bytes(64)).unwrap();
        overwrite(object, 0, read(object, 0) ^ 1);
        let hidden = free(slabs, object, bytes(64));
        // Under Miri each free is looked into.
        assert!(hidden.is_ok() || cfg!(miri), "{hidden:?}");
        slabs.shrink();
        let told = Misuse::DoubleFree { address: at(object), found: FreeIn::Slab };
        assert_eq!(heard(), if hidden.is_ok() { vec![told] } else { vec![] });
        assert_eq!(
            told.to_string(),
            format!("{} was given back before: it is free, in its slab", at(object))
        );
        if hidden.is_ok() {
            slabs.verify().unwrap();
        }
        assert_eq!(slabs.report().allocated(), 1);
        free(slabs, beside, bytes(64)).unwrap();
        overwrite(object, 0, read(object, 0) ^ u8::from(hidden.is_err()));
    });
}

fn marked_bytes<H: Hardening>(size: usize) -> usize {
    let mut marked = 0;
    on_hearing_machine::<H>(|slabs| {
        let object = Object::new(slabs.alloc(bytes(size)).unwrap(), bytes(size), 0x11);
        let (start, mark) = (object.start, mark(object.start));
        free(slabs, start, bytes(size)).unwrap();
        marked = (0..size).take_while(|&offset| read(start, offset) == mark[offset % 8]).count();
        assert!((marked..size).all(|offset| read(start, offset) == 0x11), "the rest is left alone");
    });
    marked
}

#[test]
fn what_is_free_is_marked_with_its_address_and_the_secret() {
    let sizes = [8, 16, 24, 200];
    assert_eq!(sizes.map(marked_bytes::<Off>), [0; 4]);
    assert_eq!(sizes.map(marked_bytes::<Standard>), [8, 16, 16, 16]);
    assert_eq!(sizes.map(marked_bytes::<Paranoid>), sizes);
}
