//! What `verify` looks at, piece by piece: a fault planted by hand for each, and what that is called.
//!
//! Most of them are more than a flipped bit. All else that the allocator keeps agrees with them, so that nobody finds one
//! but who looks for just this.

use super::{
    Fault,
    damage::{GIB, MIB, SOME, ram, scaled, with_allocator},
    places::Cell,
};
use crate::{
    Core, CoreCache, FRAME_SIZE, Frame, Order, Owner, PhysAddr, ZoneKind,
    sync::Ordering::Relaxed,
    word::{PoolId, Word},
};

/// A frame, counted from 1 GiB on.
fn frame(number: u64) -> Frame {
    Frame::containing(PhysAddr(GIB)).plus(number)
}

/// Under Miri no area is a hole and has words.
#[cfg(not(miri))]
#[test]
fn a_hole_that_is_free_is_found_in_part_and_as_a_whole() {
    let (ram, hole) = (ram(&[(GIB, GIB + 2 * MIB)]), frame(512));
    with_allocator(&ram, &ram, |frames| {
        let zone = &frames.zone(ZoneKind::Dma32).zone;
        let give = |number, count| zone.lock().give(frames.map().find(frame(number)).unwrap().0, count);
        give(512, 512);
        assert_eq!(frames.verify(), Err(Fault::FreeAndNot { frame: hole }), "all of it");
        zone.lock().take_at(hole, Order::MIB_2).unwrap();
        assert_eq!(frames.verify(), Ok(()));
        (512..1024).step_by(64).for_each(|number| give(number, 1));
        assert_eq!(
            frames.verify(),
            Err(Fault::FreeAndNot { frame: hole }),
            "some frames in each word of bits"
        );
    });
}

#[test]
fn an_area_that_is_free_as_a_whole_is_found_on_the_lower_level() {
    let ram = ram(&[(GIB, GIB + 4 * MIB)]);
    with_allocator(&ram, &ram, |frames| {
        let (zone, units) = (ZoneKind::Dma32, Order::FRAME);
        let locked = &frames.zone(zone).zone;
        locked.lock().take_at(frame(512), Order::MIB_2).unwrap();
        locked.lock().index_mut()[0].fill(1);
        assert_eq!(frames.verify(), Err(Fault::Node { zone, units, node: 1 }));
    });
}

/// Blocks of an order are counted from all of them. Some count twice there, and their highest bit is lost.
#[test]
fn a_counter_that_went_below_zero_is_found() {
    let ram = ram(&[(GIB, GIB + SOME)]);
    with_allocator(&ram, &ram, |frames| {
        for kind in ZoneKind::ALL {
            for counter in (0..4 * Order::COUNT).step_by(scaled(1, 5)) {
                Cell::Blocks(kind, counter).flip(frames, 63);
                let found = frames.verify();
                assert!(
                    matches!(found, Err(Fault::Count { zone, .. }) if zone == kind),
                    "{counter}: {found:?}"
                );
                Cell::Blocks(kind, counter).flip(frames, 63);
            }
        }
        assert_eq!(frames.verify(), Ok(()));
    });
}

#[test]
fn a_block_that_waits_for_the_wrong_zone_is_found() {
    let ram = ram(&[(4 * GIB - 2 * MIB, 4 * GIB + 2 * MIB)]);
    with_allocator(&ram, &ram, |frames| {
        let (zone, high) = (ZoneKind::Dma32, PhysAddr(4 * GIB));
        frames.alloc_at(high, Order::FRAME, Owner::new(0)).unwrap();
        let slot = frames.map().slot(Frame::containing(high)).unwrap();
        frames.zone(zone).pending.push(frames.map(), slot, 1);
        assert_eq!(frames.verify(), Err(Fault::Pending { zone, before: None }));
    });
}

/// Each frame of a slab says which one it is, and of which pool.
#[test]
fn a_frame_of_a_slab_that_does_not_follow_the_one_before_it_is_found() {
    let ram = ram(&[(GIB, GIB + 2 * MIB)]);
    with_allocator(&ram, &ram, |frames| {
        frames.alloc_at(PhysAddr(GIB), Order::new(1).unwrap(), Owner::new(0)).unwrap();
        let [this, other] = [3, 4].map(|pool| PoolId::new(pool).unwrap());
        let page = |page, pool| Word::slab(page, pool, 0);
        let misplaced = Err(Fault::Misplaced { frame: frame(1) });
        let pairs = [
            (page(0, this), page(1, this), Ok(())),
            (page(0, this), page(0, other), Ok(())),
            (page(0, this), page(2, this), misplaced),
            (page(0, other), page(1, this), misplaced),
            (Word::allocated(1, Owner::new(0)), page(1, this), misplaced),
        ];
        for (first, second, expected) in pairs {
            for (number, word) in [(0, first), (1, second)] {
                frames.map().set(frames.map().slot(frame(number)).unwrap(), word);
            }
            assert_eq!(frames.verify(), expected, "{first:?} {second:?}");
        }
    });
}

/// All limits are those of a smaller share of memory, so that they agree with each other.
#[test]
fn a_cache_that_has_more_than_it_may_is_found() {
    let ram = ram(&[(GIB, GIB + SOME)]);
    with_allocator(&ram, &ram, |frames| {
        assert!(frames.alloc_frame().is_some(), "and some more go to the cache");
        for stack in frames.caches().iter().flat_map(CoreCache::kept) {
            let [_, capacity, ..] = stack.memory().0;
            capacity.store(0, Relaxed);
        }
        assert_eq!(frames.verify(), Err(Fault::Stack { core: Core::new(0), order: Order::FRAME }));
    });
}

#[test]
fn the_block_that_a_cache_has_lost_is_named() {
    let ram = ram(&[(GIB, GIB + 8 * MIB)]);
    with_allocator(&ram, &ram, |frames| {
        frames.cpu().0.set(1);
        assert_eq!(frames.alloc_frame(), Some(PhysAddr(GIB)));
        let stack = frames.caches()[1].frames();
        assert!(stack.count() > 2);
        let [count, ..] = stack.memory().0;
        let frame = stack.top().unwrap().frame();
        count.store(count.load(Relaxed) - 1, Relaxed);
        assert_eq!(frame.start(), PhysAddr(GIB + FRAME_SIZE));
        assert_eq!(frames.verify(), Err(Fault::Cache { core: Core::new(1), frame }));
    });
}
