//! `verify` finds damage: one bit flipped, anywhere in the map's words, in many states of a zone.
//!
//! What it cannot see is listed in `is_invisible`, with the reason.

use crate::ground::{map_memory, ram, zone};
use framekeeper::{FRAME_SIZE, FrameMap, MapLayout, Order, Owner, PhysAddr, State};
use std::sync::atomic::Ordering::Relaxed;

const FRAMES: u64 = 64;
const STATES: u64 = 200;

/// Splitmix64.
fn dice(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The owner's eight bits: any owner is as good as another, and nothing else says whose the block is.
fn is_invisible(state: State, frame: u64, bit: u32) -> bool {
    matches!(state, State::Allocated { head, .. } if head.number() == frame) && (9..17).contains(&bit)
}

#[test]
fn every_flipped_bit_that_means_something_is_found() {
    let ram = ram(&[(0, FRAMES * FRAME_SIZE)]);
    let words_from = MapLayout::of(&ram).unwrap().words() - (1 << 15);
    let mut flips = 0_u64;
    for seed in 0..STATES {
        let mut state = seed;
        let memory = map_memory(&ram);
        let map = FrameMap::new(&ram, &memory).unwrap();
        let mut zone = zone(&map, &ram);
        for _ in 0..30 {
            let order = Order::new((dice(&mut state) % 4) as u8).unwrap();
            let _ = zone.take(order, Owner(dice(&mut state) as u8));
            let _ = zone.give(PhysAddr(dice(&mut state) % FRAMES * FRAME_SIZE));
        }
        zone.verify().unwrap();
        for frame in 0..FRAMES {
            let word = &memory[words_from + frame as usize];
            let right = word.load(Relaxed);
            let what = map.state(PhysAddr(frame * FRAME_SIZE));
            for bit in (0..64).filter(|&bit| !is_invisible(what, frame, bit)) {
                word.store(right ^ 1 << bit, Relaxed);
                assert!(zone.verify().is_err(), "seed {seed}, frame {frame}, bit {bit}: {what:?}");
                flips += 1;
            }
            word.store(right, Relaxed);
        }
        zone.verify().unwrap();
    }
    println!("{flips} flips in {STATES} states, all found");
}
