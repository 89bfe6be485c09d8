//! The exact text of each report: written a second time, so that no change of it goes unseen.

use alloc::{format, string::String};

use framekeeper::{
    FreeError, State, WrittenAfterFree,
    slabs::{FreeIn, Misuse},
};

/// What a report of an object says.
pub(super) fn of_misuse(misuse: &Misuse) -> String {
    match *misuse {
        Misuse::Foreign { address, found } => {
            format!("no object was ever at {:#x}: it is {}", address.0, of_state(found))
        }
        Misuse::WrongPool { address, expected, found } => {
            let (expected, found) = (expected.number(), found.number());
            format!("{:#x} is an object of pool {found}, and was given to pool {expected}", address.0)
        }
        Misuse::NotStart { address, object: Some(object) } => {
            format!("{:#x} lies inside the object at {:#x}", address.0, object.0)
        }
        Misuse::NotStart { address, object: None } => {
            format!("{:#x} lies behind a slab's last object", address.0)
        }
        Misuse::WrongSize { address, size } => {
            format!("{:#x} was given back with {size} bytes, and asked for with another size", address.0)
        }
        Misuse::DoubleFree { address, found } => {
            format!("{:#x} was given back before: it is free, {}", address.0, of_place(found))
        }
        Misuse::Stale { address, expected, found } => {
            let (address, expected, found) = (address.0, expected.number(), found.number());
            format!(
                "{address:#x} was given back before: its turn was {expected}, and who has it now has {found}"
            )
        }
        Misuse::WrittenAfterFree { address } => {
            format!("{:#x} was written to after it was given back", address.0)
        }
        Misuse::WrittenBehind { address, size } => {
            format!("somebody wrote behind the {size} bytes at {:#x}", address.0)
        }
        Misuse::Busy { address } => {
            format!(
                "{:#x} could not be given back: its pool is busy, and this is no place to wait",
                address.0
            )
        }
    }
}

/// What a report of a block says.
pub(super) fn of_free_error(error: &FreeError) -> String {
    match *error {
        FreeError::Misaligned { address } => format!("{:#x} is no start of a frame", address.0),
        FreeError::NotHead { address, head } => {
            format!("{:#x} lies inside the block at {:#x}", address.0, head.start().0)
        }
        FreeError::NotAllocated { address, found } => {
            format!("nobody has {:#x}: it is {}", address.0, of_state(found))
        }
    }
}

/// What a report of a free frame that was written to says.
pub(super) fn of_written(written: &WrittenAfterFree) -> String {
    let WrittenAfterFree { address, found, left } = *written;
    let address = address.0;
    format!(
        "{address:#x} was written to after it was given back: it is {found:#x}, and was left as {left:#x}"
    )
}

fn of_place(place: FreeIn) -> String {
    match place {
        FreeIn::Magazine(core) => format!("in the magazine of core {}", core.number()),
        FreeIn::Depot => "in the depot".into(),
        FreeIn::Slab => "in its slab".into(),
        FreeIn::Hands => "in the hands of another core".into(),
        FreeIn::Frames(state) => format!("among the frames: {}", of_state(state)),
    }
}

fn of_state(state: State) -> String {
    match state {
        State::Hole => "a hole".into(),
        State::Reserved => "reserved".into(),
        State::Free { head, order } => {
            format!("free, order {} at {:#x}", order.number(), head.start().0)
        }
        State::Cached { head, order, core } => {
            let (order, core) = (order.number(), core.number());
            format!("free, order {order} at {:#x} in core {core}'s cache", head.start().0)
        }
        State::Pending { head } => format!("given back at {:#x}", head.start().0),
        State::Allocated { head, frames, owner } => {
            format!("{frames} frames at {:#x} of owner {}", head.start().0, owner.number())
        }
        State::Slab { head, pool } => {
            format!("in the slab at {:#x} of pool {}", head.start().0, pool.number())
        }
        State::Changing => "changing".into(),
        State::Damaged { word } => format!("damaged: its word is {word:#x}"),
    }
}
