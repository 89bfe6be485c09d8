//! A core's cache is emptied by another that holds the core, while its owner takes from it and puts back.

use super::*;
use crate::{Request, sync::Mutex};
use core::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

/// Cores that are held by a lock each: who is pinned has its own.
struct Held([Mutex<()>; 2]);

impl CpuLocal for Held {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        let place = place();
        let _pinned = place.map(|core| self.0[core.index()].lock());
        work(place)
    }

    fn hold_others(&self, mut work: impl FnMut(Core)) -> bool {
        // Only core 1 asks for it in this model, so two never hold each other.
        assert_eq!(place(), Some(Core::new(1)));
        let _held = self.0[0].lock();
        work(Core::new(0));
        true
    }
}

/// Who has which frame, known to the model alone. Loom's threads are one to the machine, so this orders nothing.
struct Owned([AtomicBool; 512]);

impl Owned {
    fn take(&self, frame: PhysAddr) {
        assert!(!self.of(frame).swap(true, Ordering::Relaxed), "{frame} twice");
    }

    fn give(&self, frame: PhysAddr) {
        assert!(self.of(frame).swap(false, Ordering::Relaxed), "{frame} was not out");
    }

    fn of(&self, frame: PhysAddr) -> &AtomicBool {
        &self.0[usize::try_from(frame.0 / crate::FRAME_SIZE).unwrap()]
    }
}

#[test]
fn memory_in_another_cores_cache_is_had_while_that_core_uses_it() {
    let frames = allocator(Held([const { Mutex::new(()) }; 2]), 2);
    static OWNED: Owned = Owned([const { AtomicBool::new(false) }; 512]);
    run("a drain against its owner", frames, move || {
        on_core(0);
        // All but two frames are out; those two are in core 0's cache.
        let rest: Vec<_> = (1..=HALF.number())
            .rev()
            .map(|order| frames.alloc_frames(Order::new(order).unwrap()).unwrap())
            .collect();
        let two = [0; 2].map(|_| frames.alloc_frame().unwrap());
        two.iter().for_each(|&frame| assert_eq!(frames.free_frame(frame), Ok(1)));
        assert_eq!((frames.free().cached(), frames.free().total()), (2, 2));
        let owner = thread::spawn(move || {
            on_core(0);
            let frame = frames.alloc_frame().expect("of two frames the other core takes one");
            OWNED.take(frame);
            OWNED.give(frame);
            assert_eq!(frames.free_frame(frame), Ok(1));
        });
        on_core(1);
        let frame =
            frames.alloc(Request::order(Order::FRAME)).expect("of two frames the other core takes one");
        OWNED.take(frame);
        owner.join().unwrap();
        OWNED.give(frame);
        assert_eq!(frames.free_frame(frame), Ok(1));
        rest.iter().for_each(|&block| assert!(frames.free_frame(block).is_ok()));
    });
}
