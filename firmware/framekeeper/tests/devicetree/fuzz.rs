//! Damaged device trees by the million: no panic, no endless work, no RAM that no memory node claims.
//!
//! `DEVICETREE_TIMES=100` runs a hundred times as many; `DEVICETREE_SEED` starts elsewhere.

use crate::{
    examine::{Figures, examine},
    mutate::{Random, mutate},
    odd, pixel6,
    sample::sample,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

const EXECUTIONS: u64 = 2_000_000;

#[test]
#[cfg_attr(miri, ignore = "most of it is the other reader's, and a few of them show nothing")]
fn r004_12_damaged_trees_do_no_harm_and_dtoolkit_agrees() {
    let number = |name, default| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (seed, times) = (number("DEVICETREE_SEED", 1), number("DEVICETREE_TIMES", 1));
    let seeds = seeds();
    let (mut figures, mut bytes, started) = (Figures::default(), Vec::new(), Instant::now());
    for round in seed..seed + EXECUTIONS * times {
        let mut random = Random(round.wrapping_mul(0x2545_f491_4f6c_dd1d));
        mutate(&seeds[random.below(seeds.len())], &mut bytes, &mut random);
        let result = catch_unwind(AssertUnwindSafe(|| examine(&bytes, &mut figures)));
        assert!(result.is_ok(), "DEVICETREE_SEED={round} shows it first");
    }
    println!("{figures:?} in {:.1} s", started.elapsed().as_secs_f32());
    assert!(figures.read > figures.executions / 20, "too few get past the check: {figures:?}");
    assert!(figures.by_dtoolkit > figures.executions / 50, "dtoolkit judges too few: {figures:?}");
}

/// A name that ends one byte before a multiple of four, and the blob with it.
#[test]
fn no_error_lies_behind_the_blob() {
    let header = [0xd00d_feed, 63, 56, 63, 40, 16, 0, 0, 0, 7, 0, 0, 0, 0, 1];
    let mut bytes: Vec<_> = header.iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
    bytes.extend([0; 3]);
    examine(&bytes, &mut Figures::default());
}

/// Trees of up to 2 KiB that show every feature, so that a wound hits something.
fn seeds() -> Vec<Vec<u8>> {
    let odd = odd::all().into_iter().map(|odd| odd.bytes).filter(|bytes| bytes.len() < 2048);
    let mut seeds: Vec<_> = odd.step_by(3).collect();
    seeds.push(sample().bytes);
    seeds.push(pixel6::upstream().bytes);
    seeds
}

#[test]
#[ignore = "writes files, for the coverage-guided run: fuzz/targets/device_tree.rs"]
fn seeds_are_written() {
    let folder = std::path::PathBuf::from(std::env::var("DEVICETREE_SEEDS").expect("where to"));
    std::fs::create_dir_all(&folder).unwrap();
    for (seed, number) in seeds().iter().zip(0..) {
        std::fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
    }
}
