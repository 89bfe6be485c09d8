//! Where a trace is run: alone or after others, and again with fewer steps when it fails.

use crate::{
    ground::{Memory, scaled},
    trace::{Cores, Disagreement, LAYOUTS, Layout, Op, Trace},
};
use framekeeper::{CoreCache, FrameAllocator};
use std::{cell::Cell, panic::AssertUnwindSafe};

/// How a map is made: of which RAM, and with how many caches.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    layout: usize,
    caches: usize,
}

/// All of them; under Miri two.
pub(crate) fn all() -> impl Iterator<Item = Setting> {
    let all = (0..LAYOUTS.len()).flat_map(|layout| [0, 2].map(|caches| Setting { layout, caches }));
    all.step_by(scaled(1, 3))
}

impl Setting {
    pub(crate) fn layout(self) -> &'static Layout {
        &LAYOUTS[self.layout]
    }

    /// Runs traces on one allocator, as long as there are any and each leaves it as it was.
    pub(crate) fn run<'t>(
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
            // Under Miri never one that is alone: it takes seconds.
            let is_thorough = runs % 16 == scaled(0, 1);
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
    pub(crate) fn disagreement(self, trace: &[Op]) -> Option<Disagreement> {
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
    pub(crate) fn explain(self, trace: &[Op], said: &str) -> String {
        let setting = format!("layout {}, {} caches", self.layout, self.caches);
        if self.disagreement(trace).is_none() {
            return format!("{setting}: {said}; only after other traces:\n    &{trace:?},");
        }
        let shortest = self.shrink(trace);
        let said = self.disagreement(&shortest).unwrap_or_default();
        format!("{setting}: {said}:\n    &{shortest:?},")
    }
}
