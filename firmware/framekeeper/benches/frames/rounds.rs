//! Turns: in every round each allocator has one.

use crate::{memory::Memory, peer::Peer, rng::Rng, subject::Workload};
use std::time::{Duration, Instant};

/// After that much time an allocator sits the remaining rounds out, when it has had [`AT_LEAST`]: somebody who takes a
/// microsecond where the others take ten nanoseconds needs no fine figure, and would take up most of the run.
const PATIENCE: Duration = Duration::from_secs(3);
const AT_LEAST: usize = 3;

/// What one allocator measured: for each round, its figures.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) peer: Peer,
    pub(crate) rounds: Vec<Vec<f64>>,
}

/// Lets every peer have its turn in `count` rounds, after one that does not count: it touches the memory first.
pub(crate) fn take_turns<W: Workload>(
    memory: &mut Memory,
    peers: &[Peer],
    count: usize,
    workload: &W,
) -> Vec<Samples> {
    let mut all: Vec<_> =
        peers.iter().map(|&peer| (Samples { peer, rounds: Vec::new() }, Duration::ZERO)).collect();
    let mut order: Vec<usize> = (0..peers.len()).collect();
    let mut rng = Rng::new(1);
    for _ in 0..=count {
        // Always in another order: who comes next finds the caches as the one before left them.
        rng.shuffle(&mut order);
        for &index in &order {
            let (samples, spent) = &mut all[index];
            turn(memory, workload, samples, spent);
        }
    }
    all.into_iter().map(|(samples, _)| without_first(samples)).collect()
}

fn turn<W: Workload>(memory: &mut Memory, workload: &W, samples: &mut Samples, spent: &mut Duration) {
    if *spent > PATIENCE && samples.rounds.len() > AT_LEAST {
        return;
    }
    let began = Instant::now();
    samples.rounds.push(samples.peer.run(memory, workload));
    *spent += began.elapsed();
}

fn without_first(mut samples: Samples) -> Samples {
    samples.rounds.remove(0);
    samples
}
