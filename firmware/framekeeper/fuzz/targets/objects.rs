//! Sequences of operations, with misuse among them, done to slabs and to the model:
//!
//! ```text
//! cargo +nightly fuzz run -s none --fuzz-dir firmware/framekeeper/fuzz objects
//! ```
//!
//! The first byte says at which level of hardening; each further four are an operation. A sequence that fails is printed
//! as the test prints it.

#![no_main]
// Of the test's own modules not all is used here.
#![allow(dead_code, unreachable_pub)]

#[path = "../../tests/frames/ground.rs"]
mod ground;
#[path = "../../tests/slabs/machine.rs"]
mod machine;
#[path = "../../tests/slabs/model.rs"]
mod model;
#[path = "../../tests/slabs/random.rs"]
mod random;

use framekeeper::slabs::{Hardening, Off, Paranoid, Standard};
use model::Op;
use std::{sync::Mutex, thread_local};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((level, rest)) = bytes.split_first() else { return };
    let ops: Vec<_> = rest.as_chunks().0.iter().map(|&bytes| operation(bytes)).collect();
    match level % 3 {
        0 => run::<Off>(&ops),
        1 => run::<Standard>(&ops),
        _ => run::<Paranoid>(&ops),
    }
});

fn operation([kind, low, high, more]: [u8; 4]) -> Op {
    let number = usize::from(u16::from_le_bytes([low, high]));
    match kind % 32 {
        0..12 => Op::Take(number % 8185 >> (more % 14), 1 << (more / 14 % 10)),
        12..20 => Op::Give(number),
        20..23 => Op::Again(number),
        23 => Op::Inside(number, usize::from(more) << (kind / 32)),
        24 => Op::WrongSize(number),
        25 => Op::Nowhere(number as isize - (1 << 15) << (more % 48)),
        26 => Op::Shrink,
        27 => Op::Verify,
        _ => Op::By(more % 3),
    }
}

fn run<H: Hardening>(ops: &[Op]) {
    if let Err(said) = random::run::<H>(ops) {
        panic!("{}", random::explain::<H>(ops, &said));
    }
}
