//! Two cores give the same block back while a third looks at it: one is told that it did, the other what it found.

use super::*;
use crate::{FreeError, Owner, Request, State};
use loom::thread;

const ME: Owner = Owner::new(7);

/// What the reader may see, as numbers that never fall while a block is given back.
fn progress(state: State, block: PhysAddr) -> u8 {
    match state {
        State::Allocated { head, frames: 1, owner: ME } if head.start() == block => 0,
        State::Changing => 1,
        State::Cached { head, order: Order::FRAME, .. } | State::Pending { head }
            if head.start() == block =>
        {
            2
        }
        State::Free { .. } => 3,
        state => panic!("{block} is {state}"),
    }
}

fn race(name: &str, caches: usize, second: fn()) {
    let frames = allocator(Free, caches);
    run(name, frames, move || {
        on_core(0);
        let one = || frames.alloc(Request::order(Order::FRAME).owned_by(ME)).unwrap();
        // The other keeps its area from becoming free as a whole, so that the block would be kept in a cache.
        let (block, other) = (one(), one());
        let free = move || frames.free_frame(block);
        let threads = [
            thread::spawn(move || {
                on_core(0);
                free()
            }),
            thread::spawn(move || {
                second();
                free()
            }),
        ];
        let first = progress(frames.state(block), block);
        assert!(progress(frames.state(block), block) >= first.min(1));
        let results = threads.map(|thread| thread.join().unwrap());
        assert_eq!(results.iter().filter(|result| **result == Ok(1)).count(), 1, "{results:?}");
        let found = |error: &FreeError| matches!(error, FreeError::NotAllocated { address, found } if *address == block && progress(*found, block) > 0);
        assert!(results.iter().filter_map(|result| result.as_ref().err()).all(found), "{results:?}");
        frames.free_frame(other).unwrap();
    });
}

#[test]
fn a_block_freed_by_two_cores_with_caches() {
    race("two cores with caches", 2, || on_core(1));
}

#[test]
fn a_block_freed_by_two_cores_without_caches() {
    race("two cores without caches", 0, || on_core(1));
}

#[test]
fn a_block_freed_by_a_core_and_a_handler() {
    race("a core and a handler", 2, in_handler);
}
