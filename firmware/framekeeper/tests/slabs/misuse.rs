//! Misuse of objects, by the rows of the table of promises: an error that says what is wrong, and nothing has changed.
//!
//! | row | here |
//! |---|---|
//! | M1, M2 double free | `Standard` and `Paranoid`: at once, wherever the object lies. `Off` promises nothing |
//! | M3, M11–M13, sizes within a class | `paranoid` |
//! | M4, M5 no object at all | all levels |
//! | M6 inside an object | `Standard` and `Paranoid` |
//! | M7–M9 another class, cache or machine | all levels |
//! | M10, M21, M22 written or read after it was given back | `contents` |
//! | M15 freed twice at once | `threads` |
//! | M17 | here, as far as types allow any: without a `FrameAllocator` there are no slabs, and without slabs no calls |
//! | M18 odd layouts | `accounts` |
//! | M19, M20 objects in use at the end | `caches` |

use crate::{
    ground::MIB,
    machine::{Machine, Objects, START, away, cores::on_core, free, free_to, magazines, on_machine},
};
use framekeeper::{Core, slabs::ObjectError};
use framekeeper::{
    FRAME_SIZE, Frame, Order, Owner, PhysAddr, Request, State,
    slabs::{FreeIn, Hardening, Misuse, ObjectAddr, Off, Paranoid, Slab, Standard},
};
use std::{alloc::Layout, ptr::NonNull};

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

fn at(object: NonNull<u8>) -> ObjectAddr {
    ObjectAddr(object.as_ptr().addr())
}

/// A call that is refused with just this, and changes nothing.
fn refused<H: Hardening>(slabs: &Objects<'_, H>, object: NonNull<u8>, layout: Layout, misuse: Misuse) {
    let before = (slabs.report(), slabs.reports());
    slabs.verify().unwrap();
    assert_eq!(free(slabs, object, layout), Err(misuse));
    assert_eq!((slabs.report(), slabs.reports()), before);
    slabs.verify().unwrap();
}

fn m1<H: Hardening>() {
    on_machine::<H>(1, 1, |_, slabs| {
        for size in [1, 8, 16, 100, 2000, 8000] {
            let object = slabs.alloc(bytes(size)).unwrap();
            free(slabs, object, bytes(size)).unwrap();
            let misuse = Misuse::DoubleFree { address: at(object), found: FreeIn::Magazine(Core::new(0)) };
            let text = format!("{} was given back before: it is free, in the magazine of core 0", at(object));
            assert_eq!(misuse.to_string(), text);
            refused(slabs, object, bytes(size), misuse);
            refused(slabs, object, bytes(size), misuse);
        }
    });
}

#[test]
fn m1_what_is_given_back_twice_at_once_is_refused() {
    m1::<Standard>();
    m1::<Paranoid>();
}

/// The others are given back after the victim, or before it too, so that the depot is full when it gets there.
fn m2<H: Hardening>(before: usize, after: usize, found: FreeIn, text: &str) {
    on_machine::<H>(2, 2, |_, slabs| {
        let layout = bytes(64 - 8);
        let mut objects: Vec<_> = (0..before + 2 + after).map(|_| slabs.alloc(layout).unwrap()).collect();
        // One beside the victim stays in use, so that the slab stays one.
        let beside = objects.remove(before);
        let rest = objects.split_off(before);
        objects.into_iter().for_each(|object| free(slabs, object, layout).unwrap());
        let victim = rest[0];
        rest.iter().for_each(|&object| free(slabs, object, layout).unwrap());
        let misuse = Misuse::DoubleFree { address: at(victim), found };
        assert_eq!(misuse.to_string(), format!("{} was given back before: it is free, {text}", at(victim)));
        for core in [0, 1] {
            on_core(core);
            refused(slabs, victim, layout, misuse);
        }
        on_core(0);
        free(slabs, beside, layout).unwrap();
    });
}

#[test]
fn m2_what_is_given_back_twice_after_other_operations_is_refused_wherever_it_lies() {
    fn at<H: Hardening>() {
        let magazine = (FreeIn::Magazine(Core::new(0)), "in the magazine of core 0");
        m2::<H>(0, 1, magazine.0, magazine.1);
        m2::<H>(0, 8, magazine.0, magazine.1);
        m2::<H>(40, 20, magazine.0, magazine.1);
        m2::<H>(0, 40, FreeIn::Depot, "in the depot");
        m2::<H>(200, 40, FreeIn::Slab, "in its slab");
        if !cfg!(miri) {
            m2::<H>(0, 1000, FreeIn::Depot, "in the depot");
            m2::<H>(1000, 1000, FreeIn::Slab, "in its slab");
        }
    }
    at::<Standard>();
    at::<Paranoid>();
}

/// Its slab went back to the frames: there is no object any more.
#[test]
fn m2_what_is_given_back_when_its_slab_is_gone_is_refused() {
    on_machine::<Standard>(1, 1, |frames, slabs| {
        let object = slabs.alloc(bytes(64)).unwrap();
        free(slabs, object, bytes(64)).unwrap();
        slabs.shrink();
        frames.drain_all();
        let Err(Misuse::Foreign { address, found: State::Free { .. } }) = free(slabs, object, bytes(64))
        else {
            panic!("{:?}", free(slabs, object, bytes(64)));
        };
        assert_eq!(address, at(object));
    });
}

fn m4<H: Hardening>() {
    on_machine::<H>(1, 1, |frames, slabs| {
        let object = slabs.alloc(bytes(64)).unwrap();
        let base = away(object, -((object.as_ptr().addr() % (2 << 20)) as isize));
        let start = frames.alloc(Request::order(Order::new(1).unwrap()).owned_by(Owner::new(3))).unwrap();
        let inside = away(base, (start.0 - START) as isize + 4096 + 64);
        let found = State::Allocated { head: Frame::containing(start), frames: 2, owner: Owner::new(3) };
        let misuse = Misuse::Foreign { address: at(inside), found };
        let text = format!("no object was ever at {}: it is 2 frames at {start} of owner 3", at(inside));
        assert_eq!(misuse.to_string(), text);
        refused(slabs, inside, bytes(64), misuse);
        frames.free_frame(start).unwrap();
        frames.drain_all();
        let found = frames.state(PhysAddr(start.0 + 4096));
        assert!(matches!(found, State::Free { .. }));
        refused(slabs, inside, bytes(64), Misuse::Foreign { address: at(inside), found });
        free(slabs, object, bytes(64)).unwrap();
    });
}

#[test]
fn m4_memory_that_is_of_no_slab_is_refused() {
    m4::<Off>();
    m4::<Standard>();
    m4::<Paranoid>();
}

/// The next slot that would be handed out once the core's magazine is empty, and the last one of the slab.
fn m4_in_slab<H: Hardening>() {
    on_machine::<H>(1, 1, |_, slabs| {
        let object = slabs.alloc(bytes(56)).unwrap();
        let usage = slabs.report().of(Objects::<H>::class_of(bytes(56)).unwrap());
        let start = away(object, -((object.as_ptr().addr() as u64 % usage.slab_size) as isize));
        let size = usage.object_size as isize;
        for slot in [40, usage.per_slab as isize - 1] {
            let never = away(start, slot * size);
            let misuse = Misuse::DoubleFree { address: at(never), found: FreeIn::Slab };
            refused(slabs, never, bytes(56), misuse);
        }
        free(slabs, object, bytes(56)).unwrap();
    });
}

#[test]
fn m4_an_object_that_was_never_handed_out_is_refused() {
    m4_in_slab::<Standard>();
    m4_in_slab::<Paranoid>();
}

fn m5<H: Hardening>() {
    let machine = Machine { reserved: 16, ..Machine::new(MIB / FRAME_SIZE, 1) };
    machine.run::<H>(|_, slabs| {
        let object = slabs.alloc(bytes(64)).unwrap();
        let base = away(object, -((object.as_ptr().addr() % (2 << 20)) as isize));
        let reserved = away(base, MIB as isize - 64);
        let misuse = Misuse::Foreign { address: at(reserved), found: State::Reserved };
        let text = format!("no object was ever at {}: it is reserved", at(reserved));
        assert_eq!(misuse.to_string(), text);
        refused(slabs, reserved, bytes(64), misuse);
        for distance in [MIB as isize, 1 << 40, -1, -64, -(1 << 30), -(1 << 40)] {
            let outside = away(base, distance);
            let misuse = Misuse::Foreign { address: at(outside), found: State::Hole };
            assert_eq!(misuse.to_string(), format!("no object was ever at {}: it is a hole", at(outside)));
            for size in [1, 64, 8000, 100_000] {
                refused(slabs, outside, bytes(size), misuse);
            }
        }
        free(slabs, object, bytes(64)).unwrap();
    });
}

#[test]
fn m5_what_is_no_memory_of_the_allocator_is_refused() {
    m5::<Off>();
    m5::<Standard>();
    m5::<Paranoid>();
}

fn m6<H: Hardening>() {
    on_machine::<H>(1, 1, |_, slabs| {
        // One that is no power of two, and one that is.
        for size in [16, 56, 4000] {
            let object = slabs.alloc(bytes(size)).unwrap();
            for inside in [1, 8, size / 2, size - 1] {
                let address = away(object, inside as isize);
                let misuse = Misuse::NotStart { address: at(address), object: Some(at(object)) };
                let text = format!("{} lies inside the object at {}", at(address), at(object));
                assert_eq!(misuse.to_string(), text);
                refused(slabs, address, bytes(size), misuse);
            }
            free(slabs, object, bytes(size)).unwrap();
        }
    });
}

#[test]
fn m6_what_lies_inside_an_object_is_refused() {
    m6::<Standard>();
    m6::<Paranoid>();
}

/// 682 objects of 24 bytes leave 16 at a slab's end.
#[test]
fn m6_what_lies_behind_the_last_object_is_refused() {
    on_machine::<Standard>(1, 1, |_, slabs| {
        let object = slabs.alloc(bytes(24)).unwrap();
        let end = away(object, 16384 - (object.as_ptr().addr() % 16384) as isize);
        for behind in [-16, -8, -1] {
            let address = away(end, behind);
            let misuse = Misuse::NotStart { address: at(address), object: None };
            assert_eq!(misuse.to_string(), format!("{} lies behind a slab's last object", at(address)));
            refused(slabs, address, bytes(24), misuse);
        }
        free(slabs, object, bytes(24)).unwrap();
    });
}

/// With every other class's size.
fn m7<H: Hardening>() {
    Machine::new(256, 1).run::<H>(|frames, slabs| {
        let sizes = [8_usize, 48, 64, 100, 1000, 2048, 8000];
        let objects = sizes.map(|size| slabs.alloc(bytes(size)).unwrap());
        let base = away(objects[0], -((objects[0].as_ptr().addr() % (2 << 20)) as isize));
        let pool = |object: NonNull<u8>| {
            let address = PhysAddr(START + (object.as_ptr().addr() - base.as_ptr().addr()) as u64);
            match frames.state(address) {
                State::Slab { pool, .. } => pool,
                other => panic!("{other}"),
            }
        };
        for (object, right) in objects.into_iter().zip(sizes) {
            for (other, wrong) in objects.into_iter().zip(sizes).filter(|pair| pair.1 != right) {
                let (expected, found) = (pool(other), pool(object));
                let misuse = Misuse::WrongPool { address: at(object), expected, found };
                let (expected, found) = (expected.number(), found.number());
                let text =
                    format!("{} is an object of pool {found}, and was given to pool {expected}", at(object));
                assert_eq!(misuse.to_string(), text);
                refused(slabs, object, bytes(wrong), misuse);
            }
            free(slabs, object, bytes(right)).unwrap();
        }
    });
}

#[test]
fn m7_m8_what_is_given_back_with_another_classs_size_is_refused() {
    m7::<Off>();
    m7::<Standard>();
    m7::<Paranoid>();
}

/// Too large for any class, and yet in a slab.
#[test]
fn m8_what_is_given_back_with_a_size_that_no_class_has_is_refused() {
    on_machine::<Standard>(1, 1, |_, slabs| {
        let object = slabs.alloc(bytes(8192)).unwrap();
        let error = free(slabs, object, bytes(8193)).unwrap_err();
        assert!(matches!(error, Misuse::Foreign { found: State::Slab { .. }, .. }), "{error}");
        assert!(slabs.alloc(bytes(8193)).is_err_and(|error| matches!(error, ObjectError::TooLarge { .. })));
        free(slabs, object, bytes(8192)).unwrap();
    });
}

fn m9<H: Hardening>() {
    on_machine::<H>(1, 1, |_, slabs| {
        let [one, other] = [(); 2].map(|()| Slab::new(slabs, magazines(1), 64).unwrap());
        let objects = [one.alloc().unwrap(), other.alloc().unwrap()];
        for (slab, object) in [(&other, objects[0]), (&one, objects[1])] {
            let before = (one.usage(), other.usage());
            let error = free_to(slab, object).unwrap_err();
            assert!(matches!(error, Misuse::WrongPool { address, expected, found }
                if address == at(object) && expected != found && expected.number() >= 64));
            let error = free(slabs, object, bytes(64)).unwrap_err();
            assert!(matches!(error, Misuse::WrongPool { expected, .. } if expected.number() < 64));
            assert_eq!((one.usage(), other.usage()), before);
            one.verify().and_then(|()| other.verify()).unwrap();
        }
        let of_class = slabs.alloc(bytes(64)).unwrap();
        assert!(
            matches!(free_to(&one, of_class), Err(Misuse::WrongPool { found, .. }) if found.number() < 64)
        );
        free(slabs, of_class, bytes(64)).unwrap();
        free_to(&one, objects[0]).unwrap();
        free_to(&other, objects[1]).unwrap();
        one.verify().and_then(|()| other.verify()).unwrap();
    });
}

#[test]
fn m9_an_object_of_another_cache_is_refused() {
    m9::<Off>();
    m9::<Standard>();
    m9::<Paranoid>();
}

/// Each machine has frames of its own, mapped elsewhere.
fn m9_machines<H: Hardening>() {
    on_machine::<H>(1, 1, |_, one| {
        on_machine::<H>(1, 1, |_, other| {
            let object = one.alloc(bytes(64)).unwrap();
            other.alloc(bytes(64)).unwrap();
            refused(other, object, bytes(64), Misuse::Foreign { address: at(object), found: State::Hole });
            free(one, object, bytes(64)).unwrap();
        });
    });
}

#[test]
fn m9_an_object_of_another_machine_is_refused() {
    m9_machines::<Off>();
    m9_machines::<Standard>();
    m9_machines::<Paranoid>();
}

/// Its number is another's only once no slab is left that says it.
#[test]
fn m17_an_object_of_a_cache_that_ended_is_refused() {
    on_machine::<Standard>(1, 1, |_, slabs| {
        let magazines = magazines(1);
        let first = Slab::new(slabs, magazines, 64).unwrap();
        let lost = first.alloc().unwrap();
        drop(first);
        let second = Slab::new(slabs, magazines, 64).unwrap();
        let object = second.alloc().unwrap();
        assert!(matches!(free_to(&second, lost), Err(Misuse::WrongPool { .. })));
        free_to(&second, object).unwrap();
        second.verify().unwrap();
    });
}
