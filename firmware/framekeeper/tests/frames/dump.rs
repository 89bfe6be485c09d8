//! A dump says of every frame what the map says, and is small.

use crate::{
    ground::{Dice, MIB, Ram, pixel6, ram, scaled, with_cache},
    trace::{self, LAYOUTS, Layout, Op},
};
use framekeeper::{
    CpuLocal, FRAME_SIZE, Frame, FrameAllocator, OneCore, Order, Owner, PhysAddr, PhysRange, Request, State,
    dump::{Block, Dump, Run},
};

/// Bytes that a dump of 8 GiB may have when it is compressed.
const MOST: usize = 64 << 10;

fn dump<C: CpuLocal>(frames: &FrameAllocator<'_, C>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frames.dump(|piece| bytes.extend(piece));
    bytes
}

fn runs(bytes: &[u8]) -> Vec<Run> {
    Dump::new(bytes).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Each block of each run is what the map says; and all frames of sections that have RAM are there, in order.
fn compare<C: CpuLocal>(frames: &FrameAllocator<'_, C>, ram: &Ram) {
    let (mut next, mut in_ram) = (Frame::new(0), 0);
    for run in runs(&dump(frames)) {
        assert!(run.first >= next && run.count > 0, "{run:?} behind {next:?}");
        for number in 0..run.count {
            let head = run.first.plus(number * run.block.frames());
            let last = head.plus(run.block.frames() - 1);
            for frame in [head, last] {
                assert_eq!(frames.state(frame.start()), state(run.block, head), "{run:?}");
            }
            in_ram += if run.block == Block::Hole { 0 } else { run.block.frames() };
        }
        next = run.end();
    }
    assert_eq!(in_ram, ram.size() / FRAME_SIZE);
}

fn state(block: Block, head: Frame) -> State {
    match block {
        Block::Hole => State::Hole,
        Block::Reserved => State::Reserved,
        Block::Free { order } => State::Free { head, order },
        Block::Cached { order, core } => State::Cached { head, order, core },
        Block::Pending { .. } => State::Pending { head },
        Block::Allocated { frames, owner } => State::Allocated { head, frames, owner },
        Block::Slab { pool } => State::Slab { head, pool },
        Block::Changing { .. } => State::Changing,
        Block::Damaged { word } => State::Damaged { word },
    }
}

/// Takes and gives as a trace says, as far as it can be done.
fn perform<C: CpuLocal>(frames: &FrameAllocator<'_, C>, ops: &[Op]) {
    let order = |number| Order::new(number).unwrap();
    let mut held = Vec::new();
    for (&op, owner) in ops.iter().zip((0..).map(Owner::new)) {
        match op {
            Op::Take(number) => held.extend(frames.alloc(Request::order(order(number)).owned_by(owner))),
            Op::TakeFrames(count) => held.extend(frames.alloc(Request::frames(count).owned_by(owner))),
            Op::Give(number) if !held.is_empty() => {
                let block = held.swap_remove(number % held.len());
                frames.free_frame(block).unwrap();
            }
            _ => {}
        }
    }
}

#[test]
fn a_dump_says_of_every_frame_what_the_map_says() {
    for seed in 0..scaled(300, LAYOUTS.len() as u64) {
        let layout: &Layout = &LAYOUTS[seed as usize % LAYOUTS.len()];
        let (mut dice, ram) = (Dice::new(seed), layout.ram());
        let bytes: Vec<_> = (0..dice.below(scaled(400, 100))).map(|_| dice.next() as u8).collect();
        with_cache(&ram, &layout.free(), |frames| {
            perform(frames, &trace::decode(&bytes));
            compare(frames, &ram);
        });
    }
}

#[test]
fn a_dump_of_both_banks_has_a_gap_between_them() {
    let (ram, free) = pixel6();
    with_cache(&ram, &free, |frames| {
        compare(frames, &ram);
        let runs = runs(&dump(frames));
        let low = runs.iter().rfind(|run| run.first.start().0 < 1 << 32).unwrap();
        assert_eq!(low.end().start(), PhysAddr(0x1_0000_0000));
        let high = runs.iter().find(|run| run.first.start().0 >= 1 << 32).unwrap();
        assert_eq!(Some(high.first.start()), ram.iter().last().map(PhysRange::start));
    });
}

/// 8 GiB, and what of them is free. Under Miri much less.
fn memory() -> (Ram, Ram) {
    let little = ram(&[(0, MIB / 2)]);
    if cfg!(miri) { (little, little) } else { pixel6() }
}

/// Of 8 GiB: how long a dump is when `load` was done, as it is and compressed.
fn measure(name: &str, load: impl FnOnce(&FrameAllocator<'_, OneCore>)) -> (usize, usize) {
    let (ram, free) = memory();
    with_cache(&ram, &free, |frames| {
        load(frames);
        compare(frames, &ram);
        let bytes = dump(frames);
        let compress = || miniz_oxide::deflate::compress_to_vec(&bytes, 6).len();
        let compressed = if cfg!(miri) { bytes.len() } else { compress() };
        println!("{name}: {} runs, {} bytes, {compressed} compressed", runs(&bytes).len(), bytes.len());
        (bytes.len(), compressed)
    })
}

/// Orders 0 to 9 around half of all memory, each drawn by `draw`, for `owners` owners.
fn half_mixed(frames: &FrameAllocator<'_, OneCore>, owners: u64, draw: impl Fn(&mut Dice) -> u8) {
    let (mut dice, mut held) = (Dice::new(3), Vec::<PhysAddr>::new());
    let (total, mut live) = (frames.free().total(), 0);
    for _ in 0..scaled(2_000_000, 60) {
        if live < total / 2 {
            let (order, owner) = (Order::new(draw(&mut dice)).unwrap(), Owner::new(dice.below(owners) as u8));
            held.push(frames.alloc(Request::order(order).owned_by(owner)).unwrap());
            live += order.frames();
        } else {
            live -= frames.free_frame(held.swap_remove(dice.below(held.len() as u64) as usize)).unwrap();
        }
    }
}

fn even(dice: &mut Dice) -> u8 {
    dice.below(scaled(10, 2)) as u8
}

fn halving(dice: &mut Dice) -> u8 {
    dice.next().trailing_zeros().min(scaled(9, 1)) as u8
}

fn every_second(frames: &FrameAllocator<'_, OneCore>) {
    let mut places = vec![PhysAddr(0); frames.free().total() as usize];
    assert_eq!(frames.alloc_bulk(Order::FRAME, Owner::new(1), &mut places), places.len());
    places.sort();
    places.iter().step_by(2).for_each(|place| assert_eq!(frames.free_frame(*place), Ok(1)));
}

/// Single frames, of which a random half is given back, of so many owners: nothing that a compressor could find.
fn random_half(frames: &FrameAllocator<'_, OneCore>, owners: u64) {
    let (mut dice, mut held) = (Dice::new(4), Vec::new());
    let owner = |dice: &mut Dice| Owner::new(dice.below(owners) as u8);
    while let Ok(frame) = frames.alloc(Request::order(Order::FRAME).owned_by(owner(&mut dice))) {
        held.push(frame);
    }
    held.iter().filter(|_| dice.below(2) == 0).for_each(|frame| assert_eq!(frames.free_frame(*frame), Ok(1)));
}

#[test]
fn a_dump_of_8_gib_is_small() {
    let (fresh, _) = measure("fresh", |_| ());
    assert!(fresh < 256, "{fresh} bytes");
    let small = [
        measure("half in use, orders 0 to 9 alike, 1 owner", |frames| half_mixed(frames, 1, even)),
        measure("half in use, orders 0 to 9 alike, 4 owners", |frames| half_mixed(frames, 4, even)),
        measure("every second frame", every_second),
    ];
    small.iter().for_each(|&(_, compressed)| assert!(compressed <= MOST, "{compressed} bytes"));
    measure("half in use, orders halving, 1 owner", |frames| half_mixed(frames, 1, halving));
    measure("half in use, orders halving, 4 owners", |frames| half_mixed(frames, 4, halving));
    measure("a random half of all frames, 1 owner", |frames| random_half(frames, 1));
    let (raw, _) = measure("a random half of all frames, 256 owners", |frames| random_half(frames, 256));
    let frames = ram(&[(0, 8 << 30)]).size() / FRAME_SIZE;
    assert!(raw as u64 <= 3 * frames, "{raw} bytes are more than 3 for each frame");
}
