//! When memory runs out, at every point where it can: the call says so, nothing is lost, and once there is memory the same
//! call is met.

use crate::{
    ground::{Dice, MIB, Memory, Ram, check, digest, ram, range, scaled},
    trace::Cores,
};
use framekeeper::{
    AddError, AllocError, Core, CoreCache, CpuLocal, FRAME_SIZE, Frame, FrameAllocator, Order, Owner,
    PhysAddr, Request, State,
};
use std::cell::Cell;

const ME: Owner = Owner::new(1);
const OTHERS: Owner = Owner::new(2);

/// The order of all memory, and how many frames and bytes that is.
const WHOLE: u8 = scaled(10, 7);
const FRAMES: u64 = 1 << WHOLE;
const SIZE: u64 = FRAMES * FRAME_SIZE;

type Allocator<'f> = FrameAllocator<'f, Cores<'f>>;

/// An allocator with so many caches, and whose turn it is.
fn with_allocator(ram: &Ram, free: &Ram, caches: usize, work: impl FnOnce(&Allocator<'_>, &Cell<u8>)) {
    let (core, two) = (Cell::new(0), [CoreCache::new(), CoreCache::new()]);
    let mut memory = Memory::of(ram);
    let frames = FrameAllocator::new(ram, free, memory.storage(), &two[..caches], Cores(&core)).unwrap();
    work(&frames, &core);
}

/// All that may not change when a call fails. Where free blocks lie may: a failing call empties the caches.
fn counted(frames: &Allocator<'_>) -> (u64, [u64; 2]) {
    check(frames);
    let owners = frames.owners();
    (frames.free().total(), [ME, OTHERS].map(|owner| owners.frames(owner)))
}

/// Takes all but the last `left` of the frames, one by one.
fn take_all_but(frames: &Allocator<'_>, left: u64) -> Vec<PhysAddr> {
    let mut places = vec![PhysAddr(0); (FRAMES - left) as usize];
    assert_eq!(frames.alloc_bulk(Order::FRAME, OTHERS, &mut places), places.len());
    places
}

fn give_all(frames: &Allocator<'_>, held: Vec<PhysAddr>) {
    for block in held {
        frames.free_frame(block).unwrap();
    }
}

fn memory() -> Ram {
    ram(&[(0, SIZE)])
}

fn order(number: u8) -> Order {
    Order::new(number).unwrap()
}

/// With 0, 1, 2 and so on frames left, and as many wanted as it takes to fail.
#[test]
fn a1_an_allocation_that_fails_at_any_point_loses_nothing() {
    let orders = || (0..=WHOLE).step_by(scaled(1, 4)).map(|number| Request::order(order(number)));
    let counts: &[u64] = scaled(&[3, 100, 1000], &[3]);
    let requests = || orders().chain(counts.iter().copied().map(Request::frames));
    for &caches in scaled([0, 1, 2].as_slice(), &[0, 2]) {
        let many: &[u64] = scaled(&[63, 64, 100, 511, 512, 1023], &[]);
        for left in (0..40).step_by(scaled(1, 31)).chain(many.iter().copied()) {
            with_allocator(&memory(), &memory(), caches, |frames, _| {
                let mut held = take_all_but(frames, left);
                for request in requests() {
                    while let Ok(start) = frames.alloc(request.owned_by(ME)) {
                        held.push(start);
                    }
                    let before = counted(frames);
                    let failed = frames.alloc(request.owned_by(ME));
                    assert!(matches!(failed, Err(AllocError::OutOfMemory(_))), "{request:?}: {failed:?}");
                    assert_eq!(counted(frames), before, "{request:?} with {left} frames");
                }
                give_all(frames, held);
                for request in requests() {
                    let start = frames.alloc(request).unwrap();
                    frames.free_frame(start).unwrap();
                }
                frames.drain_all();
                assert_eq!(frames.free().blocks(framekeeper::ZoneKind::Dma32, order(WHOLE)), 1);
            });
        }
    }
}

#[test]
fn a1_a_bulk_that_fails_at_any_point_keeps_what_it_got_and_nothing_else() {
    const WANTED: usize = scaled(200, 70);
    let edges: &[u64] = scaled(&[63, 64, 65, 127, 128, 129], &[64]);
    for caches in [0, 2] {
        for left in (0..WANTED as u64).step_by(scaled(7, 35)).chain(edges.iter().copied()) {
            with_allocator(&memory(), &memory(), caches, |frames, _| {
                let held = take_all_but(frames, left);
                let mut places = [PhysAddr(u64::MAX); WANTED];
                assert_eq!(frames.alloc_bulk(Order::FRAME, ME, &mut places), left as usize);
                let (got, rest) = places.split_at(left as usize);
                assert!(rest.iter().all(|place| *place == PhysAddr(u64::MAX)), "the rest is untouched");
                assert_eq!(counted(frames), (0, [left, FRAMES - left]));
                assert_eq!(frames.alloc_bulk(Order::FRAME, ME, &mut [PhysAddr(0); 3]), 0);
                give_all(frames, got.to_vec());
                assert_eq!(counted(frames), (left, [0, FRAMES - left]));
                give_all(frames, held);
                assert_eq!(frames.alloc_bulk(Order::FRAME, ME, &mut places), WANTED);
                give_all(frames, places.to_vec());
                assert_eq!(counted(frames), (FRAMES, [0, 0]));
            });
        }
    }
}

#[test]
fn a_bulk_of_what_lies_in_one_piece_rises() {
    with_allocator(&memory(), &memory(), 0, |frames, _| {
        let mut places = [PhysAddr(0); 64];
        assert_eq!(frames.alloc_bulk(order(1), ME, &mut places), places.len());
        assert!(places.is_sorted(), "{places:?}");
        give_all(frames, places.to_vec());
    });
}

/// One core; before its second turn, something is done.
struct Meanwhile<'m> {
    turns: Cell<u32>,
    work: Cell<Option<&'m dyn Fn()>>,
}

impl CpuLocal for &Meanwhile<'_> {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        self.turns.set(self.turns.get() + 1);
        if self.turns.get() == 2 {
            self.work.take().into_iter().for_each(|work| work());
        }
        work(None)
    }
}

#[test]
fn a1_a_bulk_has_no_gap_where_something_came_back_meanwhile() {
    let (ram, mut memory) = (memory(), Memory::of(&memory()));
    let cpu = Meanwhile { turns: Cell::new(0), work: Cell::new(None) };
    let frames = FrameAllocator::new(&ram, &ram, memory.storage(), &[], &cpu).unwrap();
    let mut held = vec![PhysAddr(0); FRAMES as usize];
    assert_eq!(frames.alloc_bulk(Order::FRAME, OTHERS, &mut held), held.len());
    let (first, later) = held.split_at(40);
    first.iter().for_each(|&frame| assert_eq!(frames.free_frame(frame), Ok(1)));
    let give = || later.iter().take(20).for_each(|&frame| assert_eq!(frames.free_frame(frame), Ok(1)));
    cpu.turns.set(0);
    cpu.work.set(Some(&give));
    let mut places = [PhysAddr(u64::MAX); 200];
    assert_eq!(frames.alloc_bulk(Order::FRAME, ME, &mut places), 60);
    let mut got = places[..60].to_vec();
    got.sort();
    let mut given = held[..60].to_vec();
    given.sort();
    assert_eq!(got, given);
}

/// A million random requests where nearly all is taken: about half of them fail.
#[test]
fn a2_random_failures_lose_nothing() {
    with_allocator(&memory(), &memory(), 2, |frames, core| {
        let (mut dice, mut held, mut live, mut failures) = (Dice::new(2), Vec::new(), 0, 0);
        for step in 0..scaled(1_000_000, 300) {
            core.set(dice.below(2) as u8);
            let request =
                Request::order(order(dice.next().trailing_ones().min(WHOLE.into()) as u8)).owned_by(ME);
            match frames.alloc(request) {
                Ok(start) => {
                    let State::Allocated { frames, .. } = frames.state(start) else { panic!("{start}") };
                    live += frames;
                    held.push(start);
                }
                Err(_) => failures += 1,
            }
            if dice.below(64) < 33 && !held.is_empty() {
                let block = held.swap_remove(dice.below(held.len() as u64) as usize);
                live -= frames.free_frame(block).unwrap();
            }
            assert_eq!(frames.free().total(), FRAMES - live, "step {step}");
            if step % 10_000 == 0 {
                frames.verify().unwrap();
            }
        }
        println!("{failures} failures");
        assert!(failures > scaled(100_000, 20), "{failures}");
        give_all(frames, held);
        assert_eq!(counted(frames), (FRAMES, [0, 0]));
    });
}

/// Every second block of an order is held, so that all larger orders fail.
#[test]
fn a3_only_large_orders_fail() {
    for small in (0..WHOLE).step_by(scaled(1, 4)) {
        with_allocator(&memory(), &memory(), 2, |frames, _| {
            let held: Vec<_> = (0..FRAMES >> small)
                .filter(|number| number % 2 == 1)
                .map(|number| Frame::new(number << small).start())
                .map(|start| frames.alloc_at(start, order(small), OTHERS).unwrap())
                .collect();
            let before = counted(frames);
            for large in (small + 1..=18).step_by(scaled(1, 5)) {
                let failed = frames.alloc(Request::order(order(large)).owned_by(ME));
                assert!(matches!(failed, Err(AllocError::OutOfMemory(_))), "{failed:?}");
                let failed = frames.alloc_at(PhysAddr(0), order(large), ME);
                assert!(matches!(failed, Err(AllocError::NotFree { .. })), "{failed:?}");
                assert_eq!(frames.alloc_bulk(order(large), ME, &mut [PhysAddr(0); 2]), 0);
                assert_eq!(counted(frames), before, "order {large}");
            }
            let start = frames.alloc(Request::order(order(small)).owned_by(ME)).unwrap();
            frames.free_frame(start).unwrap();
            give_all(frames, held);
            let start = frames.alloc(Request::order(order(WHOLE)).owned_by(ME)).unwrap();
            assert_eq!(frames.free_frame(start), Ok(FRAMES));
        });
    }
}

/// What is left lies in the other core's cache, which cannot be had from a place that is no core's.
#[test]
fn a5_memory_that_is_out_of_reach_is_named_and_is_had_later() {
    with_allocator(&memory(), &memory(), 2, |frames, core| {
        let mut held = take_all_but(frames, 0);
        core.set(1);
        frames.free_frame(held.pop().unwrap()).unwrap();
        assert_eq!(frames.free().cached(), 1);
        core.set(2);
        let before = counted(frames);
        let Err(AllocError::OutOfMemory(shortage)) = frames.alloc(Request::frames(1).owned_by(ME)) else {
            panic!("out of reach, and yet had");
        };
        assert_eq!(shortage.in_other_caches, 1);
        assert_eq!(counted(frames), before);
        core.set(0);
        held.push(frames.alloc(Request::frames(1)).unwrap());
        give_all(frames, held);
        assert_eq!(counted(frames), (FRAMES, [0, 0]));
    });
}

#[test]
fn a10_memory_that_is_added_serves_what_failed_before() {
    let (ram, free) = (ram(&[(0, 2 * SIZE)]), ram(&[(0, SIZE)]));
    for caches in [0, 2] {
        with_allocator(&ram, &free, caches, |frames, _| {
            let held = take_all_but(frames, 0);
            let request = Request::order(order(WHOLE)).owned_by(ME);
            assert!(frames.alloc(request).is_err());
            assert_eq!(frames.add(range(SIZE, 2 * SIZE)), Ok(FRAMES));
            assert_eq!(frames.alloc(request), Ok(PhysAddr(SIZE)));
            frames.free_frame(PhysAddr(SIZE)).unwrap();
            give_all(frames, held);
            assert_eq!(counted(frames), (2 * FRAMES, [0, 0]));
        });
    }
}

/// RAM from 4 to 12 MiB, of which 8 to 10 MiB are reserved.
#[test]
fn m17_adding_what_is_not_reserved_is_an_error_that_changes_nothing() {
    let ram = ram(&[(4 * MIB, 12 * MIB)]);
    let mut free = ram;
    free.subtract(range(8 * MIB, 10 * MIB)).unwrap();
    with_allocator(&ram, &free, 2, |frames, _| {
        let held = [0, 3, 9].map(|number| frames.alloc(Request::order(order(number)).owned_by(ME)).unwrap());
        let before = digest(frames, &ram);
        let wrong = [
            (0, MIB, 0),
            (3 * MIB, 5 * MIB, 3 * MIB),
            (8 * MIB - FRAME_SIZE, 9 * MIB, 8 * MIB - FRAME_SIZE),
            (9 * MIB, 10 * MIB + FRAME_SIZE, 10 * MIB),
            (8 * MIB, 200 * MIB, 10 * MIB),
            (4 * MIB, 12 * MIB, 4 * MIB),
            (12 * MIB, 13 * MIB, 12 * MIB),
            (1 << 50, (1 << 50) + MIB, 1 << 50),
            (u64::MAX - MIB, u64::MAX, (u64::MAX - MIB).next_multiple_of(FRAME_SIZE)),
        ];
        for (start, end, first) in wrong {
            let (range, frame) = (range(start, end), Frame::containing(PhysAddr(first)));
            let found = frames.state(frame.start());
            assert_eq!(frames.add(range), Err(AddError::NotReserved { range, frame, found }));
            assert_eq!(digest(frames, &ram), before, "{range}");
        }
        // No whole frame, or none at all.
        for nothing in [range(8 * MIB, 8 * MIB), range(8 * MIB + 1, 8 * MIB + 8191), range(MIB, MIB)] {
            assert_eq!(frames.add(nothing), Ok(0), "{nothing}");
            assert_eq!(digest(frames, &ram), before, "{nothing}");
        }
        // In three parts, of which each is added once.
        let parts = [(8 * MIB, 9 * MIB), (9 * MIB + 8192, 10 * MIB), (9 * MIB, 9 * MIB + 8192)];
        for (start, end) in parts {
            assert_eq!(frames.add(range(start, end)), Ok((end - start) / FRAME_SIZE));
            assert!(frames.add(range(start, end)).is_err(), "twice");
            frames.verify().unwrap();
        }
        give_all(frames, held.to_vec());
        assert_eq!(counted(frames).0, ram.size() / FRAME_SIZE);
    });
}

/// The lower 4 MiB of 8 are taken, in either zone, and the limit is where they end.
#[test]
fn what_ends_above_a_limit_is_not_handed_out() {
    let bases = [0, 8 << 30];
    let all = ram(&bases.map(|base| (base, base + 8 * MIB)));
    for base in bases {
        with_allocator(&all, &ram(&[(base, base + 8 * MIB)]), 0, |frames, _| {
            let limit = PhysAddr(base + 4 * MIB);
            frames.alloc_at(PhysAddr(base), order(10), OTHERS).unwrap();
            let fails = |number, limit| {
                let failed = frames.alloc(Request::order(order(number)).owned_by(ME).below(limit));
                assert!(matches!(failed, Err(AllocError::OutOfMemory(_))), "{number}: {failed:?}");
            };
            [0, 8, 9, 10].into_iter().for_each(|number| fails(number, limit));
            // Of the area behind the limit only a part is free.
            frames.alloc_at(limit, Order::FRAME, OTHERS).unwrap();
            let next = PhysAddr(limit.0 + FRAME_SIZE);
            [0, 8].into_iter().for_each(|number| fails(number, next));
            let request = Request::order(Order::FRAME).below(PhysAddr(next.0 + FRAME_SIZE));
            assert_eq!(frames.alloc(request), Ok(next));
            let request = Request::order(order(9)).below(PhysAddr(base + 8 * MIB));
            assert_eq!(frames.alloc(request), Ok(PhysAddr(base + 6 * MIB)));
        });
    }
}
