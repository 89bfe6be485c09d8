//! Whether memory is memory: what is written to every frame must be there when all are written.
//!
//! Two frames that are one, a hole that is taken for RAM and a cell that does not hold its bit all show. Every usable frame
//! is written, all of its words, and only then the first is read; and again with every bit turned over. All cores share
//! the work. In a run that samples, one area in sixteen is.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only frames of this suite are touched | the map is asked whose each block is | the machine: what is not mapped faults |

#![expect(unsafe_code, reason = "reads and writes frames that it was handed")]

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use framekeeper::{Core, FRAME_SIZE, Owner, PhysAddr, slabs::DirectMap};

use crate::{
    Coverage, Machine, Number, Unit,
    ground::Ground,
    map::{for_each_block, give_all, take_all},
};

/// Whose the frames of this suite are.
const ME: Owner = Owner::new(21);
/// Frames of an area, which are touched together: an emulator has memory for the machine in such pieces.
const AREA: u64 = 512;
/// Of how many areas one is touched when not all are.
const SAMPLED: u64 = 16;

/// Every frame keeps what is written to it.
pub fn every_frame_keeps_what_is_written_to_it<M: Machine>(machine: &M) {
    let free = machine.frames().free().total();
    assert_eq!(take_all(&Ground::whole(machine), ME, |_, _| ()), free);
    let (salt, checked) = (machine.dice(0).next(), AtomicU64::new(0));
    for salt in [salt, !salt] {
        machine.on_each(&|core| for_each_frame(machine, core, |frame| write(machine, frame, salt)));
        machine.on_each(&|core| {
            let mut count = 0;
            for_each_frame(machine, core, |frame| {
                check(machine, frame, salt);
                count += 1;
            });
            checked.fetch_add(count, Relaxed);
        });
    }
    let value = checked.into_inner() / 2;
    machine.report(&Number::Value {
        name: "memory that was written and read twice",
        unit: Unit::Frames,
        value,
    });
    let expected = match machine.parameters().memory {
        Coverage::Sampled => free / SAMPLED / 2,
        Coverage::Whole => free,
    };
    assert!(value >= expected, "{value} of {free} frames were checked");
    assert_eq!(give_all(&Ground::whole(machine), ME), free);
}

/// This core's share of the frames that are touched: of all areas, or of those that the seed chooses and the first and the
/// last of each block.
fn for_each_frame<M: Machine>(machine: &M, core: Core, mut work: impl FnMut(PhysAddr)) {
    let (cores, parameters) = (usize::from(machine.cores()), machine.parameters());
    for_each_block(&Ground::whole(machine), ME, |block, frames| {
        let (first, end) = (block.0 / FRAME_SIZE, block.0 / FRAME_SIZE + frames);
        let is_touched = |area: &u64| match parameters.memory {
            Coverage::Sampled => {
                mixed(area ^ parameters.seed).is_multiple_of(SAMPLED) || *area == first || area + AREA >= end
            }
            Coverage::Whole => true,
        };
        let areas = (first..end).step_by(AREA as usize).filter(is_touched);
        let mine = areas.skip(core.index()).step_by(cores);
        mine.flat_map(|area| area..end.min(area + AREA)).for_each(|frame| work(PhysAddr(frame * FRAME_SIZE)));
    });
}

/// What is written to the word at an address.
const fn value(address: u64, salt: u64) -> u64 {
    mixed(address) ^ salt
}

const fn mixed(number: u64) -> u64 {
    // Wrapping: a hash, not a quantity. A factor that is odd: no two numbers become one.
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_right(29)
}

fn words<M: Machine>(machine: &M, frame: PhysAddr) -> impl Iterator<Item = (u64, NonNull<u64>)> {
    let start = machine.map().pointer(frame).cast::<u64>();
    (0..FRAME_SIZE as usize / 8).map(move |word| {
        let pointer = NonNull::new(start.as_ptr().wrapping_add(word)).unwrap_or(start);
        (frame.0 + word as u64 * 8, pointer)
    })
}

/// Writes a value made of its address to every word of a frame that the caller was handed.
pub(crate) fn write<M: Machine>(machine: &M, frame: PhysAddr, salt: u64) {
    for (address, word) in words(machine, frame) {
        // SAFETY: a word of a frame that this suite was handed, and that only this core touches now.
        unsafe { word.write_volatile(value(address, salt)) };
    }
}

/// Looks whether every word of a frame is zero that the caller was handed.
pub(crate) fn check_zero<M: Machine>(machine: &M, frame: PhysAddr) {
    for (address, word) in words(machine, frame) {
        // SAFETY: a word of a frame that the caller was handed, and that was filled with zeros.
        let found = unsafe { word.read_volatile() };
        assert_eq!(found, 0, "{address:#x} was to be zero");
    }
}

fn check<M: Machine>(machine: &M, frame: PhysAddr, salt: u64) {
    for (address, word) in words(machine, frame) {
        // SAFETY: as in `write`, which initialised it.
        let found = unsafe { word.read_volatile() };
        let expected = value(address, salt);
        assert_eq!(
            found, expected,
            "{address:#x} does not keep what is written to it: {found:#x}, not {expected:#x}"
        );
    }
}
