//! The frame allocator's fast paths, and bringing it up.

use core::hint::black_box;
use firmware::frames::{Frames, frames};
use framekeeper::{FreeError, Order, PhysAddr};

#[inline(never)]
fn alloc(frames: &Frames) -> Option<PhysAddr> {
    frames.alloc_frame()
}

#[inline(never)]
fn free(frames: &Frames, address: PhysAddr) -> Result<u64, FreeError> {
    frames.free_frame(address)
}

/// The call that `count` sees around each of the two: moving the arguments, `bl`, and moving the result.
#[inline(never)]
fn nothing(frames: &Frames) -> Option<PhysAddr> {
    black_box(frames);
    None
}

#[embedded_test::tests]
mod fast_paths {
    use super::*;
    use crate::monitor;

    #[test]
    fn a_pair_through_the_cache_keeps_to_its_budget() {
        monitor::start();
        let frames = frames();
        let first = frames.alloc_frame().unwrap();
        frames.free_frame(first).unwrap();
        let (empty, _) = monitor::count(|| nothing(frames));
        for round in 0..8 {
            let (taking, frame) = monitor::count(|| alloc(frames));
            let frame = frame.unwrap();
            let (giving, given) = monitor::count(|| free(frames, frame));
            assert_eq!(given, Ok(1));
            defmt::info!(
                "alloc {=u64}, free {=u64}, an empty call {=u64} instructions",
                taking,
                giving,
                empty
            );
            if round > 0 {
                assert!(taking <= 16, "{taking} instructions for a frame from the cache");
                assert!(giving <= 36, "{giving} instructions for a checked free");
            }
        }
    }

    #[test]
    fn large_blocks_cost_no_more_than_small_ones() {
        monitor::start();
        let frames = frames();
        let mut most = 0;
        for order in Order::all() {
            let (taking, block) = monitor::count(|| frames.alloc_frames(order));
            let (giving, given) = monitor::count(|| frames.free_frame(block.unwrap()));
            assert_eq!(given, Ok(order.frames()));
            defmt::info!("order {=u8}: {=u64} and {=u64} instructions", order.number(), taking, giving);
            most = most.max(taking).max(giving);
        }
        assert!(most <= 3_000, "{most} instructions for a block");
    }
}
