//! `verify` finds damage: one bit flipped, anywhere, in many states of an allocator.
//!
//! What is left out says [`super::places`], with the reasons.

use super::{
    Fault,
    places::{Cell, Part, in_caches, in_index, parts},
};
use crate::{
    Core, CoreCache, CpuLocal, FRAME_SIZE, Frame, FrameAllocator, MapLayout, Order, Owner, PhysAddr,
    PhysRange, RegionSet, Request, Storage, ZoneKind,
    sync::{AtomicU32, AtomicU64, Ordering::Relaxed},
    word::{Slot, Word},
};
use std::{panic::AssertUnwindSafe, println, vec::Vec};

/// What is usual; or under Miri, which is thousands of times slower, less that goes the same ways.
pub(super) const fn scaled<T: Copy>(usual: T, under_miri: T) -> T {
    if cfg!(miri) { under_miri } else { usual }
}

pub(super) const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;

/// Memory that is enough for most.
pub(super) const SOME: u64 = scaled(8, 2) * MIB;

pub(super) type Ram = RegionSet<8>;

/// Splitmix64: the same seed, the same numbers.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len().max(1) as u64) as usize)
    }
}

/// Two cores, of which the test is one at a time.
pub(super) struct Cores(pub(super) core::cell::Cell<u8>);

impl CpuLocal for Cores {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Core::new(self.0.get())))
    }

    fn hold_others(&self, mut work: impl FnMut(Core)) -> bool {
        work(Core::new(1 - self.0.get()));
        true
    }
}

pub(super) fn ram(ranges: &[(u64, u64)]) -> Ram {
    let mut set = Ram::new();
    for &(start, end) in ranges {
        set.add(PhysRange::new(PhysAddr(start), PhysAddr(end))).unwrap();
    }
    set
}

/// Runs `work` on an allocator with two cores.
pub(super) fn with_allocator(ram: &Ram, free: &Ram, work: impl FnOnce(&FrameAllocator<'_, Cores>)) {
    let needs = MapLayout::of(ram).unwrap().needs();
    let mut words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(7)).collect();
    let mut index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(7)).collect();
    let caches = [CoreCache::new(), CoreCache::new()];
    let storage = Storage { words: &mut words, index: &mut index };
    let frames = FrameAllocator::new(ram, free, storage, &caches, Cores(0.into())).unwrap();
    assert_eq!(in_index(&parts(&frames)), needs.index, "no part of the index is left out");
    work(&frames);
}

/// One random operation; what fails, fails.
fn step(frames: &FrameAllocator<'_, Cores>, ram: &Ram, held: &mut Vec<PhysAddr>, dice: &mut Dice) {
    let owner = Owner::new(dice.next() as u8);
    let order = Order::new(dice.next().trailing_ones().min(11) as u8).unwrap();
    let address = |dice: &mut Dice| {
        let range = ram.iter().nth(dice.below(ram.iter().count() as u64) as usize).unwrap();
        PhysAddr(range.start().0 + dice.below(range.size() / FRAME_SIZE) * FRAME_SIZE)
    };
    frames.cpu().0.set(dice.below(2) as u8);
    match dice.below(16) {
        0..6 => held.extend(frames.alloc(Request::order(order).owned_by(owner))),
        6 => held.extend(frames.alloc(Request::frames(1 + dice.below(1500)).owned_by(owner))),
        7 => held.extend(frames.alloc(Request::order(order).owned_by(owner).below(address(dice)))),
        8 => held.extend(frames.alloc_at(address(dice), order, owner)),
        9 => {
            let mut places = [PhysAddr(0); 8];
            let count = frames.alloc_bulk(order, owner, &mut places);
            held.extend(&places[..count]);
        }
        10..15 => give(frames, held, dice),
        _ => {
            // What is given back while the zones are busy waits.
            let _busy = frames.zones().each_ref().map(|zone| zone.zone.lock());
            (0..dice.below(24)).for_each(|_| give(frames, held, dice));
        }
    }
}

fn give(frames: &FrameAllocator<'_, Cores>, held: &mut Vec<PhysAddr>, dice: &mut Dice) {
    if !held.is_empty() {
        let block = held.swap_remove(dice.below(held.len() as u64) as usize);
        frames.free_frame(block).unwrap();
    }
}

/// Flips a bit, which must be found, and flips it back.
fn flip(frames: &FrameAllocator<'_, Cores>, name: &str, number: usize, cell: Cell<'_>, bit: u32, seed: u64) {
    cell.flip(frames, bit);
    let found = std::panic::catch_unwind(AssertUnwindSafe(|| frames.verify()));
    cell.flip(frames, bit);
    assert!(matches!(found, Ok(Err(_))), "seed {seed}, {name} {number}, bit {bit}, {cell:?}: {found:?}");
}

/// How many states, if the environment says nothing else.
fn states(usual: u64) -> u64 {
    std::env::var("DAMAGE_STATES").map_or(usual, |states| states.parse().unwrap())
}

/// RAM in three groups and on both sides of 4 GiB; some of it reserved.
fn ranges() -> (Ram, Ram) {
    let (low, high) = (4 * GIB - scaled(12, 2) * MIB, 4 * GIB + scaled(7, 2) * MIB);
    let ram = ram(&[
        (low, 4 * GIB - FRAME_SIZE * 3),
        (4 * GIB + FRAME_SIZE * 7, high),
        (6 * GIB + 3 * MIB, 6 * GIB + 4 * MIB),
    ]);
    let mut free = ram;
    let late = 4 * GIB + scaled(5, 1) * MIB;
    for (start, end) in [(low + MIB, low + 2 * MIB), (late, late + 0x5000)] {
        free.subtract(PhysRange::new(PhysAddr(start), PhysAddr(end))).unwrap();
    }
    (ram, free)
}

#[test]
fn a_flipped_bit_is_found_in_ten_thousand_states() {
    const STATES_OF_ONE: u64 = scaled(100, 2);
    let (ram, free) = ranges();
    let (states, mut flips, mut waiting) = (states(scaled(10_000, 2)), 0_u64, 0_u64);
    for seed in 0..states.div_ceil(STATES_OF_ONE) {
        let mut dice = Dice(seed);
        with_allocator(&ram, &free, |frames| {
            let mut held = Vec::new();
            let mut all = parts(frames);
            // Half of the words are those of a few MiB of RAM.
            all.push(("words of RAM", words_of_ram(&all)));
            for _ in 0..STATES_OF_ONE {
                (0..20).for_each(|_| step(frames, &ram, &mut held, &mut dice));
                frames.verify().unwrap();
                waiting += u64::from(frames.zones().iter().any(|zone| !zone.pending.is_empty()));
                let caches = in_caches(frames.caches());
                for _ in 0..scaled(8, 3) {
                    let of = if dice.below(8) == 0 { &caches } else { &all };
                    let Some((name, cells)) = dice.pick(of) else { continue };
                    let number = dice.below(cells.len().max(1) as u64) as usize;
                    let Some(cell) = cells.get(number) else { continue };
                    flip(frames, name, number, *cell, dice.below(cell.bits().into()) as u32, seed);
                    flips += 1;
                }
                frames.verify().unwrap();
            }
        });
    }
    println!("{flips} flips in {states} states, all found; in {waiting} of them something was pending");
    assert!(cfg!(miri) || waiting > states / 50, "too few states have anything pending: {waiting}");
}

/// Three frames wait: lists that miss one, go in a circle, or lead away, are found, and nobody follows them for ever.
#[test]
fn a_list_of_what_waits_that_is_not_right_is_found() {
    let ram = ram(&[(GIB, GIB + SOME)]);
    with_allocator(&ram, &ram, |frames| {
        let first = PhysAddr(GIB);
        let blocks = [0, 1, 2].map(|number| PhysAddr(first.0 + number * FRAME_SIZE));
        for block in blocks {
            frames.alloc_at(block, Order::FRAME, Owner::new(0)).unwrap();
        }
        let zone = frames.zone(ZoneKind::Dma32);
        let [bottom, middle, top] = blocks.map(|block| frames.map().slot(Frame::containing(block)).unwrap());
        for slot in [bottom, middle, top] {
            frames.map().set(slot, Word::PART);
            zone.pending.push(frames.map(), slot, 1);
        }
        frames.verify().unwrap();
        zone.pending.last().store(middle.number(), Relaxed);
        assert_eq!(frames.verify(), Err(Fault::Forgotten { listed: 2, found: 3 }));
        zone.pending.last().store(top.number(), Relaxed);
        for wrong in [Slot::new(1 << 20), Slot::new(u64::from(top.number()) + 1), Some(bottom), Some(top)] {
            frames.map().set(bottom, Word::pending_single(wrong));
            assert!(matches!(frames.verify(), Err(Fault::Pending { .. })), "{wrong:?}");
        }
        assert_eq!(frames.free().total(), SOME / FRAME_SIZE, "all three are taken, and there it ends");
    });
}

/// Then there are as many entries as there should be, and another block is missing.
#[test]
fn an_entry_that_is_there_twice_is_found() {
    let ram = ram(&[(GIB, GIB + 8 * MIB)]);
    with_allocator(&ram, &ram, |frames| {
        let frame = frames.alloc_frame().unwrap();
        let entries = in_caches(frames.caches()).pop().unwrap().1;
        let [Cell::Wide(first), Cell::Wide(second), ..] = entries[..] else { panic!("{entries:?}") };
        second.store(first.load(Relaxed), Relaxed);
        assert!(matches!(frames.verify(), Err(Fault::Cache { .. })), "{:?}, {frame}", frames.verify());
    });
}

/// More than a bit: what is in nobody's hands, or is no head, says that it is something else, or is free as well.
#[test]
fn a_sound_word_in_the_wrong_place_is_found() {
    let (ram, free) = ranges();
    let (mut dice, mut held) = (Dice(3), Vec::new());
    with_allocator(&ram, &free, |frames| {
        let map = frames.map();
        for _ in 0..scaled(300, 2) {
            (0..20).for_each(|_| step(frames, &ram, &mut held, &mut dice));
            let Some(frame) =
                held.get(dice.below(scaled(64, 8)) as usize).map(|&block| Frame::containing(block))
            else {
                continue;
            };
            let size = map.word(frame).frames();
            let inside = map.slot(frame.plus(dice.below(size))).unwrap();
            let right = map.word_at(inside);
            let heads = [
                Word::allocated(1, Owner::new(3)),
                Word::allocated(2, Owner::new(3)),
                Word::RESERVED,
                Word::HOLE,
            ];
            for wrong in heads.into_iter().filter(|_| right == Word::PART) {
                map.set(inside, wrong);
                assert!(matches!(frames.verify(), Err(Fault::Overlap { .. })), "{wrong:?} in {frame:?}");
                map.set(inside, right);
            }
            let zone = &frames.zone(ZoneKind::of(frame.start())).zone;
            zone.lock().give(map.find(frame).unwrap().0, 1);
            assert!(frames.verify().is_err(), "{frame:?} is held and free");
            zone.lock().take_at(frame, Order::FRAME).unwrap();
            frames.verify().unwrap();
        }
    });
}

/// Words that are sound, and agree with what is free, and are still not right.
#[test]
fn a_block_that_is_lost_misaligned_or_too_large_is_found() {
    let ram = ram(&[(GIB, GIB + SOME)]);
    with_allocator(&ram, &ram, |frames| {
        let map = frames.map();
        let slot = |frame| map.slot(frame).unwrap();
        let [first, second, third, free] =
            [0, 1, 2, 5].map(|number| Frame::containing(PhysAddr(GIB)).plus(number));
        for frame in [first, second, third] {
            frames.alloc_at(frame.start(), Order::FRAME, Owner::new(1)).unwrap();
        }
        let head = map.word(first);
        map.set(slot(third), Word::PART);
        assert_eq!(frames.verify(), Err(Fault::Stray { frame: third }), "nobody has it");
        map.set(slot(second), Word::allocated(2, Owner::new(1)));
        assert_eq!(frames.verify(), Err(Fault::Misplaced { frame: second }), "two frames from an odd one on");
        [second, third].iter().for_each(|&frame| map.set(slot(frame), head));
        map.set(slot(first), Word::allocated(Order::MAX.frames(), Owner::new(1)));
        assert_eq!(frames.verify(), Err(Fault::Misplaced { frame: first }), "more than there is");
        map.set(slot(first), head);
        map.set(slot(free), Word::part_of_pending(3));
        assert_eq!(frames.verify(), Err(Fault::Stray { frame: free }), "the second of nothing");
        map.set(slot(free), Word::PART);
        assert_eq!(frames.verify(), Ok(()));
    });
    with_allocator(&ram, &ram, |frames| {
        let block = frames.alloc(Request::order(Order::holding(SOME / FRAME_SIZE).unwrap())).unwrap();
        let (map, head) = (frames.map(), Frame::containing(block));
        map.set(map.slot(head).unwrap(), Word::allocated(2 * SOME / FRAME_SIZE, Owner::new(0)));
        // Behind that is no RAM, and under Miri not even a word.
        let behind = Fault::Overlap { head, frame: head.plus(SOME / FRAME_SIZE) };
        let expected = if cfg!(miri) { Fault::Misplaced { frame: head } } else { behind };
        assert_eq!(frames.verify(), Err(expected));
    });
}

/// The words that are no hole's.
fn words_of_ram<'a>(parts: &[Part<'a>]) -> Vec<Cell<'a>> {
    let words = parts.iter().filter(|part| part.0 == "words").flat_map(|part| &part.1);
    let is_ram = |cell: &&Cell<'_>| matches!(cell, Cell::Narrow(word) if word.load(Relaxed) != 0);
    words.filter(is_ram).copied().collect()
}

/// Of words of holes, which are all alike, one bit each. Under Miri some bits of some words.
#[test]
fn every_flipped_bit_is_found_in_some_states() {
    let (low, high) = (4 * GIB - scaled(5, 1) * MIB, 4 * GIB + scaled(2, 0) * MIB + FRAME_SIZE);
    let ram = ram(&[(low, 4 * GIB), (4 * GIB, high)]);
    let mut flips = 0_u64;
    let states = states(scaled(10_000, 1)).div_ceil(5_000);
    for seed in 0..states {
        let mut dice = Dice(seed);
        with_allocator(&ram, &ram, |frames| {
            let mut held = Vec::new();
            (0..80).for_each(|_| step(frames, &ram, &mut held, &mut dice));
            frames.verify().unwrap();
            let all = [parts(frames), in_caches(frames.caches())].concat();
            for (name, cells) in &all {
                for (number, cell) in cells.iter().enumerate().step_by(scaled(1, 503)) {
                    let hole =
                        matches!(cell, Cell::Narrow(word) if *name == "words" && word.load(Relaxed) == 0);
                    let bits = if hole { number as u32 % 32..number as u32 % 32 + 1 } else { 0..cell.bits() };
                    for bit in bits.step_by(scaled(1, 41)) {
                        flip(frames, name, number, *cell, bit, seed);
                        flips += 1;
                    }
                }
            }
            frames.verify().unwrap();
        });
    }
    println!("{flips} flips in {states} states, all found");
}
