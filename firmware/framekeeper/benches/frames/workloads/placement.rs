//! F4: whether large blocks come back. 256 MiB, in single frames.
//!
//! - *frag*: all are taken and all but 64 given back at random; then 2 MiB blocks are taken while there are any.
//! - *all*: those and the 64 are given back as well; then there must be 128.
//! - *place*: half of the frames, picked at random, are out. Then ten times as many as there are frames are given back
//!   at random and taken anew. The share of free memory that lies in whole 2 MiB blocks says where the allocator puts
//!   frames: one that prefers nearly full places empties the others by and by.
//!
//! Giving one back and taking one in turn lets a cache hand out what it was just given, so nothing ever moves; hence
//! the churn is in bursts of up to 1,024, and in pairs as a second figure.

use crate::{
    memory::Memory,
    mix::LARGEST_ORDER,
    peer::{Peer, take_turns},
    rng::Rng,
    shadow::Shadow,
    subject::{FRAME, MIB, Made, Subject, Workload},
    table::{Column, Table, Unit},
    workloads::take_frames,
};
use std::time::Instant;

const ROUNDS: usize = 5;
const SIZE: u64 = 256 * MIB;
const FRAMES: usize = (SIZE / FRAME) as usize;
const PINS: usize = 64;
const CHURN: usize = 10 * FRAMES;

const FRAGMENTED: &[Column] = &[
    ("frag: possible", Unit::COUNT),
    ("had", Unit::COUNT),
    ("all: possible", Unit::COUNT),
    ("had again", Unit::COUNT),
];
const PLACED: &[Column] =
    &[("place: before", Unit::PERCENT), ("after", Unit::PERCENT), ("churn", Unit::NANOSECONDS)];
const PLACED_BY_PAIRS: &[Column] = &[("after pairs", Unit::PERCENT), ("churn in pairs", Unit::NANOSECONDS)];

struct Fragmented;

impl Workload for Fragmented {
    fn size(&self) -> u64 {
        SIZE
    }

    fn measure<S: Subject>(&self, made: &Made<'_, S>) -> Vec<f64> {
        let subject = made.subject;
        let mut shadow = Shadow::new(made);
        let mut frames = all_frames(subject, 40);
        for &frame in &frames[PINS..] {
            subject.free(frame, 0);
        }
        frames.truncate(PINS);
        frames.iter().for_each(|&frame| shadow.take(frame, 0));
        let possible = shadow.blocks(LARGEST_ORDER);
        let blocks = all_blocks(subject, &mut shadow);
        blocks.iter().for_each(|&block| subject.free(block, LARGEST_ORDER));
        frames.iter().for_each(|&frame| subject.free(frame, 0));
        let again = all_blocks(subject, &mut Shadow::new(made));
        [possible, blocks.len(), FRAMES >> LARGEST_ORDER, again.len()].map(|count| count as f64).to_vec()
    }
}

/// How frames are given back and taken anew.
#[derive(Clone, Copy)]
enum Churn {
    Bursts,
    Pairs,
}

struct Placed(Churn);

impl Workload for Placed {
    fn size(&self) -> u64 {
        SIZE
    }

    fn measure<S: Subject>(&self, made: &Made<'_, S>) -> Vec<f64> {
        let mut frames = all_frames(made.subject, 41);
        for frame in frames.drain(FRAMES / 2..) {
            made.subject.free(frame, 0);
        }
        let before = in_blocks(made, &frames);
        let lengths = self.0.lengths();
        let began = Instant::now();
        churn(made.subject, &mut frames, &lengths);
        let time = began.elapsed().as_nanos() as f64 / (2 * CHURN) as f64;
        let after = in_blocks(made, &frames);
        match self.0 {
            Churn::Bursts => vec![before, after, time],
            Churn::Pairs => vec![after, time],
        }
    }
}

impl Churn {
    /// How many frames are given back, and then taken, at a time: together all of them.
    fn lengths(self) -> Vec<usize> {
        let mut rng = Rng::new(42);
        let mut left = CHURN;
        let mut lengths = Vec::new();
        while left > 0 {
            let length = match self {
                Self::Bursts => 1 + rng.below(1024),
                Self::Pairs => 1,
            };
            lengths.push(length.min(left));
            left -= length.min(left);
        }
        lengths
    }
}

fn churn<S: Subject>(subject: &S, frames: &mut Vec<u64>, lengths: &[usize]) {
    let mut rng = Rng::new(43);
    for &length in lengths {
        for _ in 0..length {
            let victim = rng.below(frames.len());
            subject.free(frames.swap_remove(victim), 0);
        }
        frames.extend((0..length).filter_map(|_| subject.alloc(0)));
    }
}

/// Takes every frame, and shuffles them.
fn all_frames<S: Subject>(subject: &S, stream: u64) -> Vec<u64> {
    let mut frames = vec![0; FRAMES];
    let taken = take_frames(subject, &mut frames);
    assert_eq!(taken, FRAMES, "every frame can be had");
    Rng::new(stream).shuffle(&mut frames);
    frames
}

/// Takes 2 MiB blocks while there are any.
fn all_blocks<S: Subject>(subject: &S, shadow: &mut Shadow) -> Vec<u64> {
    let blocks: Vec<u64> = std::iter::from_fn(|| subject.alloc(LARGEST_ORDER)).collect();
    blocks.iter().for_each(|&block| shadow.take(block, LARGEST_ORDER));
    blocks
}

/// The share of free memory in whole 2 MiB blocks while these frames are out.
fn in_blocks<S>(made: &Made<'_, S>, out: &[u64]) -> f64 {
    let mut shadow = Shadow::new(made);
    out.iter().for_each(|&frame| shadow.take(frame, 0));
    shadow.in_blocks_percent(LARGEST_ORDER)
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let title =
        "2 MiB blocks of 256 MiB: had of those possible; share of free memory in them; churn per call";
    let table = |columns, turns: &[_]| Table::of("F4", title, columns, turns);
    let fragmented = take_turns(memory, Peer::ALLOCATORS, 1, &Fragmented);
    let bursts = take_turns(memory, Peer::ALLOCATORS, ROUNDS, &Placed(Churn::Bursts));
    let pairs = take_turns(memory, Peer::ALLOCATORS, ROUNDS, &Placed(Churn::Pairs));
    table(FRAGMENTED, &fragmented).beside(table(PLACED, &bursts)).beside(table(PLACED_BY_PAIRS, &pairs))
}
