//! What the device tree says against what the allocator hands out.

use framekeeper::{CpuLocal, FRAME_SIZE, Frame, Order, Owner, PhysAddr, State, slabs::Standard};

use crate::{
    Machine,
    arena::{self, Plan},
    ground::{Ground, all_comes_back},
    picture,
};

/// Whose the frames of this suite are.
pub(crate) const ME: Owner = Owner::new(20);

/// Takes all that can be had, in large blocks and then in smaller ones, and has `each` look at every block; how many frames
/// that were.
pub(crate) fn take_all<C: CpuLocal>(
    ground: &Ground<'_, '_, C>,
    me: Owner,
    mut each: impl FnMut(PhysAddr, Order),
) -> u64 {
    let mut blocks = [PhysAddr(0); 64];
    let mut count = 0;
    for order in Order::all().rev() {
        loop {
            let taken = ground.frames.alloc_bulk(order, me, &mut blocks);
            let blocks = blocks.get(..taken).unwrap_or_default();
            blocks.iter().for_each(|&block| each(block, order));
            count += taken as u64 * order.frames();
            if taken < 64 {
                break;
            }
        }
    }
    count
}

/// Gives back all blocks of `me`; how many frames that were.
pub(crate) fn give_all<C: CpuLocal>(ground: &Ground<'_, '_, C>, me: Owner) -> u64 {
    let mut given = 0;
    for_each_block(ground, me, |block, frames| {
        assert_eq!(ground.frames.free_frame(block), Ok(frames));
        [block.0, frames].into_iter().for_each(|value| ground.mark(value));
        given += frames;
    });
    given
}

/// Each block of `me`: its start, and how many frames it has.
pub(crate) fn for_each_block<C: CpuLocal>(
    ground: &Ground<'_, '_, C>,
    me: Owner,
    mut work: impl FnMut(PhysAddr, u64),
) {
    for range in ground.free_ram.iter() {
        let mut address = range.start();
        while address < range.end() {
            let mut next = 1;
            if let State::Allocated { head, frames, owner } = ground.frames.state(address) {
                next = frames;
                if owner == me && head == Frame::containing(address) {
                    work(address, frames);
                }
            }
            address = PhysAddr(address.0 + next * FRAME_SIZE);
        }
    }
}

/// The whole of RAM is taken and given back, and is as it was before.
pub fn every_frame_of_free_ram_is_had_exactly_once<M: Machine>(machine: &M) {
    picture::send(machine, "before");
    all_comes_back(machine, || {
        let taken = everything_is_had_exactly_once(&Ground::whole(machine));
        let own: u64 = machine.own().iter().map(|&owner| machine.frames().owners().frames(owner)).sum();
        assert_eq!(taken + own, machine.free_ram().size() / FRAME_SIZE);
        machine.log(format_args!("{taken} frames, each had once"));
    });
    picture::send(machine, "after all was had and given back");
    arena::run::<_, _, Standard, _>(machine, Plan::ONE_CORE, |arena| {
        assert_eq!(
            everything_is_had_exactly_once(&arena.ground()),
            arena.ground().free_ram.size() / FRAME_SIZE
        );
    });
}

/// How many frames those are.
fn everything_is_had_exactly_once<C: CpuLocal>(ground: &Ground<'_, '_, C>) -> u64 {
    let free = ground.frames.free().total();
    ground.leaves_no_trace(|| {
        let taken = take_all(ground, ME, |block, order| {
            let last = PhysAddr(block.0 + order.bytes() - 1);
            let is_free = |range: framekeeper::PhysRange| range.contains(block) && range.contains(last);
            assert!(
                ground.free_ram.iter().any(is_free),
                "{block} of order {} is no free RAM",
                order.number()
            );
        });
        assert_eq!((taken, ground.frames.free().total()), (free, 0));
        // What was handed out lies side by side: had any frame been handed out twice, some other would be missing here.
        let mut found = 0;
        for_each_block(ground, ME, |_, frames| found += frames);
        assert_eq!(found, free);
        assert!(ground.frames.alloc_frame().is_none());
        assert_eq!(give_all(ground, ME), free);
    });
    free
}

/// What the device tree reserves, what the program lies in, and what is no RAM: the map knows each for what it is, and takes
/// none of it back.
pub fn what_is_reserved_or_no_ram_is_never_had<M: Machine>(machine: &M) {
    for range in machine.occupied() {
        let (first, end) = (range.start().align_down(FRAME_SIZE), range.end());
        for address in (first.0..end.0).step_by(FRAME_SIZE as usize).map(PhysAddr) {
            let expected = if machine.ram().contains(address) { State::Reserved } else { State::Hole };
            assert_eq!(machine.frames().state(address), expected, "{address} of {range}");
            assert!(machine.frames().free_frame(address).is_err());
        }
        // All cores are held for this one: not for each frame.
        let taken = machine.frames().alloc_at(first, Order::FRAME, ME);
        assert!(taken.is_err(), "{first} of {range} was handed out");
    }
    // Around every bank.
    for range in machine.ram().iter() {
        let outside = [range.start().0.wrapping_sub(FRAME_SIZE), range.end().0].map(PhysAddr);
        for address in outside.into_iter().filter(|&address| !machine.ram().contains(address)) {
            assert_eq!(machine.frames().state(address), State::Hole, "{address} beside {range}");
            assert!(machine.frames().free_frame(address).is_err());
        }
    }
}
