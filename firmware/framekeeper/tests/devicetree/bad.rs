//! The tables of bad trees: each is refused, and for the reason that the table gives.

use crate::{bad_header, bad_meaning, bad_structure, sample::scaled};
use framekeeper::devicetree::{RamDescription, Tree};
use std::collections::BTreeSet;

/// A tree that must be refused.
pub(crate) struct Bad {
    pub name: String,
    pub bytes: Vec<u8>,
    /// The kind of the error and where it is: `BadMagic@0`.
    pub want: String,
}

impl Bad {
    pub(crate) fn new(name: impl Into<String>, bytes: Vec<u8>, kind: &str, offset: usize) -> Self {
        Self { name: name.into(), bytes, want: format!("{kind}@{offset}") }
    }

    /// One whose error has no offset worth telling.
    pub(crate) fn somewhere(name: impl Into<String>, bytes: Vec<u8>, kind: &str) -> Self {
        Self { name: name.into(), bytes, want: kind.to_owned() }
    }
}

pub(crate) fn all() -> Vec<Bad> {
    let mut all = bad_header::table();
    all.extend(bad_structure::table());
    all.extend(bad_meaning::table());
    all
}

/// `Kind@offset` of the error, or the RAM that was believed.
fn outcome(bytes: &[u8]) -> String {
    let name = |kind: String| kind.split([' ', '(', '{']).next().unwrap().to_owned();
    let tree = match Tree::new(bytes) {
        Ok(tree) => tree,
        Err(error) => return format!("{}@{}", name(format!("{:?}", error.kind)), error.offset),
    };
    match RamDescription::<16>::read(&tree, &[]) {
        Ok(memory) => format!("{:?} believed", memory.ram),
        Err(error) => format!("{}@{}", name(format!("{:?}", error.kind)), error.offset),
    }
}

/// Under Miri, which takes a second for each, some of them.
fn check(table: &[Bad]) {
    let wrong: Vec<String> = table
        .iter()
        .step_by(scaled(1, 9))
        .filter_map(|bad| {
            let found = outcome(&bad.bytes);
            let kind = found.split('@').next() == Some(bad.want.as_str());
            (found != bad.want && !kind).then(|| format!("{}: want {}, found {found}", bad.name, bad.want))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[test]
fn r004_12_bad_headers_are_refused_with_kind_and_offset() {
    check(&bad_header::table());
}

#[test]
fn r004_12_bad_structure_is_refused_with_kind_and_offset() {
    check(&bad_structure::table());
}

#[test]
fn r004_13_bad_meaning_is_refused_with_kind_and_offset() {
    check(&bad_meaning::table());
}

#[test]
#[cfg_attr(miri, ignore = "counts tables, which are no code of the library")]
fn r004_12_there_are_at_least_250_bad_trees_and_each_has_its_own_name_and_bytes() {
    let all = all();
    let names: BTreeSet<_> = all.iter().map(|bad| &bad.name).collect();
    let bytes: BTreeSet<_> = all.iter().map(|bad| &bad.bytes).collect();
    println!("{} bad trees, {} names, {} blobs", all.len(), names.len(), bytes.len());
    assert_eq!(names.len(), all.len(), "a name stands twice");
    assert!(bytes.len() >= 250, "{} different blobs", bytes.len());
}
