//! What the levels `Paranoid` and `Debug` promise beyond the others.

use crate::machine::{Machine, Objects, SECRET, free, free_to, magazines, on_machine, overwrite, read};
use framekeeper::slabs::{Debug, Hardening, Misuse, ObjectAddr, Off, Paranoid, Sites, Slab, Standard};
use std::{alloc::Layout, ptr::NonNull};

#[test]
fn m11_m12_m13_who_writes_beside_his_object_is_found_out_when_it_is_given_back() {
    on_machine::<Paranoid>(8, 1, |_, slabs| {
        for size in [1, 7, 8, 100, 1000, 4000] {
            let layout = Layout::from_size_align(size, 1).unwrap();
            for (wrong, right) in [(size - 1, size), (size + 1, size)] {
                let start = slabs.alloc(layout).unwrap();
                let wrong = Layout::from_size_align(wrong, 1).unwrap();
                assert!(free(slabs, start, wrong).is_err(), "{wrong:?} for {right}");
                free(slabs, start, layout).unwrap();
            }
            let start = slabs.alloc(layout).unwrap();
            overwrite(start, size, 0);
            let address = ObjectAddr(start.as_ptr().addr());
            assert_eq!(free(slabs, start, layout), Err(Misuse::WrittenBehind { address, size }));
        }
    });
}

/// The size that was asked for is among them.
#[test]
fn m11_no_bit_behind_an_object_makes_it_one_of_another_size() {
    on_machine::<Paranoid>(8, 1, |_, slabs| {
        for size in [1, 56, 1000, 8184] {
            let layout = Layout::from_size_align(size, 1).unwrap();
            let (start, slot) =
                (slabs.alloc(layout).unwrap(), Objects::<Paranoid>::class_of(layout).unwrap().size());
            let misuse = Misuse::WrittenBehind { address: ObjectAddr(start.as_ptr().addr()), size };
            for (offset, bit) in (size..slot).flat_map(|offset| (0..8).map(move |bit| (offset, bit))) {
                let was = read(start, offset);
                overwrite(start, offset, was ^ 1 << bit);
                assert_eq!(free(slabs, start, layout), Err(misuse), "bit {bit} of byte {offset}");
                overwrite(start, offset, was);
            }
            free(slabs, start, layout).unwrap();
        }
    });
}

#[test]
fn m3_what_was_given_back_is_not_soon_handed_out_again() {
    on_machine::<Paranoid>(8, 1, |_, slabs| {
        let layout = Layout::from_size_align(64, 8).unwrap();
        let start = slabs.alloc(layout).unwrap();
        free(slabs, start, layout).unwrap();
        for _ in 0..8 {
            let other = slabs.alloc(layout).unwrap();
            assert_ne!(other, start);
            assert!(matches!(free(slabs, start, layout), Err(Misuse::DoubleFree { .. })));
        }
    });
}

/// Of such large objects two are taken at a time: of 40 slabs, some begin with the first and some with the second. So with
/// any secret.
#[test]
fn the_order_of_objects_is_another_in_each_slab() {
    for secret in [SECRET, 0, u64::MAX] {
        let machine = Machine { secret, ..Machine::new(2048, 1) };
        machine.run::<Paranoid>(|_, slabs| assert_orders_differ(slabs));
    }
}

fn assert_orders_differ<'a>(slabs: &'a Objects<'a, Paranoid>) {
    let cache = || Slab::new(slabs, magazines(1), 8000).unwrap();
    let caches: Vec<_> = (0..40).map(|_| cache()).collect();
    let slots = caches.iter().map(|cache| {
        let start = cache.alloc().unwrap();
        free_to(cache, start).unwrap();
        start.as_ptr().addr() % cache.usage().slab_size as usize / cache.usage().object_size
    });
    let slots: Vec<_> = slots.collect();
    assert!(slots.contains(&0) && slots.contains(&1), "{slots:?}");
}

/// Not even where there would be room for it.
#[test]
fn below_debug_nobody_notes_who_had_an_object() {
    fn noted<H: Hardening>() -> Sites {
        let (layout, mut noted) = (Layout::new::<u64>(), Sites::default());
        on_machine::<H>(1, 1, |_, slabs| {
            let objects: Vec<_> = (0..100).map(|_| slabs.alloc(layout).unwrap()).collect();
            objects.iter().for_each(|&object| free(slabs, object, layout).unwrap());
            let sites = |object: &NonNull<u8>| slabs.sites(ObjectAddr(object.as_ptr().addr()));
            noted = objects.iter().map(sites).find(|sites| *sites != noted).unwrap_or_default();
        });
        noted
    }
    assert_eq!([noted::<Off>(), noted::<Standard>(), noted::<Paranoid>()], [Sites::default(); 3]);
}

#[test]
fn m1_debug_tells_who_had_the_object_and_who_gave_it_back() {
    on_machine::<Debug>(8, 1, |_, slabs| {
        let layout = Layout::from_size_align(64, 8).unwrap();
        let (asked, start) = (line!(), slabs.alloc(layout).unwrap());
        free(slabs, start, layout).unwrap();
        let address = ObjectAddr(start.as_ptr().addr());
        let sites = slabs.sites(address);
        let allocated = sites.allocated.unwrap();
        assert_eq!((allocated.file(), allocated.line()), (file!(), asked));
        assert!(sites.freed.unwrap().file().ends_with("machine.rs"));
        assert!(matches!(free(slabs, start, layout), Err(Misuse::DoubleFree { .. })));
        assert_eq!(slabs.sites(address), sites, "what was refused is no event");
        assert_eq!(slabs.sites(ObjectAddr(1)), Default::default());
    });
}
