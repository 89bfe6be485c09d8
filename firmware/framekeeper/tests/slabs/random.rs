//! Random sequences of operations, against the model.
//!
//! `OPERATIONS_TIMES=100 cargo test -p framekeeper --test slabs random -- --nocapture` is the long run. A sequence that
//! fails is printed with as few operations as it needs, as text that goes into [`KNOWN`].

use crate::{
    ground::Dice,
    machine::{Machine, cores::on_core},
    model::{Disagreement, Model, Op, Op::*},
};
use framekeeper::slabs::{Hardening, Off, Paranoid, Standard};
use std::panic::AssertUnwindSafe;

/// Sequences of each level if the environment says nothing else, and operations of each.
const SEQUENCES: u64 = if cfg!(miri) { 2 } else { 100 };
const OPERATIONS: u64 = if cfg!(miri) { 150 } else { 2000 };

/// Frames of RAM: few enough that they run out.
const FRAMES: u64 = 200;

/// Sequences that are worth to be run each time.
const KNOWN: [&[Op]; 3] = [
    // From core to core, and all frames back between.
    &[Take(8000, 8), By(1), Give(0), Shrink, Again(0), Take(8000, 8), By(0), Give(0), Verify, Again(0)],
    // The smallest objects, and what has no bytes.
    &[Take(0, 1), Take(1, 1), Take(8, 8), Give(1), Again(0), By(2), Give(0), Give(0), Verify, Shrink],
    // From below all memory to its end: null, between, is no pointer to be given back.
    &[Nowhere(0), Nowhere(-1), Nowhere(-2), Nowhere(isize::MAX), Nowhere(isize::MIN)],
];

/// An operation, small objects more often than large ones.
fn op(dice: &mut Dice, cores: u8) -> Op {
    let number = dice.next() as usize % 4096;
    match dice.below(64) {
        0..27 => {
            let power = dice.below(14);
            let size = (dice.below(1 << power) as usize).min(8184);
            let align = if dice.below(4) == 0 { 1 << dice.below(10) } else { 1 };
            Take(size, align)
        }
        27..50 => Give(number),
        50..53 => Again(number % 64),
        53 => Inside(number, dice.next() as usize % 8192),
        54 => WrongSize(number),
        55 => Nowhere(dice.next() as isize >> 8),
        56 if dice.below(8) == 0 => Shrink,
        57 if dice.below(8) == 0 => Verify,
        _ => By(dice.below(cores.into()) as u8),
    }
}

/// Runs a sequence on a machine of its own; what goes wrong, if anything does, and how much failed and was refused.
pub(crate) fn run<H: Hardening>(ops: &[Op]) -> Result<(u64, u64), Disagreement> {
    let mut result = Ok((0, 0));
    let work = || {
        Machine::new(FRAMES, 3).run::<H>(|_, slabs| {
            let mut model = Model::default();
            let done = ops.iter().try_for_each(|&op| model.step(slabs, op));
            on_core(0);
            let done = done.and_then(|()| model.finish(slabs));
            result = done.map(|()| (model.failed, model.refused));
        });
    };
    match std::panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(()) => result,
        Err(_) => Err("a panic".into()),
    }
}

/// The failure as text: what was said, and the sequence, with no operation that it could fail without.
pub(crate) fn explain<H: Hardening>(ops: &[Op], said: &str) -> String {
    let (mut shortest, mut at) = (ops.to_vec(), 0);
    // By large parts first.
    let mut part = shortest.len() / 2;
    while part > 0 {
        let mut shorter = shortest.clone();
        shorter.drain(at..(at + part).min(shortest.len()));
        if run::<H>(&shorter).is_err() {
            (shortest, at) = (shorter, 0);
        } else {
            at += part;
        }
        if at >= shortest.len() {
            (at, part) = (0, part / 2);
        }
    }
    let said = run::<H>(&shortest).err().unwrap_or_else(|| said.to_owned());
    format!("{:?}: {said}:\n    &{shortest:?},", H::LEVEL)
}

fn random<H: Hardening>() {
    let times = std::env::var("OPERATIONS_TIMES").map_or(1, |times| times.parse::<u64>().unwrap());
    let (mut failed, mut refused) = (0, 0);
    for seed in 0..times * SEQUENCES {
        let mut dice = Dice::new(seed);
        let cores = 1 + (seed % 3) as u8;
        let ops: Vec<_> = (0..OPERATIONS).map(|_| op(&mut dice, cores)).collect();
        match run::<H>(&ops) {
            Ok(counts) => (failed, refused) = (failed + counts.0, refused + counts.1),
            Err(said) => panic!("seed {seed}, {}", explain::<H>(&ops, &said)),
        }
    }
    let operations = times * SEQUENCES * OPERATIONS;
    println!("{:?}: {operations} operations, {failed} without memory, {refused} refused", H::LEVEL);
    assert!(refused > operations / 50);
}

#[test]
fn random_sequences_at_off_do_what_the_model_does() {
    random::<Off>();
}

#[test]
fn random_sequences_at_standard_do_what_the_model_does() {
    random::<Standard>();
}

#[test]
fn random_sequences_at_paranoid_do_what_the_model_does() {
    random::<Paranoid>();
}

#[test]
fn known_sequences_do_what_the_model_does() {
    for ops in KNOWN {
        for result in [run::<Off>(ops), run::<Standard>(ops), run::<Paranoid>(ops)] {
            result.unwrap_or_else(|said| panic!("{said}: {ops:?}"));
        }
    }
}
