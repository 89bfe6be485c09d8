//! Sequences of operations read from any bytes, as a fuzzer gives them, against the model: here from seeds.
//!
//! The first byte says at which level of hardening; each further four are an operation.
//! `OPERATIONS_TIMES=100 cargo test --release -p framekeeper --test slabs bytes -- --nocapture` is the long run.

use crate::{
    ground::Dice,
    model::{Disagreement, Op},
    random,
};
use framekeeper::slabs::{Hardening, Off, Paranoid, Standard};

/// Sequences if the environment says nothing else.
const SEQUENCES: u64 = if cfg!(miri) { 3 } else { 250 };

/// Operations of each, at most.
const OPERATIONS: u64 = if cfg!(miri) { 50 } else { 4_096 };

/// Runs what `bytes` mean; how many operations that was, or the failure as text.
pub(crate) fn run(bytes: &[u8]) -> Result<usize, Disagreement> {
    let Some((level, rest)) = bytes.split_first() else { return Ok(0) };
    let ops: Vec<_> = rest.as_chunks().0.iter().map(|&bytes| operation(bytes)).collect();
    match level % 3 {
        0 => at::<Off>(&ops),
        1 => at::<Standard>(&ops),
        _ => at::<Paranoid>(&ops),
    }
}

fn at<H: Hardening>(ops: &[Op]) -> Result<usize, Disagreement> {
    random::run::<H>(ops).map(|_| ops.len()).map_err(|said| random::explain::<H>(ops, &said))
}

/// All bytes mean some operation.
fn operation([kind, low, high, more]: [u8; 4]) -> Op {
    let number = usize::from(u16::from_le_bytes([low, high]));
    match kind % 32 {
        0..12 => Op::Take((number % 8185) >> (more % 14), 1 << (more / 14 % 10)),
        12..20 => Op::Give(number),
        20..23 => Op::Again(number),
        23 => Op::Inside(number, usize::from(more) << (kind / 32)),
        24 => Op::WrongSize(number),
        25 => Op::Nowhere((number as isize - (1 << 15)) << (more % 48)),
        // Both look at everything, and take as long as hundreds of the others.
        26 if more < 4 => Op::Shrink,
        27 if more < 4 => Op::Verify,
        _ => Op::By(more % 3),
    }
}

/// The bytes of a sequence, of this number.
fn seeded(number: u64) -> Vec<u8> {
    let mut dice = Dice::new(number);
    let length = 1 + 4 * dice.below(OPERATIONS + 1);
    (0..length).map(|_| dice.next() as u8).collect()
}

#[test]
fn sequences_from_seeded_bytes_do_what_the_model_does() {
    let times = std::env::var("OPERATIONS_TIMES").map_or(1, |times| times.parse::<u64>().unwrap());
    let (start, mut operations) = (std::time::Instant::now(), 0);
    for round in 0..times {
        for seed in round * SEQUENCES..(round + 1) * SEQUENCES {
            operations += run(&seeded(seed)).unwrap_or_else(|said| panic!("seed {seed}, {said}"));
        }
        // A long run that is ended early has said how far it came.
        if round % 100 == 99 || round + 1 == times {
            let (seconds, sequences) = (start.elapsed().as_secs_f64(), (round + 1) * SEQUENCES);
            let rate = operations as f64 / seconds;
            println!("{sequences} sequences, {operations} operations, {rate:.0} a second");
        }
    }
}
