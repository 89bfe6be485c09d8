//! A producer and a consumer: one core takes objects, the other gives them back. They go over in batches through a ring.

use crate::{
    cpu,
    figure::Reading,
    object::{Object, Objects},
    rng::Rng,
    stopwatch::FAILED,
};
use spin::Mutex;
use std::{
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

const BATCH: usize = 64;
/// So many batches are under way at most.
const RING: usize = 16;
const UNTIMED: usize = 64;
const BATCHES: usize = UNTIMED + 256;
const LARGEST: usize = 512;

#[derive(Debug)]
pub(crate) struct Pipe {
    sizes: Vec<u32>,
}

/// Batches on their way.
struct Ring<'a, S> {
    subject: &'a S,
    batches: [Mutex<Vec<Object>>; RING],
    /// How many batches were ever put in, and taken out.
    filled: AtomicUsize,
    emptied: AtomicUsize,
    passed: AtomicUsize,
}

impl Pipe {
    pub(crate) fn new() -> Self {
        let mut rng = Rng::new(54);
        Self { sizes: (0..BATCH * BATCHES).map(|_| 8 + rng.below(LARGEST - 7) as u32).collect() }
    }

    /// Nanoseconds an object.
    pub(crate) fn time<S: Objects>(&self, subject: &S) -> Reading {
        let ring = Ring {
            subject,
            batches: std::array::from_fn(|_| Mutex::new(Vec::with_capacity(BATCH))),
            filled: AtomicUsize::new(0),
            emptied: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
        };
        let work = |batches| match cpu::current() {
            0 => ring.produce(&self.sizes, batches),
            _ => ring.consume(batches),
        };
        let took = cpu::time_on(2, || work(0..UNTIMED), |()| work(UNTIMED..BATCHES));
        if ring.passed.load(Ordering::Relaxed) < self.sizes.len() {
            return FAILED;
        }
        (took.as_nanos() as f64 / ((BATCHES - UNTIMED) * BATCH) as f64).into()
    }
}

impl<S: Objects> Ring<'_, S> {
    fn produce(&self, sizes: &[u32], batches: Range<usize>) {
        for batch in batches {
            // Acquire, pairs with the Release in `consume`.
            wait_until(|| batch - self.emptied.load(Ordering::Acquire) < RING);
            let taken =
                sizes[batch * BATCH..][..BATCH].iter().filter_map(|&size| Object::take(self.subject, size));
            self.batches[batch % RING].lock().extend(taken);
            // Release, pairs with the Acquire in `consume`.
            self.filled.store(batch + 1, Ordering::Release);
        }
    }

    fn consume(&self, batches: Range<usize>) {
        for batch in batches {
            // Acquire, pairs with the Release in `produce`.
            wait_until(|| self.filled.load(Ordering::Acquire) > batch);
            let mut objects = self.batches[batch % RING].lock();
            // Relaxed: read when the threads have ended.
            self.passed.fetch_add(objects.len(), Ordering::Relaxed);
            objects.drain(..).for_each(|object| object.give(self.subject));
            drop(objects);
            // Release, pairs with the Acquire in `produce`.
            self.emptied.store(batch + 1, Ordering::Release);
        }
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::hint::spin_loop();
    }
}
