//! Larson's benchmark: each core replaces objects in an array, and then the cores exchange their arrays.
//!
//! In an era a core replaces q of its array's objects, each once, beginning anywhere in a shuffled order. Of the array
//! that it gets, a share r is the other core's, where r = q + (1 - q)(1 - r): what the other has just replaced, and
//! what of the rest was not this core's own. q = 0.413 makes r = 0.63, as in Larson's benchmark with new threads, in
//! which a thread gives back 1 - 1/e of its predecessor's objects before it meets its own.

use crate::{
    churn::Draw,
    cpu,
    figure::Reading,
    object::{Object, Objects},
    rng::Rng,
    stopwatch::{FAILED, mark},
};
use spin::Mutex;
use std::{
    ops::Range,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

const SLOTS: usize = 4096;
/// 0.413 of them.
const REPLACED: usize = 1692;
/// The first ones are not timed: at the start, all objects are the first core's.
const UNTIMED: usize = 6;
const ERAS: usize = UNTIMED + 10;
const LARGEST: usize = 512;
const BUDGET: Duration = Duration::from_millis(400);

#[derive(Debug)]
pub(crate) struct Exchange {
    cores: usize,
    /// What each core replaces, era by era.
    draws: Vec<Vec<Draw>>,
}

/// What the cores share.
struct Table<'a, S> {
    subject: &'a S,
    arrays: [Mutex<Vec<Option<Object>>>; cpu::CORES],
    /// How often a core has reached the end of an era.
    arrived: AtomicUsize,
    /// No era from this one on is begun.
    end: AtomicUsize,
    has_failed: AtomicBool,
    began: Instant,
}

impl Exchange {
    /// Between so many cores; one exchanges its arrays with itself.
    pub(crate) fn new(cores: usize) -> Self {
        Self { cores, draws: (0..cores).map(|core| draws(50 + core as u64)).collect() }
    }

    /// Nanoseconds a replacement.
    pub(crate) fn time<S: Objects>(&self, subject: &S) -> Reading {
        let table = Table::new(subject);
        let prepare = || self.work(&table, 0..UNTIMED);
        let took = cpu::time_on(self.cores, prepare, |()| self.work(&table, UNTIMED..ERAS));
        let eras = table.end.load(Ordering::Relaxed);
        let has_failed = table.has_failed.load(Ordering::Relaxed);
        table.end_all();
        if has_failed {
            return FAILED;
        }
        let replaced = (self.cores * REPLACED * (eras - UNTIMED)) as f64;
        Reading { value: took.as_nanos() as f64 / replaced, mark: mark(eras, ERAS) }
    }

    fn work<S: Objects>(&self, table: &Table<'_, S>, eras: Range<usize>) {
        let core = cpu::current();
        for era in eras {
            table.replace((core + era) % cpu::CORES, &self.draws[core][era * REPLACED..][..REPLACED]);
            if !table.goes_on(self.cores, era) {
                return;
            }
        }
    }
}

impl<'a, S: Objects> Table<'a, S> {
    fn new(subject: &'a S) -> Self {
        let array = |stream| {
            let mut rng = Rng::new(stream);
            Mutex::new((0..SLOTS).map(|_| Object::take(subject, size(&mut rng))).collect())
        };
        Self {
            subject,
            arrays: [52, 53].map(array),
            arrived: AtomicUsize::new(0),
            end: AtomicUsize::new(ERAS),
            has_failed: AtomicBool::new(false),
            began: Instant::now(),
        }
    }

    fn replace(&self, array: usize, draws: &[Draw]) {
        let mut objects = self.arrays[array].lock();
        for draw in draws {
            let slot = &mut objects[draw.slot as usize];
            if let Some(object) = slot.take() {
                object.give(self.subject);
            }
            *slot = Object::take(self.subject, draw.size);
            if slot.is_none() {
                // Relaxed: read when the threads have ended.
                self.has_failed.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Waits, awake, for the other core's end of this era, and says whether there is another era.
    fn goes_on(&self, cores: usize, era: usize) -> bool {
        if cpu::current() == 0 && era >= UNTIMED && self.began.elapsed() > BUDGET {
            // At most as many as it was. Whoever reads it in a later era has still this era's answer: go on.
            self.end.fetch_min(era + 1, Ordering::Relaxed);
        }
        // AcqRel and Acquire: who sees that all have arrived sees what they did, and the end as the first core left it.
        self.arrived.fetch_add(1, Ordering::AcqRel);
        while self.arrived.load(Ordering::Acquire) < cores * (era + 1) {
            std::hint::spin_loop();
        }
        self.end.load(Ordering::Relaxed) > era + 1
    }

    /// Everything goes back, whoever took it.
    fn end_all(self) {
        for array in self.arrays {
            array.into_inner().into_iter().flatten().for_each(|object| object.give(self.subject));
        }
    }
}

fn draws(stream: u64) -> Vec<Draw> {
    let mut rng = Rng::new(stream);
    let mut order: Vec<u32> = (0..SLOTS as u32).collect();
    rng.shuffle(&mut order);
    let mut draws = Vec::new();
    for _ in 0..ERAS {
        let first = rng.below(SLOTS);
        let slots = order.iter().cycle().skip(first).take(REPLACED);
        draws.extend(slots.map(|&slot| Draw { slot, size: size(&mut rng) }));
    }
    draws
}

fn size(rng: &mut Rng) -> u32 {
    8 + rng.below(LARGEST - 7) as u32
}
