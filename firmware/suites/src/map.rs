//! What the device tree says against what the allocator hands out.

use framekeeper::{FRAME_SIZE, Frame, Order, Owner, PhysAddr, State};

use crate::{Machine, digest::Digest};

/// Whose the frames of this suite are.
pub(crate) const ME: Owner = Owner::new(20);

/// Takes all that can be had, in large blocks and then in smaller ones, and has `each` look at every block; how many frames
/// that were.
pub(crate) fn take_all<M: Machine>(machine: &M, me: Owner, mut each: impl FnMut(PhysAddr, Order)) -> u64 {
    let mut blocks = [PhysAddr(0); 64];
    let mut count = 0;
    for order in Order::all().rev() {
        loop {
            let taken = machine.frames().alloc_bulk(order, me, &mut blocks);
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
pub(crate) fn give_all<M: Machine>(machine: &M, me: Owner) -> u64 {
    let mut given = 0;
    for_each_block(machine, me, |block, frames| {
        assert_eq!(machine.frames().free_frame(block), Ok(frames));
        given += frames;
    });
    given
}

/// Each block of `me`: its start, and how many frames it has.
pub(crate) fn for_each_block<M: Machine>(machine: &M, me: Owner, mut work: impl FnMut(PhysAddr, u64)) {
    for range in machine.free_ram().iter() {
        let mut address = range.start();
        while address < range.end() {
            let mut next = 1;
            if let State::Allocated { head, frames, owner } = machine.frames().state(address) {
                next = frames;
                if owner == me && head == Frame::containing(address) {
                    work(address, frames);
                }
            }
            address = PhysAddr(address.0 + next * FRAME_SIZE);
        }
    }
}

/// The frames' whole state.
pub(crate) fn digest_of_frames<M: Machine>(machine: &M) -> u64 {
    assert!(machine.frames().drain_all(), "all cores can be held");
    assert_eq!(machine.frames().verify(), Ok(()));
    let mut digest = Digest::new();
    digest.frames(machine.frames());
    digest.value()
}

/// The whole of RAM is taken and given back, and is as it was before.
pub fn every_frame_of_free_ram_is_had_exactly_once<M: Machine>(machine: &M) {
    machine.heap().shrink();
    let before = digest_of_frames(machine);
    let free = machine.frames().free().total();
    let taken = take_all(machine, ME, |block, order| {
        let last = PhysAddr(block.0 + order.bytes() - 1);
        let is_free = |range: framekeeper::PhysRange| range.contains(block) && range.contains(last);
        assert!(machine.free_ram().iter().any(is_free), "{block} of order {} is no free RAM", order.number());
    });
    assert_eq!((taken, machine.frames().free().total()), (free, 0));
    // What was handed out lies side by side: had any frame been handed out twice, some other would be missing here.
    let mut found = 0;
    for_each_block(machine, ME, |_, frames| found += frames);
    assert_eq!(found, free);
    let own: u64 = machine.own().iter().map(|&owner| machine.frames().owners().frames(owner)).sum();
    assert_eq!(free + own, machine.free_ram().size() / FRAME_SIZE);
    assert!(machine.frames().alloc_frame().is_none());
    assert_eq!(give_all(machine, ME), free);
    assert_eq!(digest_of_frames(machine), before);
    machine.log(format_args!("{free} frames, each had once"));
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
