//! F3: blocks of orders 0 to 9 taken and given back at random in 1 GiB, half and nine tenths of it in use.
//!
//! How many requests failed is counted in a run of its own that is not timed, by the same calls: with a shadow that
//! knows for each whether a free block of that size was there.

use crate::{
    memory::Memory,
    mix::{Draw, Mix, Sizes, draw},
    peer::{Peer, take_turns},
    shadow::Shadow,
    subject::{Made, Subject, Workload},
    table::{Column, Table, Unit},
};
use std::{sync::Mutex, time::Instant};

const ROUNDS: usize = 21;
const CALLS: usize = 100_000;
/// Before the clock runs.
const WARM_UP: usize = 25_000;

/// A mix, and what its columns are called.
struct Setting {
    sizes: Sizes,
    percent: u64,
    time: Column,
    failed: Column,
    needlessly: Column,
}

const SETTINGS: [Setting; 3] = [
    Setting {
        sizes: Sizes::Even,
        percent: 50,
        time: ("F3.50", Unit::NANOSECONDS),
        failed: ("failed", Unit::COUNT),
        needlessly: ("needlessly", Unit::COUNT),
    },
    Setting {
        sizes: Sizes::Even,
        percent: 90,
        time: ("F3.90", Unit::NANOSECONDS),
        failed: ("failed.90", Unit::COUNT),
        needlessly: ("needlessly.90", Unit::COUNT),
    },
    Setting {
        sizes: Sizes::Halving,
        percent: 90,
        time: ("F3g.90", Unit::NANOSECONDS),
        failed: ("failed.g90", Unit::COUNT),
        needlessly: ("needlessly.g90", Unit::COUNT),
    },
];

struct Timed<'a>(&'a Setting, &'a [Draw]);

impl Workload for Timed<'_> {
    fn measure<S: Subject>(&self, made: &Made<'_, S>) -> Vec<f64> {
        let Self(setting, draws) = self;
        let mut mix = Mix::new(made.frames(), setting.percent);
        mix.fill(made.subject, draws);
        let (warm_up, timed) = draws.split_at(WARM_UP);
        warm_up.iter().for_each(|&draw| mix.step(made.subject, draw));
        let began = Instant::now();
        timed.iter().for_each(|&draw| mix.step(made.subject, draw));
        vec![began.elapsed().as_nanos() as f64 / CALLS as f64]
    }
}

struct Counted<'a>(&'a Setting, &'a [Draw]);

impl Workload for Counted<'_> {
    fn measure<S: Subject>(&self, made: &Made<'_, S>) -> Vec<f64> {
        let Self(setting, draws) = self;
        let counts = Mutex::new(Counts { shadow: Shadow::new(made), failed: 0, needlessly: 0 });
        let watched = Watched { subject: made.subject, counts };
        let mut mix = Mix::new(made.frames(), setting.percent);
        mix.fill(&watched, draws);
        draws.iter().for_each(|&draw| mix.step(&watched, draw));
        let counts = watched.counts.into_inner().expect("nobody panicked");
        vec![f64::from(counts.failed), f64::from(counts.needlessly)]
    }
}

/// An allocator whose every call is checked.
struct Watched<'a, S> {
    subject: &'a S,
    counts: Mutex<Counts>,
}

/// Requests that were not met, and those of them that could have been.
struct Counts {
    shadow: Shadow,
    failed: u32,
    needlessly: u32,
}

impl Counts {
    fn note_failure(&mut self, order: u8) {
        self.failed += 1;
        self.needlessly += u32::from(self.shadow.blocks(order) > 0);
    }
}

impl<S: Subject> Subject for Watched<'_, S> {
    fn alloc(&self, order: u8) -> Option<u64> {
        let got = self.subject.alloc(order);
        let mut counts = self.counts.lock().expect("nobody panicked");
        match got {
            Some(address) => counts.shadow.take(address, order),
            None => counts.note_failure(order),
        }
        got
    }

    fn free(&self, address: u64, order: u8) {
        self.subject.free(address, order);
        self.counts.lock().expect("nobody panicked").shadow.give(address, order);
    }
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let [first, second, third] = SETTINGS.map(|setting| run_one(memory, &setting));
    first.beside(second).beside(third)
}

fn run_one(memory: &mut Memory, setting: &Setting) -> Table {
    let draws = draw(setting.sizes, 3, WARM_UP + CALLS);
    let title =
        "blocks of orders 0 to 9 in 1 GiB, per call; requests that failed, and those that need not have";
    let counts = take_turns(memory, Peer::ALLOCATORS, 1, &Counted(setting, &draws));
    let counts = Table::of("F3", title, &[setting.failed, setting.needlessly], &counts);
    let times = take_turns(memory, Peer::FOR_BLOCKS, ROUNDS, &Timed(setting, &draws));
    Table::of("F3", title, &[setting.time], &times).beside(counts)
}
