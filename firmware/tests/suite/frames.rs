//! The allocator of all of this machine's RAM.

#![expect(unsafe_code, reason = "reads and writes frames that it was handed")]

use firmware::{boot, frames::frames, layout};
use framekeeper::{FRAME_SIZE, Frame, Order, Owner, PhysAddr, Request, State};

/// Frames that are free, cached or not.
fn free_frames() -> u64 {
    frames().free().total()
}

/// The word at `offset` in the block at `address`, which is the caller's.
fn read(address: PhysAddr, offset: u64) -> u64 {
    let word = (layout::DIRECT_MAP + address.0 + offset) as *const u64;
    // SAFETY: free RAM is in the direct map, and the block is the caller's.
    unsafe { word.read_volatile() }
}

fn write(address: PhysAddr, offset: u64, value: u64) {
    let word = (layout::DIRECT_MAP + address.0 + offset) as *mut u64;
    // SAFETY: as in `read`.
    unsafe { word.write_volatile(value) };
}

const ME: Owner = Owner::new(9);

/// Gives back all blocks of [`ME`].
fn give_all() {
    for range in boot::free_ram().iter() {
        let mut address = range.start();
        while address < range.end() {
            let mut next = 1;
            if let State::Allocated { head, frames: count, owner } = frames().state(address) {
                next = count;
                if owner == ME && head == Frame::containing(address) {
                    assert_eq!(frames().free_frame(address), Ok(count));
                }
            }
            address = PhysAddr(address.0 + next * FRAME_SIZE);
        }
    }
}

/// Takes all that can be had, in large blocks and then in smaller ones; how many frames that were.
fn take_all() -> u64 {
    let mut blocks = [PhysAddr(0); 64];
    let mut count = 0;
    for order in Order::all().rev() {
        loop {
            let taken = frames().alloc_bulk(order, ME, &mut blocks);
            count += taken as u64 * order.frames();
            if taken < blocks.len() {
                break;
            }
        }
    }
    count
}

#[embedded_test::tests]
mod start {
    use super::*;
    use crate::pixel6;
    use firmware::{clock, frames, heap};
    use framekeeper::{CoreCache, Fault};

    #[test]
    fn all_free_ram_is_the_allocators_but_what_the_firmware_took_from_it() {
        let owners = frames().owners();
        let whose = [frames::TABLES, frames::STACKS, heap::SLABS, heap::BLOCKS];
        let taken: u64 = whose.into_iter().map(|owner| owners.frames(owner)).sum();
        assert!(owners.frames(frames::TABLES) > 0 && owners.frames(frames::STACKS) > 0);
        assert_eq!(free_frames() + taken, boot::free_ram().size() / FRAME_SIZE);
        for range in boot::free_ram().iter() {
            let state = frames().state(range.start());
            assert!(!matches!(state, State::Hole | State::Reserved), "{:#x} is {state}", range.start().0);
        }
    }

    #[test]
    fn what_is_reserved_and_what_is_no_ram_is_not() {
        let image = layout::image_range(boot::load_address());
        for address in [image.start(), boot::device_tree().start()] {
            assert_eq!(frames().state(address), State::Reserved);
            assert!(frames().free_frame(address).is_err());
        }
        let uart = boot::machine().uart.start();
        assert_eq!(frames().state(uart), State::Hole);
        assert!(frames().free_frame(uart).is_err());
    }

    #[test]
    fn the_tables_in_use_are_frames_of_the_allocator() {
        for root in boot::roots() {
            let state = frames().state(root);
            assert!(
                matches!(state, State::Allocated { frames: 1, owner, .. } if owner == frames::TABLES),
                "{state}"
            );
        }
    }

    /// The time is for the log: an emulator's says little, and a board's is its own.
    #[test]
    fn the_map_of_a_pixel_6_is_brought_up() {
        let caches = [const { CoreCache::new() }; 8];
        let mut place = pixel6::Place::take();
        for _ in 0..3 {
            let began = clock::microseconds();
            let free = place.bring_up(&caches);
            defmt::info!("{=u64} us for the map of 8 GiB", clock::microseconds() - began);
            assert_eq!(free, pixel6::memory().1.size() / FRAME_SIZE);
        }
    }

    #[test]
    fn the_allocator_is_right_about_everything() {
        assert_eq!(frames().verify(), Ok::<(), Fault>(()));
    }
}

#[embedded_test::tests]
mod tables {
    use super::*;
    use firmware::memory::Space;
    use framekeeper::PhysRange;

    #[test]
    fn r004_17_more_than_sixteen_tables_come_from_the_allocator_and_go_back() {
        let before = free_frames();
        let page = frames().alloc_frame().unwrap();
        let range = PhysRange::from_size(page, FRAME_SIZE).unwrap();
        let mut space = Space::new();
        let addresses = (0..40_u64).map(|number| (number + 1) << 30);
        for address in addresses.clone() {
            space.map(address, range).unwrap();
        }
        // A root, a table of level 1, and two of levels 2 and 3 for each GiB.
        assert_eq!(before - free_frames(), 1 + 1 + 1 + 2 * 40);
        for address in addresses {
            assert_eq!(space.translate(address), Some(page));
            assert_eq!(space.translate(address + FRAME_SIZE), None);
        }
        drop(space);
        frames().free_frame(page).unwrap();
        assert_eq!(free_frames(), before);
    }
}

#[embedded_test::tests]
mod memory {
    use super::*;
    #[test]
    fn zeroed_frames_are_zero_and_writable() {
        let request = Request::order(Order::MIB_2);
        for _ in 0..2 {
            let block = frames().alloc_zeroed(request).unwrap();
            for offset in (0..Order::MIB_2.bytes()).step_by(8) {
                assert_eq!(read(block, offset), 0);
                write(block, offset, u64::MAX);
            }
            frames().free_frame(block).unwrap();
        }
    }

    #[test]
    fn every_frame_of_ram_can_be_had_once() {
        let before = free_frames();
        assert_eq!((take_all(), free_frames()), (before, 0));
        assert!(frames().alloc(Request::order(Order::FRAME)).is_err());
        give_all();
        assert_eq!(free_frames(), before);
    }
}

#[embedded_test::tests]
mod many_cores {
    use super::*;
    use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
    use firmware::cores::{self, CoreId};
    use framekeeper::Fault;

    /// Takes and gives blocks of orders 0 to 9 at random. Each is marked as this core's and must still be when it goes:
    /// whoever else had it would have marked it too.
    fn churn(core: CoreId, steps: u32) {
        let mut held = [None; 24];
        let mut dice = 0x9e37_79b9_7f4a_7c15 * (core.index() as u64 + 1);
        for step in 0..u64::from(steps) {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let order = Order::new((dice >> 40) as u8 % 10).unwrap_or_default();
            let mark = step << 8 | core.index() as u64;
            let Some(place) = held.get_mut((dice >> 50) as usize % 24) else { continue };
            *place = match place.take() {
                None => frames().alloc_frames(order).map(|block| {
                    let last = order.bytes() - 8;
                    write(block, 0, mark);
                    write(block, last, !mark);
                    (block, last, mark)
                }),
                Some((block, last, mark)) => {
                    assert_eq!(
                        (read(block, 0), read(block, last)),
                        (mark, !mark),
                        "somebody else has {block}"
                    );
                    assert!(frames().free_frame(block).is_ok());
                    None
                }
            };
        }
        for (block, ..) in held.into_iter().flatten() {
            assert!(frames().free_frame(block).is_ok());
        }
    }

    #[test]
    fn r004_15_no_block_is_anybody_elses() {
        let before = frames().free().total();
        cores::on_each(&|core| churn(core, 10_000));
        assert_eq!(frames().free().total(), before);
        assert!(frames().drain_all(), "all cores can be held");
        assert_eq!(frames().free().cached(), 0);
        assert_eq!(frames().verify(), Ok::<(), Fault>(()));
    }

    #[test]
    fn what_lies_in_other_caches_is_had_before_memory_is_out() {
        cores::on_each(&|core| churn(core, 200));
        let whole = free_frames();
        assert!(frames().free().cached() > 0);
        assert_eq!((take_all(), free_frames()), (whole, 0));
        give_all();
        assert_eq!(free_frames(), whole);
    }

    /// Two cores: an emulator has few to run those on that wait for each other.
    #[test]
    fn r004_15_of_two_who_give_a_block_back_at_once_one_does() {
        const ROUNDS: u64 = 500;
        let (address, given) = (AtomicU64::new(0), AtomicU64::new(0));
        let arrived = AtomicU32::new(0);
        let meet = |round: u64, half: u32| {
            arrived.fetch_add(1, SeqCst);
            while arrived.load(SeqCst) < (round as u32 * 2 + half) * 2 {
                core::hint::spin_loop();
            }
        };
        cores::on_each(&|core| {
            for round in (0..ROUNDS).filter(|_| core.index() < 2) {
                if core == CoreId::BOOT {
                    let order = Order::new(round as u8 % 12).unwrap_or_default();
                    address.store(frames().alloc_frames(order).unwrap().0, SeqCst);
                }
                meet(round, 1);
                let result = frames().free_frame(PhysAddr(address.load(SeqCst)));
                given.fetch_add(u64::from(result.is_ok()), SeqCst);
                meet(round, 2);
            }
        });
        assert_eq!(given.load(SeqCst), ROUNDS);
        frames().drain_all();
        assert_eq!(frames().verify(), Ok::<(), Fault>(()));
    }
}

#[embedded_test::tests]
mod interrupts {
    use super::*;
    use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
    use firmware::{clock, cores, interrupts};
    use framekeeper::Fault;

    /// How often handlers take and give.
    const ENOUGH: u32 = 1_000;

    static HANDLER: fn() = take_and_give;
    static CALLS: AtomicU32 = AtomicU32::new(0);
    static KEPT: AtomicU64 = AtomicU64::new(0);

    /// Takes a block, and gives back the one that some tick before kept.
    fn take_and_give() {
        let calls = CALLS.fetch_add(1, SeqCst);
        // Here and not by those that are interrupted: on a slow machine they may never come to it.
        if calls >= ENOUGH {
            clock::set_tick_rate(clock::TICK_HZ);
        }
        let order = Order::new(calls as u8 % 10).unwrap_or_default();
        let block = frames().alloc_frames(order).map_or(0, |block| block.0);
        let kept = KEPT.swap(block, SeqCst);
        if kept != 0 {
            assert!(frames().free_frame(PhysAddr(kept)).is_ok());
        }
    }

    /// Ten thousand interrupts a second on all cores together, each of which takes a block and gives one back, while the
    /// cores do the same. More of them, and an emulator with fewer processors comes to nothing else.
    #[test]
    fn r004_19_handlers_take_and_give_while_their_cores_do() {
        let before = frames().free().total();
        interrupts::on_tick(Some(&HANDLER));
        clock::set_tick_rate(10_000 / cores::online() as u64);
        cores::on_each(&|_| {
            for round in 0_u32.. {
                if CALLS.load(SeqCst) >= ENOUGH {
                    break;
                }
                let block = frames().alloc_frames(Order::FRAME).unwrap();
                // Now and then one that no cache has. More often, and cores that wait for the zone's lock keep an emulator
                // from running the one that has it.
                let large = round.is_multiple_of(64).then(|| frames().alloc(Request::frames(700)).unwrap());
                assert!(frames().free_frame(block).is_ok());
                assert!(large.is_none_or(|large| frames().free_frame(large).is_ok()));
            }
        });
        interrupts::on_tick(None);
        clock::set_tick_rate(clock::TICK_HZ);
        let kept = KEPT.swap(0, SeqCst);
        assert!(kept == 0 || frames().free_frame(PhysAddr(kept)).is_ok());
        frames().drain_all();
        assert_eq!(frames().free().total(), before);
        assert_eq!(frames().verify(), Ok::<(), Fault>(()));
    }
}
