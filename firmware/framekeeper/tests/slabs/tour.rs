//! Everything that slabs do, once, on a small machine: what Miri looks at, under whose eyes the other tests take hours.
//!
//! ```text
//! MIRIFLAGS="-Zmiri-strict-provenance" cargo +nightly miri test -p framekeeper --test slabs tour
//! MIRIFLAGS="-Zmiri-strict-provenance -Zmiri-tree-borrows -Zmiri-many-seeds=0..64" 〃 tour::objects_go
//! ```

use crate::machine::{Machine, Object, cores::on_core, free, free_to, magazines};
use framekeeper::slabs::{Cache, Debug, Hardening, Misuse, Off, Paranoid, Slab, Standard};
use std::{alloc::Layout, cell::Cell, rc::Rc, sync::mpsc::sync_channel, thread};

/// Frames of RAM.
const FRAMES: u64 = 64;

/// Sizes and alignments of objects.
const LAYOUTS: [(usize, usize); 6] = [(1, 1), (8, 8), (24, 8), (60, 32), (700, 4), (8000, 8)];

fn layouts() -> impl Iterator<Item = Layout> {
    LAYOUTS.into_iter().map(|(size, align)| Layout::from_size_align(size, align).unwrap())
}

fn sizes<H: Hardening>() {
    Machine::new(FRAMES, 1).run::<H>(|frames, slabs| {
        for (layout, fill) in layouts().zip(1..) {
            let object = |_| Object::new(slabs.alloc(layout).unwrap(), layout, fill);
            let objects: Vec<_> = (0..6).map(object).collect();
            let starts: Vec<_> = objects.iter().map(|object| object.start).collect();
            for object in objects {
                free(slabs, object.checked().start, layout).unwrap();
            }
            if H::LEVEL > Off::LEVEL {
                let again = free(slabs, starts[0], layout);
                assert!(matches!(again, Err(Misuse::DoubleFree { .. })), "{again:?}");
            }
        }
        slabs.verify().unwrap();
        assert_eq!(slabs.report().allocated(), 0);
        slabs.shrink();
        frames.drain();
        assert_eq!(frames.free().total(), FRAMES);
    });
}

#[test]
fn objects_of_some_sizes_at_each_level() {
    sizes::<Off>();
    sizes::<Standard>();
    sizes::<Paranoid>();
    sizes::<Debug>();
}

#[test]
fn objects_with_a_life_and_objects_of_one_size() {
    Machine::new(FRAMES, 1).run::<Paranoid>(|_, slabs| {
        let made = Rc::new(Cell::new(0));
        let make = || {
            made.set(made.get() + 1);
            Some((made.clone(), [made.get(); 300]))
        };
        let cache = Cache::new(slabs, "of arrays", magazines(1), make).unwrap();
        let mut reserve = cache.reserve::<3>().unwrap();
        let mut first = reserve.take().unwrap();
        first.1[299] = 7;
        drop(reserve);
        drop(first);
        let mut bulk = [const { None }; 4];
        assert_eq!(cache.alloc_bulk(&mut bulk), 4);
        drop(bulk);
        cache.verify().unwrap();
        assert_eq!(Rc::strong_count(&made), usize::try_from(made.get()).unwrap() + 1);
        cache.destroy().unwrap();
        assert_eq!(Rc::strong_count(&made), 1, "each was dropped");
        let plain = Slab::new(slabs, magazines(1), 1500).unwrap();
        let object = plain.alloc().unwrap();
        free_to(&plain, object).unwrap();
        assert!(free_to(&plain, object).is_err());
    });
}

#[test]
fn objects_go_from_core_to_core() {
    Machine::new(FRAMES, 2).run::<Standard>(|_, slabs| {
        let layout = Layout::from_size_align(2000, 8).unwrap();
        let (send, receive) = sync_channel(4);
        thread::scope(|scope| {
            scope.spawn(move || {
                on_core(1);
                for object in receive {
                    let object: Object = object;
                    free(slabs, object.checked().start, layout).unwrap();
                }
            });
            for fill in 0..20 {
                send.send(Object::new(slabs.alloc(layout).unwrap(), layout, fill)).unwrap();
            }
            drop(send);
        });
        assert_eq!(slabs.reports(), 0);
    });
}
