//! Objects on their way between the magazines of two cores, their depot and their slabs.

#![expect(unsafe_code, reason = "maps memory, and gives back objects")]

use super::*;
use crate::{
    Owner,
    slabs::{Class, DirectMap, Hardening, Magazines, Misuse, Pools, Setup, Slabs, Standard},
};
use core::{
    alloc::Layout,
    ptr::NonNull,
    sync::atomic::{AtomicBool, Ordering},
};
use loom::thread;
use std::boxed::Box;

/// The largest class: a core keeps four of its objects, and eight are a slab.
const LARGEST: Layout = Layout::new::<[u64; 1024]>();

/// RAM, mapped where it was allocated.
#[derive(Clone, Copy)]
struct Mapped(NonNull<u8>);

// SAFETY: it is an address.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

// SAFETY: the memory is as large as RAM, aligned, and never given back.
unsafe impl DirectMap for Mapped {
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        NonNull::new(self.0.as_ptr().wrapping_add(usize::try_from(address.0).unwrap())).unwrap()
    }

    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        PhysAddr((pointer.as_ptr().addr() as u64).wrapping_sub(self.0.as_ptr().addr() as u64))
    }
}

type TheSlabs = Slabs<'static, Free, Mapped, Standard>;

fn slabs() -> (&'static FrameAllocator<'static, Free>, &'static TheSlabs) {
    let frames = allocator(Free, 0);
    let layout = Layout::from_size_align(2 << 20, 2 << 20).unwrap();
    // SAFETY: the size is not zero.
    let memory = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }).unwrap();
    let magazines: Vec<_> = (0..2).map(|_| Magazines::new()).collect();
    let setup = Setup {
        memory: Mapped(memory),
        pools: Box::leak(Box::new(Pools::new())),
        magazines: magazines.leak(),
        owner: Owner::new(1),
        secret: 0x5eed,
        hook: None,
        sites: None,
    };
    (frames, Box::leak(Box::new(Slabs::new(frames, setup).unwrap())))
}

/// An object that is sent to another thread.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Sent(NonNull<u8>);

// SAFETY: it is an address of memory that only who has this uses.
unsafe impl Send for Sent {}

impl Sent {
    fn alloc(slabs: &TheSlabs) -> Self {
        Self(slabs.alloc(LARGEST).unwrap())
    }

    fn free(self, slabs: &TheSlabs) -> Result<(), Misuse> {
        // SAFETY: a model uses no object that it gave back, or means to.
        unsafe { slabs.free(self.0, LARGEST) }
    }
}

/// Which objects are out, known to the model alone.
struct Owned([AtomicBool; 512]);

impl Owned {
    const fn new() -> Self {
        Self([const { AtomicBool::new(false) }; 512])
    }

    fn take(&self, object: Sent) {
        assert!(!self.of(object).swap(true, Ordering::Relaxed), "{object:?} twice");
    }

    fn give(&self, object: Sent) {
        assert!(self.of(object).swap(false, Ordering::Relaxed), "{object:?} was not out");
    }

    fn of(&self, object: Sent) -> &AtomicBool {
        &self.0[object.0.as_ptr().addr() / crate::FRAME_SIZE as usize % 512]
    }
}

/// The class of all objects here.
fn class() -> Class {
    Class::of(LARGEST).unwrap()
}

/// Uses each cell once that both threads may be the first to use.
fn begin(slabs: &TheSlabs) {
    slabs.counter(class()).touch();
}

/// Gives everything back: from both cores' magazines, the depot and the slabs.
fn finish(slabs: &TheSlabs) {
    for core in 0..2 {
        on_core(core);
        slabs.counter(class()).drain();
    }
    slabs.counter(class()).shrink();
    slabs.ground().shrink_store();
    assert_eq!(slabs.counter(class()).usage().slabs(), 0);
}

#[test]
fn what_one_core_gives_back_another_gets_through_the_depot() {
    let (frames, slabs) = slabs();
    static OWNED: Owned = Owned::new();
    run("a depot between two cores", frames, move || {
        begin(slabs);
        on_core(0);
        let objects: Vec<_> = (0..7).map(|_| Sent::alloc(slabs)).collect();
        objects.iter().for_each(|&object| OWNED.take(object));
        // One more than are kept.
        let (back, rest) = objects.split_at(5);
        let back = back.to_vec();
        let giver = thread::spawn(move || {
            on_core(0);
            for object in back {
                OWNED.give(object);
                object.free(slabs).unwrap();
            }
        });
        on_core(1);
        let got = Sent::alloc(slabs);
        OWNED.take(got);
        giver.join().unwrap();
        for &object in rest.iter().chain([&got]) {
            OWNED.give(object);
            object.free(slabs).unwrap();
        }
        finish(slabs);
        assert_eq!(slabs.reports(), 0);
    });
}

#[test]
fn an_object_that_two_cores_give_back_is_free_once() {
    let (frames, slabs) = slabs();
    run("two give back the same object", frames, move || {
        let before = slabs.reports();
        begin(slabs);
        on_core(0);
        let object = Sent::alloc(slabs);
        let other = thread::spawn(move || {
            on_core(0);
            u64::from(object.free(slabs).is_err())
        });
        on_core(1);
        let refused = u64::from(object.free(slabs).is_err());
        let refused = refused + other.join().unwrap();
        finish(slabs);
        assert_eq!(refused + slabs.reports() - before, 1, "at the call, or when it comes to the slab");
    });
}

/// The object looks free because of what its user wrote, and was in the other core's magazine, in whose place another
/// lies by now.
#[test]
fn an_object_that_only_looks_free_is_taken_back() {
    let (frames, slabs) = slabs();
    run("a look into another core's magazine", frames, move || {
        begin(slabs);
        on_core(0);
        let [first, second] = [0; 2].map(|_| Sent::alloc(slabs));
        first.free(slabs).unwrap();
        let got = Sent::alloc(slabs);
        assert_eq!(got, first, "the last that came");
        let mark = got.0.as_ptr().addr() as u64 ^ 0x5eed;
        // SAFETY: the object is out, and this has it.
        unsafe { got.0.cast::<u64>().write(mark) };
        let other = thread::spawn(move || {
            on_core(1);
            got.free(slabs).unwrap();
        });
        second.free(slabs).unwrap();
        other.join().unwrap();
        finish(slabs);
        assert_eq!(slabs.reports(), 0);
    });
}

#[test]
fn the_largest_class_is_as_the_models_take_it() {
    assert_eq!(Class::of(LARGEST).map(Class::size), Some(8192));
    assert_eq!(<Standard as Hardening>::LEVEL, crate::slabs::Level::Standard);
}
