//! Misuse is an error that changes nothing, with and without a cache in front.

use crate::ground::{Dice, MIB, digest, ram, scaled, with_cache, with_zones};
use framekeeper::{
    CpuLocal, Frame, FrameAllocator, FreeError, Order, Owner, PhysAddr, Request, ResizeError, State,
};

const SIZE: u64 = scaled(16, 2) * MIB;

fn misuse<C: CpuLocal>(frames: &FrameAllocator<'_, C>) {
    let ram = ram(&[(0, SIZE)]);
    let block = frames.alloc(Request::frames(5)).unwrap();
    let freed = frames.alloc_frame().unwrap();
    frames.free_frame(freed).unwrap();
    let before = digest(frames, &ram);
    let (head, tail) = (Frame::containing(block), PhysAddr(block.0 + 4 * 4096));
    let free = frames.free_frame(freed).unwrap_err();
    assert!(
        matches!(free, FreeError::NotAllocated { found: State::Free { .. } | State::Cached { .. }, .. }),
        "{free}"
    );
    assert_eq!(frames.free_frame(tail), Err(FreeError::NotHead { address: tail, head }));
    for offset in [1, 8, 4095] {
        let address = PhysAddr(block.0 + offset);
        assert_eq!(frames.free_frame(address), Err(FreeError::Misaligned { address }));
    }
    let reserved = frames.free_frame(PhysAddr(0)).unwrap_err();
    assert_eq!(reserved, FreeError::NotAllocated { address: PhysAddr(0), found: State::Reserved });
    for hole in [1 << 30, 1 << 52, 0xffff_ffff_ffff_f000] {
        let error = frames.free_frame(PhysAddr(hole)).unwrap_err();
        assert_eq!(error, FreeError::NotAllocated { address: PhysAddr(hole), found: State::Hole });
    }
    assert_eq!(digest(frames, &ram), before);
    frames.free_frame(block).unwrap();
    assert!(matches!(frames.free_frame(block), Err(FreeError::NotAllocated { .. })), "a second time");
    frames.verify().unwrap();
}

#[test]
fn misuse_is_an_error_that_changes_nothing() {
    let (ram, free) = (ram(&[(0, SIZE)]), ram(&[(MIB, SIZE)]));
    with_zones(&ram, &free, misuse);
    with_cache(&ram, &free, misuse);
}

/// Ten thousand times, in as many states: each block that is given back is given back a second time at once, and after
/// other operations, as long as nobody else has it.
#[test]
fn a_second_free_is_always_refused() {
    let ram = ram(&[(0, SIZE)]);
    with_cache(&ram, &ram, |frames| {
        let mut dice = Dice::new(2);
        let (mut held, mut given): (Vec<PhysAddr>, Vec<PhysAddr>) = (Vec::new(), Vec::new());
        let mut refused = 0;
        while refused < scaled(10_000, 100) {
            let order = Order::new(dice.below(10) as u8).unwrap();
            let block = (dice.below(2) == 0).then(|| frames.alloc_frames(order)).flatten();
            if let Some(block) = block {
                held.push(block);
                given.retain(|&given| given != block);
            } else if !held.is_empty() {
                let block = held.swap_remove(dice.below(held.len() as u64) as usize);
                frames.free_frame(block).unwrap();
                given.push(block);
                let stale = given[dice.below(given.len() as u64) as usize];
                for again in [block, stale] {
                    assert!(frames.free_frame(again).is_err(), "{again} twice, after {refused}");
                    refused += 1;
                }
            }
        }
        frames.verify().unwrap();
    });
}

#[test]
fn a_block_that_cannot_grow_says_what_is_in_its_way() {
    let ram = ram(&[(0, SIZE)]);
    with_zones(&ram, &ram, |frames| {
        let (owner, single) = (Owner::new(5), Order::FRAME);
        let [block, other] =
            [MIB, MIB + 8 * 4096].map(|start| frames.alloc_at(PhysAddr(start), single, owner));
        let (block, address) = (block.unwrap(), other.unwrap());
        let (found, before) = (frames.state(address), digest(frames, &ram));
        assert_eq!(found, State::Allocated { head: Frame::containing(address), frames: 1, owner });
        assert_eq!(frames.resize(block, 16), Err(ResizeError::NotFree { address, found }));
        assert_eq!(digest(frames, &ram), before);
        assert_eq!(frames.resize(block, 8), Ok(1));
    });
}
