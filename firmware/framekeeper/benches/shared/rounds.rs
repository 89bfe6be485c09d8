//! Turns: in every round each allocator has one.

use super::{rng::Rng, table::Row};
use std::time::{Duration, Instant};

/// After that much time an allocator sits the remaining rounds out, when it has had [`AT_LEAST`]: somebody who takes a
/// microsecond where the others take ten nanoseconds needs no fine figure, and would take up most of the run.
const PATIENCE: Duration = Duration::from_secs(3);
const AT_LEAST: usize = 3;

/// What one allocator measured: for each round, its figures.
#[derive(Debug)]
pub(crate) struct Samples<T> {
    pub(crate) row: Row,
    pub(crate) rounds: Vec<Vec<T>>,
}

/// Lets every peer have its turn in `count` rounds, after one that does not count: it touches the memory first.
pub(crate) fn take_turns<P: Copy + Into<Row>, T>(
    peers: &[P],
    count: usize,
    mut measure: impl FnMut(P) -> Vec<T>,
) -> Vec<Samples<T>> {
    let new = |&peer: &P| (peer, Samples { row: peer.into(), rounds: Vec::new() }, Duration::ZERO);
    let mut all: Vec<_> = peers.iter().map(new).collect();
    let mut order: Vec<usize> = (0..peers.len()).collect();
    let mut rng = Rng::new(1);
    for _ in 0..=count {
        // Always in another order: who comes next finds the caches as the one before left them.
        rng.shuffle(&mut order);
        for &index in &order {
            let (peer, samples, spent) = &mut all[index];
            turn(samples, spent, || measure(*peer));
        }
    }
    all.into_iter().map(|(_, samples, _)| without_first(samples)).collect()
}

fn turn<T>(samples: &mut Samples<T>, spent: &mut Duration, measure: impl FnOnce() -> Vec<T>) {
    if *spent > PATIENCE && samples.rounds.len() > AT_LEAST {
        return;
    }
    let began = Instant::now();
    samples.rounds.push(measure());
    *spent += began.elapsed();
}

fn without_first<T>(mut samples: Samples<T>) -> Samples<T> {
    samples.rounds.remove(0);
    samples
}
