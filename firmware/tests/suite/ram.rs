//! What the firmware itself has of the allocator: its RAM, its tables, its zeroed frames.

#![expect(unsafe_code, reason = "reads and writes frames that it was handed")]

use firmware::{boot, frames::frames, layout};
use framekeeper::{FRAME_SIZE, Order, PhysAddr, Request, State};

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

    /// Eight bytes for each frame, and a little to find them by.
    #[test]
    fn free_ram_is_what_the_device_tree_leaves_without_the_map() {
        let left = boot::ram().free().unwrap().size();
        let map = left - boot::free_ram().size();
        let most = boot::ram().ram.size() / FRAME_SIZE * 8 + (64 << 10);
        defmt::info!("{=u64} frames, {=u64} bytes for their map", boot::free_ram().size() / FRAME_SIZE, map);
        assert!(map > 0 && map <= most, "{map} bytes for the map");
    }

    #[test]
    fn what_is_reserved_and_what_is_no_ram_is_not() {
        let image = layout::image_range(boot::load_address());
        for address in [image.start(), boot::device_tree().start()] {
            assert_eq!(frames().state(address), State::Reserved);
            assert!(frames().free_frame(address).is_err());
        }
        let device = boot::machine().gic.distributor.start();
        assert_eq!(frames().state(device), State::Hole);
        assert!(frames().free_frame(device).is_err());
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
}
