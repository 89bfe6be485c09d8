//! Trees that look wrong and are right: each is read, and what must come out of it stands in the table.

use crate::{
    odd_memory, odd_structure,
    sample::scaled,
    writer::{Blob, shown},
};
use framekeeper::devicetree::{RamDescription, Tree};
use framekeeper::{PhysRange, RegionSet};
use std::collections::BTreeSet;

/// A tree that must be read.
pub(crate) struct Odd {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) ram: &'static str,
    pub(crate) reserved: &'static str,
}

/// The RAM of the sample, and what it reserves.
pub(crate) const RAM: &str = "80000000-c0000000";
pub(crate) const RESERVED: &str = "80000000-80001000 90000000-90001000";

impl Odd {
    /// A tree with the sample's RAM.
    pub(crate) fn new(name: &'static str, blob: Blob, reserved: &'static str) -> Self {
        Self { name, bytes: blob.bytes, ram: RAM, reserved }
    }

    pub(crate) fn ram(name: &'static str, blob: Blob, ram: &'static str) -> Self {
        Self { name, bytes: blob.bytes, ram, reserved: "" }
    }
}

pub(crate) fn all() -> Vec<Odd> {
    let mut all = odd_structure::table();
    all.extend(odd_memory::table());
    all
}

pub(crate) fn text<const N: usize>(set: &RegionSet<N>) -> String {
    shown(set.iter().map(|range: PhysRange| (range.start().0, range.end().0)))
}

fn outcome(bytes: &[u8]) -> Result<(String, String), String> {
    let tree = Tree::new(bytes).map_err(|error| format!("{error:?}"))?;
    let memory = RamDescription::<32>::read(&tree, &[]).map_err(|error| format!("{error:?}"))?;
    Ok((text(&memory.ram), text(&memory.reserved)))
}

/// What of a table is gone through: all; under Miri, which takes minutes for a large one, some small ones.
pub(crate) fn gone_through(table: &[Odd]) -> impl Iterator<Item = &Odd> {
    table.iter().filter(|odd| odd.bytes.len() < scaled(usize::MAX, 1024)).step_by(scaled(1, 8))
}

fn check(table: &[Odd]) {
    let wrong: Vec<String> = gone_through(table)
        .filter_map(|odd| {
            let (found, want) = (outcome(&odd.bytes), Ok((odd.ram.to_owned(), odd.reserved.to_owned())));
            (found != want).then(|| format!("{}: want {want:?}, found {found:?}", odd.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[test]
fn r004_12_odd_structure_is_read() {
    check(&odd_structure::table());
}

#[test]
fn r004_13_odd_memory_is_read() {
    check(&odd_memory::table());
}

#[test]
#[cfg_attr(miri, ignore = "counts tables, which are no code of the library")]
fn r004_12_there_are_at_least_40_odd_trees_and_each_has_its_own_name_and_bytes() {
    let all = all();
    let names: BTreeSet<_> = all.iter().map(|odd| odd.name).collect();
    let bytes: BTreeSet<_> = all.iter().map(|odd| &odd.bytes).collect();
    println!("{} odd trees, {} blobs", all.len(), bytes.len());
    assert_eq!((names.len(), bytes.len()), (all.len(), all.len()));
    assert!(all.len() >= 40);
}
