//! What one core takes and another gives back.

use alloc::vec::Vec;
use core::{
    hint::spin_loop,
    sync::atomic::{
        AtomicUsize,
        Ordering::{Acquire, Release},
    },
};

use spin::Mutex;

use super::{
    super::{Object, Stand, Subject, Turn, Worker, Workload, object::words},
    shared,
};

/// Objects, over all pairs of cores.
const PASSED: u64 = 16_384;
/// So many are under way at most.
const PLACES: usize = 64;

/// Every core with an even number takes objects of 64 bytes, and the next one gives them back. A core without a partner
/// does nothing.
#[derive(Debug)]
pub(super) struct Pipe;

/// Objects on their way, each in a place of its own; an empty place is one where there was no memory.
struct Ring {
    places: [Mutex<Option<Object>>; PLACES],
    /// How many were ever put in, and taken out.
    filled: AtomicUsize,
    emptied: AtomicUsize,
}

impl Workload for Pipe {
    fn turn<S: Stand, A: Subject>(&self, turn: &Turn<'_, S>, subject: &A) {
        let pairs = turn.cores() / 2;
        let passed = shared(turn.stand.rounds(PASSED), pairs);
        let rings: Vec<_> = (0..pairs).map(|_| Ring::new()).collect();
        turn.measure("producer and consumer, 64 bytes", |worker| {
            let Some(ring) = rings.get(worker.number / 2) else { return };
            for count in 0..passed as usize {
                if worker.number.is_multiple_of(2) {
                    ring.produce(worker, subject, count);
                } else {
                    ring.consume(worker, subject, count);
                }
            }
        });
    }
}

impl Ring {
    fn new() -> Self {
        let places = [const { Mutex::new(None) }; PLACES];
        Self { places, filled: AtomicUsize::new(0), emptied: AtomicUsize::new(0) }
    }

    fn produce<S: Stand, A: Subject>(&self, worker: &mut Worker<'_, S>, subject: &A, count: usize) {
        let object = worker.take(subject, words(64));
        // Acquire, pairs with the Release in `consume`: the place is empty.
        wait_until(|| count - self.emptied.load(Acquire) < PLACES);
        if let Some(place) = self.places.get(count % PLACES) {
            *place.lock() = object;
        }
        // Release, pairs with the Acquire in `consume`.
        self.filled.store(count + 1, Release);
    }

    fn consume<S: Stand, A: Subject>(&self, worker: &mut Worker<'_, S>, subject: &A, count: usize) {
        // Acquire, pairs with the Release in `produce`: the object is there, if there is one.
        wait_until(|| self.filled.load(Acquire) > count);
        let object = self.places.get(count % PLACES).and_then(|place| place.lock().take());
        // Release, pairs with the Acquire in `produce`.
        self.emptied.store(count + 1, Release);
        if let Some(object) = object {
            worker.give(subject, object);
        }
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        spin_loop();
    }
}
