//! Two blocks are given back and one is wanted, at once, from a zone of which nothing is free: whoever finds the zone
//! busy leaves its block for the next, and nobody forgets it.

use super::*;
use crate::{AllocError, Request};
use loom::thread;

fn two_halves(name: &str, second: fn()) {
    let frames = allocator(Free, 0);
    run(name, frames, move || {
        on_core(0);
        let half = || frames.alloc(Request::order(HALF)).unwrap();
        let halves = [half(), half()];
        let free = |block, place: fn()| {
            thread::spawn(move || {
                place();
                frames.free_frame(block)
            })
        };
        let threads = [free(halves[0], || on_core(0)), free(halves[1], second)];
        on_core(2);
        let taken = frames.alloc(Request::order(HALF));
        assert!(threads.map(|thread| thread.join().unwrap()) == [Ok(256); 2]);
        match taken {
            Ok(block) => {
                assert!(halves.contains(&block));
                // The other one is there, wherever it waited.
                assert!(halves.contains(&frames.alloc(Request::order(HALF)).unwrap()));
                assert!(matches!(
                    frames.alloc(Request::order(Order::FRAME)),
                    Err(AllocError::OutOfMemory(_))
                ));
                halves.iter().for_each(|&half| assert_eq!(frames.free_frame(half), Ok(256)));
            }
            Err(AllocError::OutOfMemory(_)) => {}
            Err(error) => panic!("{error}"),
        }
    });
}

#[test]
fn two_cores_free_and_a_third_allocates() {
    two_halves("two free, a third allocates", || on_core(1));
}

#[test]
fn a_core_and_a_handler_free_and_another_core_allocates() {
    two_halves("a core and a handler free, another allocates", in_handler);
}

/// What a handler is told when it cannot have a block is that the zone was busy, or that there is nothing.
#[test]
fn a_handler_allocates_while_two_cores_free() {
    let frames = allocator(Free, 0);
    run("a handler allocates, two free", frames, move || {
        on_core(0);
        let half = || frames.alloc(Request::order(HALF)).unwrap();
        let halves = [half(), half()];
        let threads = [0, 1].map(|number| {
            thread::spawn(move || {
                on_core(number);
                frames.free_frame(halves[usize::from(number)])
            })
        });
        in_handler();
        let taken = frames.alloc(Request::order(HALF));
        assert!(threads.map(|thread| thread.join().unwrap()) == [Ok(256); 2]);
        match taken {
            Ok(block) => assert_eq!(frames.free_frame(block), Ok(256)),
            Err(AllocError::OutOfMemory(_) | AllocError::Busy) => {}
            Err(error) => panic!("{error}"),
        }
    });
}
