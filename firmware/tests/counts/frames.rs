//! The frame allocator's fast paths, and bringing it up.

use core::hint::black_box;
use firmware::frames::frames;
use framekeeper::Order;

/// Instructions for a frame from the core's cache, and for giving it back.
const ALLOC: u64 = 26;
const FREE: u64 = 78;

#[embedded_test::tests]
mod fast_paths {
    use super::*;
    use crate::count;

    /// As they are inlined into their caller, interrupts masked and unmasked again included.
    #[test]
    fn a_pair_through_the_cache_keeps_to_its_budget() {
        count::start();
        let frames = frames();
        let first = frames.alloc_frame().unwrap();
        frames.free_frame(first).unwrap();
        for _ in 0..8 {
            let (taking, frame) = count::count(|| frames.alloc_frame());
            let frame = black_box(frame).unwrap();
            let (giving, given) = count::count(|| frames.free_frame(frame));
            assert_eq!(black_box(given), Ok(1));
            defmt::info!("a frame from the cache {=u64}, a checked free {=u64} instructions", taking, giving);
            assert!(taking <= ALLOC, "{taking} instructions for a frame from the cache");
            assert!(giving <= FREE, "{giving} instructions for a checked free");
        }
    }

    #[test]
    fn large_blocks_cost_no_more_than_small_ones() {
        count::start();
        let frames = frames();
        let mut most = 0;
        for order in Order::all() {
            let (taking, block) = count::count(|| frames.alloc_frames(order));
            let (giving, given) = count::count(|| frames.free_frame(block.unwrap()));
            assert_eq!(given, Ok(order.frames()));
            defmt::info!("order {=u8}: {=u64} and {=u64} instructions", order.number(), taking, giving);
            most = most.max(taking).max(giving);
        }
        assert!(most <= 3_000, "{most} instructions for a block");
    }
}

#[embedded_test::tests]
mod bring_up {
    use crate::{count, pixel6};
    use framekeeper::{CoreCache, FRAME_SIZE};

    #[test]
    fn the_map_of_a_pixel_6_keeps_to_its_budget() {
        count::start();
        let caches = [CoreCache::new()];
        let mut place = pixel6::Place::take();
        let (instructions, free) = count::count(|| place.bring_up(&caches));
        defmt::info!("{=u64} thousand instructions for the map of 8 GiB", instructions / 1000);
        assert_eq!(free, pixel6::memory().1.size() / FRAME_SIZE);
        assert!(instructions <= 14_000_000, "{instructions} instructions");
    }
}
