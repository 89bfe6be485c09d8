//! Every sequence of operations on few large objects, up to a depth, against the model.
//!
//! A slab has eight of them, a core keeps four, and there are frames for two slabs. From a new machine no sequence of this
//! depth fills one, so they also begin where some objects are out already.

use crate::{
    machine::{Machine, Objects, cores::on_core},
    model::{Model, Op, Op::*},
};
use framekeeper::slabs::{Hardening, Paranoid, Standard};

const DEPTH: usize = if cfg!(miri) { 2 } else { 6 };

/// Two slabs and a chunk of descriptors.
const FRAMES: u64 = 16 + 16 + 2;

/// The largest that all levels have.
const LARGE: Op = Take(8184, 8);

const OPS: [Op; 7] = [LARGE, Give(0), Give(1), Again(0), By(0), By(1), Shrink];

/// How many objects are out before, and whether as many were given back then.
const BEFORE: [(usize, usize); 6] = [(0, 0), (7, 0), (8, 0), (15, 0), (16, 0), (16, 9)];

/// Does a path, which ends with a look at all there is in one case of five, and leaves the slabs as they were.
fn run<H: Hardening>(slabs: &Objects<'_, H>, path: &[Op], number: usize) {
    let (taken, given) = BEFORE[number % BEFORE.len()];
    let takes = std::iter::repeat_n(LARGE, taken);
    let gives = (0..given).map(|number| Give(number * 5));
    let mut model = Model::default();
    let mut step = |op| model.step(slabs, op).unwrap_or_else(|said| panic!("{said}: {path:?}"));
    takes.chain(gives).for_each(&mut step);
    path.iter().copied().for_each(&mut step);
    if number.is_multiple_of(5) {
        step(Verify);
    }
    model.give_all(slabs).unwrap_or_else(|said| panic!("{said}: {path:?}"));
    slabs.shrink();
    assert_eq!((slabs.report().slab_bytes(), slabs.report().metadata_bytes()), (0, 0), "{path:?}");
    on_core(0);
}

/// Steps that come to nothing: a core that is this one already, and by which nothing is done.
fn is_idle(path: &[Op]) -> bool {
    let is_by = |op: &Op| matches!(op, By(_));
    path.windows(2).any(|two| two.iter().all(is_by)) || path.last().is_some_and(is_by) || path[0] == By(0)
}

/// All paths of the depth, one after the other: a part of a path is the beginning of others.
fn search<H: Hardening>() {
    let (paths, mut runs) = (OPS.len().pow(DEPTH as u32), 0);
    Machine::new(FRAMES, 2).run::<H>(|_, slabs| {
        for number in 0..paths {
            let op = |at: u32| OPS[number / OPS.len().pow(at) % OPS.len()];
            let path: Vec<_> = (0..DEPTH as u32).map(op).collect();
            if !is_idle(&path) {
                run(slabs, &path, runs);
                runs += 1;
            }
        }
    });
    println!("{:?}: {runs} sequences", H::LEVEL);
}

#[test]
fn every_sequence_at_standard_does_what_the_model_does() {
    search::<Standard>();
}

#[test]
fn every_sequence_at_paranoid_does_what_the_model_does() {
    search::<Paranoid>();
}
