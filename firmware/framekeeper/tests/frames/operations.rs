//! Traces of operations by the million, as a fuzzer would run them, against the model.
//!
//! `OPERATIONS_TIMES=100 cargo test -p framekeeper --test frames operations -- --nocapture` is the long run. A trace that
//! fails is printed with as few steps as it needs, as text that goes into [`KNOWN`].

use crate::{
    ground::{Dice, Memory},
    trace::{Cores, Disagreement, LAYOUTS, Layout, Op, Op::*, Trace, decode},
};
use framekeeper::{CoreCache, FrameAllocator};
use std::{cell::Cell, panic::AssertUnwindSafe, time::Instant};

/// Traces run if the environment says nothing else.
const TRACES: u64 = 1_000_000;

/// Traces after which a map is made anew, if none of them added memory.
const ROUND: u64 = 1_000;

/// Traces that are worth to be run each time: those that once failed, and those that are rarely met by chance.
const KNOWN: [&[Op]; 6] = [
    // All of it in one piece, twice; and once more, in vain.
    &[Take(10), Take(10), Take(10), Take(0), Give(0), Give(0)],
    // In another core's cache, and fetched from there.
    &[By(1), Take(0), Give(0), By(0), TakeMany(0, 2048), Take(0)],
    // In a cache, and nobody there to fetch it.
    &[Take(0), Give(0), By(2), TakeMany(0, 2048), Take(0), By(0), Take(0)],
    // Across 4 GiB, and again.
    &[Add(1000, 100), Add(1000, 100), Add(999, 2), TakeAt(1024, 5), TakeBelow(5, 1024), GiveAt(1024)],
    // An exact number, its parts, and a second time.
    &[TakeFrames(700), GiveAt(1), GiveInside(0, 1), Give(0), GiveAt(0), GiveAt(1024)],
    // By address out of the cache.
    &[TakeAt(8, 3), Give(0), TakeAt(8, 3), TakeAt(8, 0), TakeAt(9, 1)],
];

/// How a map is made: of which RAM, and with how many caches.
#[derive(Clone, Copy)]
struct Setting {
    layout: usize,
    caches: usize,
}

fn settings() -> impl Iterator<Item = Setting> {
    (0..LAYOUTS.len()).flat_map(|layout| [0, 2].map(|caches| Setting { layout, caches }))
}

impl Setting {
    fn layout(self) -> &'static Layout {
        &LAYOUTS[self.layout]
    }

    /// Runs traces on one allocator, as long as there are any and each leaves it as it was.
    fn run<'t>(
        self,
        memory: &mut Memory,
        traces: &mut impl Iterator<Item = &'t [Op]>,
    ) -> Result<u64, (&'t [Op], Disagreement)> {
        let (ram, free, core) = (self.layout().ram(), self.layout().free(), Cell::new(0));
        let caches = [CoreCache::new(), CoreCache::new()];
        let caches = &caches[..self.caches];
        let frames = FrameAllocator::new(&ram, &free, memory.storage(), caches, Cores(&core)).unwrap();
        let mut runs = 0_u64;
        for trace in traces {
            let is_thorough = runs.is_multiple_of(16);
            runs += 1;
            let run = || Trace::run(&frames, &core, self.layout(), trace, is_thorough);
            let done = std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err("a panic".into()));
            if !done.map_err(|said| (trace, said))? {
                break;
            }
        }
        Ok(runs)
    }

    /// What goes wrong with a trace on a new allocator, if anything does.
    fn disagreement(self, trace: &[Op]) -> Option<Disagreement> {
        let mut memory = Memory::of(&self.layout().ram());
        self.run(&mut memory, &mut std::iter::once(trace)).err().map(|(_, said)| said)
    }

    /// A trace with no step that it could fail without.
    fn shrink(self, trace: &[Op]) -> Vec<Op> {
        let mut shortest = trace.to_vec();
        let mut at = 0;
        while at < shortest.len() {
            let mut shorter = shortest.clone();
            shorter.remove(at);
            if self.disagreement(&shorter).is_some() {
                (shortest, at) = (shorter, 0);
            } else {
                at += 1;
            }
        }
        shortest
    }

    /// The failure as text: what was said, and the trace for `KNOWN`.
    fn explain(self, trace: &[Op], said: &str) -> String {
        let setting = format!("layout {}, {} caches", self.layout, self.caches);
        if self.disagreement(trace).is_none() {
            return format!("{setting}: {said}; only after other traces:\n    &{trace:?},");
        }
        let shortest = self.shrink(trace);
        let said = self.disagreement(&shortest).unwrap_or_default();
        format!("{setting}: {said}:\n    &{shortest:?},")
    }
}

/// As many bytes as make about 30 operations, of this number.
fn bytes(number: u64) -> Vec<u8> {
    let mut dice = Dice::new(number);
    let length = 8 + dice.below(96);
    (0..length).map(|_| dice.next() as u8).collect()
}

#[test]
fn traces_by_the_million_do_what_the_model_does() {
    let times = std::env::var("OPERATIONS_TIMES").map_or(1, |times| times.parse::<u64>().unwrap());
    let (start, mut operations, mut number) = (Instant::now(), 0, 0);
    while number < times * TRACES {
        for setting in settings() {
            let mut memory = Memory::of(&setting.layout().ram());
            let traces: Vec<_> = (number..number + ROUND).map(|number| decode(&bytes(number))).collect();
            let mut left = traces.iter().map(|trace| &**trace);
            while left.len() > 0 {
                if let Err((trace, said)) = setting.run(&mut memory, &mut left) {
                    panic!("{}", setting.explain(trace, &said));
                }
            }
            operations += traces.iter().map(Vec::len).sum::<usize>();
            number += ROUND;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{number} traces, {operations} operations, {:.0} a second", operations as f64 / seconds);
}

#[test]
fn known_traces_do_what_the_model_does() {
    for setting in settings() {
        for trace in KNOWN {
            if let Some(said) = setting.disagreement(trace) {
                panic!("{}", setting.explain(trace, &said));
            }
        }
    }
}
