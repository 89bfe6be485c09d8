//! What is written is read, and what was never written does no harm.

use super::{write::Writer, *};
use crate::{
    cpu::Core,
    frame::{Frame, Order},
    word::{Owner, PoolId},
};
use proptest::prelude::*;
use std::{string::ToString, vec::Vec};

/// The most runs, and blocks of one; less under Miri, which is thousands of times slower.
const RUNS: usize = if cfg!(miri) { 5 } else { 20 };
const BLOCKS: u64 = if cfg!(miri) { 200 } else { 3000 };

fn block() -> impl Strategy<Value = Block> {
    let order = || (0..=Order::MAX.number()).prop_map(|number| Order::new(number).unwrap());
    let frames = || prop_oneof![order().prop_map(Order::frames), 1..=Order::MAX.frames()];
    prop_oneof![
        Just(Block::Hole),
        Just(Block::Reserved),
        order().prop_map(|order| Block::Free { order }),
        (order(), 0..4u8).prop_map(|(order, core)| Block::Cached { order, core: Core::new(core) }),
        (frames(), 0..4u8).prop_map(|(frames, owner)| Block::Allocated { frames, owner: Owner::new(owner) }),
        frames().prop_map(|frames| Block::Pending { frames }),
        frames().prop_map(|frames| Block::Changing { frames }),
        (0..PoolId::COUNT).prop_map(|pool| Block::Slab { pool: PoolId::new(pool).unwrap() }),
        any::<u32>().prop_map(|word| Block::Damaged { word }),
    ]
}

/// A gap, and so many blocks behind it.
fn run() -> impl Strategy<Value = (u64, Block, u64)> {
    (prop_oneof![9 => Just(0), 1 => 1..1_u64 << 40], block(), prop_oneof![3 => 1..40u64, 1 => 1..BLOCKS])
}

fn written(runs: &[(u64, Block, u64)]) -> (Vec<u8>, Vec<Run>) {
    let (mut bytes, mut expected, mut next) = (Vec::new(), Vec::<Run>::new(), Frame::new(0));
    let mut writer = Writer::new(|piece: &[u8]| bytes.extend(piece));
    for &(gap, block, count) in runs {
        let first = next.plus(gap);
        (0..count).for_each(|number| writer.block(first.plus(number * block.frames()), block));
        next = first.plus(count * block.frames());
        match expected.last_mut() {
            Some(last) if last.block == block && gap == 0 => last.count += count,
            _ => expected.push(Run { first, block, count }),
        }
    }
    writer.end();
    (bytes, expected)
}

proptest! {
    #[test]
    fn what_is_written_is_read(runs in prop::collection::vec(run(), 0..RUNS)) {
        let (bytes, expected) = written(&runs);
        let read: Result<Vec<_>, _> = Dump::new(&bytes).unwrap().collect();
        prop_assert_eq!(read, Ok(expected.clone()));
        // Each prefix gives the same runs, perhaps the last one with fewer blocks, and then an error.
        for length in MAGIC.len() + 1..bytes.len() {
            let runs: Vec<_> = Dump::new(&bytes[..length]).unwrap().collect();
            let (last, before) = runs.split_last().unwrap();
            prop_assert_eq!(last, &Err(DumpError::CutOff { length }));
            for (read, written) in before.iter().zip(&expected) {
                let read = read.unwrap();
                prop_assert!(read.first == written.first && read.block == written.block && read.count <= written.count);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_to_an_end(bytes: Vec<u8>) {
        let bytes = [&MAGIC[..], &[VERSION], &bytes].concat();
        prop_assert!(Dump::new(&bytes).unwrap().count() <= bytes.len());
    }
}

#[test]
fn what_is_no_dump_is_refused() {
    assert_eq!(Dump::new(b"").unwrap_err(), DumpError::NoDump);
    assert_eq!(Dump::new(b"FKMAQ\x01").unwrap_err(), DumpError::NoDump);
    assert_eq!(Dump::new(b"FKMAP").unwrap_err(), DumpError::CutOff { length: 5 });
    assert_eq!(Dump::new(b"FKMAP\x02").unwrap_err(), DumpError::UnknownVersion { version: 2 });
    let wrong = Dump::new(b"FKMAP\x01\x01").unwrap().next();
    assert_eq!(wrong, Some(Err(DumpError::Unexpected { offset: 6, byte: 1 })));
}

#[test]
fn what_is_wrong_with_a_dump_is_told_in_one_line() {
    let texts = [
        (DumpError::NoDump, "this is no dump of a frame map"),
        (DumpError::UnknownVersion { version: 2 }, "a dump of version 2, which is not known"),
        (DumpError::CutOff { length: 5 }, "the dump is cut off behind byte 5"),
        (DumpError::Unexpected { offset: 6, byte: 1 }, "no dump has 0x01 at byte 6"),
    ];
    texts.iter().for_each(|(error, text)| assert_eq!(error.to_string(), *text));
}

/// What was dumped once can be read as long as its version is known.
#[test]
fn a_dump_has_these_bytes() {
    let [free, odd] =
        [Block::Free { order: Order::MIB_2 }, Block::Allocated { frames: 3, owner: Owner::new(5) }];
    let runs = [(0, Block::Hole, 1), (0, Block::Reserved, 3), (2, free, 29), (1, free, 30), (0, odd, 2)];
    let expected = [
        &b"FKMAP\x01"[..],
        &[0x00],
        &[0x20, 0xe1],
        &[0xfd, 2, 0x49, 0xfb],
        &[0xfd, 1, 0x49, 0xfc, 29],
        &[0xfe, 5, 0x7f, 3, 0xe0],
        &[0xff],
    ];
    assert_eq!(written(&runs).0, expected.concat());
}

#[test]
fn a_dump_is_handed_out_in_pieces_of_128_bytes() {
    let mut pieces = Vec::new();
    let mut writer = Writer::new(|piece: &[u8]| pieces.push(piece.len()));
    for number in 1..=100 {
        // Three bytes: that the owner is another, who, and what they have.
        let owner = Owner::new(number);
        writer.block(Frame::new(number.into()), Block::Allocated { frames: 1, owner });
    }
    writer.end();
    // Before that the head and a gap, and behind it the end.
    assert_eq!(pieces, [128, 128, 8 + 300 + 1 - 256]);
}

#[test]
fn a_block_of_an_order_that_there_is_not_is_refused() {
    for (kind, low) in
        [kind::ALLOCATED, kind::PENDING].into_iter().flat_map(|kind| (19..31).map(move |low| (kind, low)))
    {
        let byte = kind << 5 | low;
        let bytes = [&MAGIC[..], &[VERSION, byte, 1, kind::CONTROL << 5 | control::END]].concat();
        let wrong = Dump::new(&bytes).unwrap().next();
        assert_eq!(wrong, Some(Err(DumpError::Unexpected { offset: 6, byte })));
    }
}
