//! The same memory over and over.

use core::alloc::Layout;

use super::{
    super::{Stand, Subject, Turn, Workload},
    shared,
};

const PAIRS: u64 = 16_384;

/// Takes and gives back at once; both are measured each for itself.
#[derive(Debug)]
pub(super) struct Hot {
    pub(super) name: &'static str,
    pub(super) layout: Layout,
}

impl Workload for Hot {
    fn turn<S: Stand, A: Subject>(&self, turn: &Turn<'_, S>, subject: &A) {
        let pairs = shared(turn.stand.rounds(PAIRS), turn.cores());
        turn.measure(self.name, |worker| {
            for _ in 0..pairs {
                if let Some(object) = worker.take(subject, self.layout) {
                    worker.give(subject, object);
                }
            }
        });
    }
}
