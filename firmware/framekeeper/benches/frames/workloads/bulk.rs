//! F2: all of 1 GiB is taken in single frames and given back: the last first, the first first, and at random.

use crate::{
    memory::Memory,
    peer::{Peer, take_turns},
    rng::Rng,
    subject::{FRAME, GIB, Made, Subject, Workload},
    table::{Column, Table, Unit},
    workloads::take_frames,
};
use std::time::Instant;

const ROUNDS: usize = 21;
const FRAMES: usize = (GIB / FRAME) as usize;

const COLUMNS: &[Column] = &[
    ("alloc", Unit::NANOSECONDS),
    ("free LIFO", Unit::NANOSECONDS),
    ("free FIFO", Unit::NANOSECONDS),
    ("free random", Unit::NANOSECONDS),
    ("alloc after random", Unit::NANOSECONDS),
    ("frames", Unit::COUNT),
];

struct Bulk {
    /// The order in which the frames are given back at random.
    shuffled: Vec<usize>,
}

impl Workload for Bulk {
    fn measure<S: Subject>(&self, made: &Made<'_, S>) -> Vec<f64> {
        let subject = made.subject;
        // Not zero, which would only be promised memory.
        let mut frames = vec![u64::MAX; FRAMES];
        let (alloc, taken) = time_alloc(subject, &mut frames);
        let lifo = time_free(subject, frames[..taken].iter().rev());
        let taken = take_frames(subject, &mut frames);
        let fifo = time_free(subject, frames[..taken].iter());
        let taken = take_frames(subject, &mut frames);
        let shuffled: Vec<u64> =
            self.shuffled.iter().filter(|&&at| at < taken).map(|&at| frames[at]).collect();
        let random = time_free(subject, shuffled.iter());
        let (again, taken) = time_alloc(subject, &mut frames);
        vec![alloc, lifo, fifo, random, again, taken as f64]
    }
}

fn time_alloc<S: Subject>(subject: &S, frames: &mut [u64]) -> (f64, usize) {
    let began = Instant::now();
    let taken = take_frames(subject, frames);
    (began.elapsed().as_nanos() as f64 / taken as f64, taken)
}

fn time_free<'a, S: Subject>(subject: &S, frames: impl ExactSizeIterator<Item = &'a u64>) -> f64 {
    let count = frames.len() as f64;
    let began = Instant::now();
    for &frame in frames {
        subject.free(std::hint::black_box(frame), 0);
    }
    began.elapsed().as_nanos() as f64 / count
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let mut shuffled: Vec<usize> = (0..FRAMES).collect();
    Rng::new(2).shuffle(&mut shuffled);
    let samples = take_turns(memory, Peer::FOR_FRAMES, ROUNDS, &Bulk { shuffled });
    Table::of("F2", "all 262,144 frames of 1 GiB, per call", COLUMNS, &samples)
}
