//! Calls for blocks of frames.

use alloc::vec::Vec;

use framekeeper::{
    AddError, Asked, FRAME_SIZE, Frames, Order, PhysAddr, PhysRange, Request, ResizeError, slabs::Standard,
};

use super::{Ground, ME, Outcome, Path, refused};
use crate::{Machine, Number, Unit};

type Arena<'a, 'r> = Ground<'a, 'r, Standard>;

/// Where an arena has free blocks: in its upper bank, and in its lower zone.
const PLACES: [PhysAddr; 2] = [PhysAddr(0x8_8040_0000), PhysAddr((4 << 30) - (2 << 20))];

/// What of an arena's RAM is reserved, as one block.
pub(in crate::faults) const LATE: PhysRange =
    PhysRange::new(PhysAddr(0x8_8010_0000), PhysAddr(0x8_8018_0000));
/// Its order.
pub(in crate::faults) const LATE_ORDER: u8 = 7;

/// As many blocks as come to the zones in several chunks.
const MANY: usize = 200;

fn orders<const N: usize>(numbers: [u8; N]) -> impl Iterator<Item = Order> {
    numbers.into_iter().filter_map(Order::new)
}

fn report<M: Machine>(machine: &M, name: &str, value: u64) {
    machine.report(&Number::Value { name, unit: Unit::Operations, value });
}

/// Gives blocks back, of whatever size the map says they are.
fn give_back(arena: &Arena<'_, '_>, blocks: Vec<PhysAddr>) {
    for block in blocks {
        let given = arena.frames.free_frame(block);
        assert!(given.is_ok(), "{given:?}");
    }
}

/// A call for a block.
fn block<M: Machine>(
    machine: &M,
    name: &'static str,
    call: impl Fn(&Arena<'_, '_>) -> Result<PhysAddr, Option<Asked>>,
) -> u64 {
    let take = |arena: &Arena<'_, '_>, blocks: &mut Vec<PhysAddr>| -> Outcome {
        blocks.push(call(arena)?);
        Ok(())
    };
    Path::one(name, 1).attack(machine, |_| Vec::new(), take, give_back)
}

/// Blocks of orders with a cache and without, with a reason and without, in either zone.
pub fn a1_each_request_for_a_block_is_refused_once<M: Machine>(machine: &M) {
    let mut requests = 0;
    for order in orders([0, 1, 2, 5, 9]) {
        let request = Request::order(order).owned_by(ME);
        requests += block(machine, "a block", |arena| arena.frames.alloc(request).map_err(refused));
        requests +=
            block(machine, "a low block", |arena| arena.frames.alloc(request.dma32()).map_err(refused));
        requests += block(machine, "a block or none", |arena| arena.frames.alloc_frames(order).ok_or(None));
    }
    for (order, place) in orders([0, 3, 9]).flat_map(|order| PLACES.map(|place| (order, place))) {
        let call = |arena: &Arena<'_, '_>| arena.frames.alloc_at(place, order, ME).map_err(refused);
        requests += block(machine, "a block at an address", call);
    }
    report(machine, "requests for blocks, each refused", requests);
}

/// Exact numbers of frames: as they are, filled with zeros, and as a handle.
pub fn a1_each_request_for_frames_is_refused_once<M: Machine>(machine: &M) {
    let mut requests = 0;
    for request in [3, 100, 700].map(|frames| Request::frames(frames).owned_by(ME)) {
        requests += block(machine, "frames", |arena| arena.frames.alloc(request).map_err(refused));
        requests += block(machine, "zeros", |arena| arena.frames.alloc_zeroed(request).map_err(refused));
        let owned = |arena: &Arena<'_, '_>| Frames::new(arena.frames, request).map(Frames::into_raw);
        requests += block(machine, "a handle", |arena| owned(arena).map_err(refused));
    }
    report(machine, "requests for frames, each refused", requests);
}

/// Many blocks in one call, which has those that it got before it was refused.
pub fn a1_each_request_of_a_bulk_is_refused_once<M: Machine>(machine: &M) {
    let mut requests = 0;
    for order in orders([0, 1, 2]) {
        let fill = |arena: &Arena<'_, '_>, blocks: &mut Vec<PhysAddr>| {
            let mut places = [PhysAddr(0); MANY];
            let filled = arena.frames.alloc_bulk(order, ME, &mut places);
            let (got, rest) = places.split_at(filled);
            assert!(rest.iter().all(|&place| place == PhysAddr(0)), "only what was had is told");
            if rest.is_empty() {
                blocks.extend(got);
                return Ok(());
            }
            give_back(arena, got.to_vec());
            Err(None)
        };
        requests += Path::one("many blocks", 3).attack(machine, |_| Vec::new(), fill, give_back);
    }
    report(machine, "requests of bulks, each refused", requests);
}

/// A block that grows where it is.
pub fn a1_each_request_of_a_block_that_grows_is_refused_once<M: Machine>(machine: &M) {
    let mut requests = 0;
    for frames in [2, 3, 100, 256] {
        let prepare = |arena: &Arena<'_, '_>| {
            let made = arena.frames.alloc_at(PLACES[0], Order::FRAME, ME);
            assert_eq!(made, Ok(PLACES[0]));
            Vec::from(PLACES).split_off(1)
        };
        let grow = |arena: &Arena<'_, '_>, _: &mut Vec<PhysAddr>| match arena.frames.resize(PLACES[0], frames)
        {
            Ok(before) => {
                assert_eq!(before, 1);
                Ok(())
            }
            Err(ResizeError::Refused(asked)) => Err(Some(asked)),
            Err(error) => panic!("not refused: {error}"),
        };
        let undo = |arena: &Arena<'_, '_>, _| assert_eq!(arena.frames.free_frame(PLACES[0]), Ok(frames));
        requests += Path::one("a block that grows", 1).attack(machine, prepare, grow, undo);
    }
    report(machine, "requests of blocks that grow, each refused", requests);
}

/// Memory that was reserved, and is added.
pub fn a1_each_request_of_memory_that_is_added_is_refused_once<M: Machine>(machine: &M) {
    let add = |arena: &Arena<'_, '_>, (): &mut ()| match arena.frames.add(LATE) {
        Ok(frames) => {
            assert_eq!(frames, LATE.size() / FRAME_SIZE);
            Ok(())
        }
        Err(AddError::Refused(asked)) => Err(Some(asked)),
        Err(error) => panic!("not refused: {error}"),
    };
    let requests = Path::one("memory that is added", 1).attack(
        machine,
        |_| (),
        add,
        |arena, ()| keep_late(arena.frames),
    );
    report(machine, "requests of memory that is added, each refused", requests);
}

/// Has somebody keep memory that was added, all of which is free: an arena ends with as much as it began with.
pub(in crate::faults) fn keep_late<C: framekeeper::CpuLocal>(frames: &framekeeper::FrameAllocator<'_, C>) {
    let order = Order::new(LATE_ORDER).unwrap_or_default();
    assert_eq!(frames.alloc_at(LATE.start(), order, ME), Ok(LATE.start()));
}
