//! Every power of two.

use alloc::format;

use super::super::{Stand, Subject, Turn, Workload, object::words};

const PAIRS: u64 = 4_096;

/// Takes and gives back at once, measured as one.
#[derive(Debug)]
pub(super) struct Sizes;

impl Workload for Sizes {
    fn turn<S: Stand, A: Subject>(&self, turn: &Turn<'_, S>, subject: &A) {
        for size in (3..=12).map(|power| 1 << power) {
            turn.measure(&format!("hot, {size} bytes"), |worker| {
                for _ in 0..turn.stand.rounds(PAIRS) {
                    worker.pair(subject, words(size));
                }
            });
        }
    }
}
