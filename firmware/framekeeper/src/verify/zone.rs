//! A zone: its bits, counts, classes and counters, and what waits for it.

use super::Fault;
use crate::{
    allocator::LockedZone,
    frame::{Frame, Order},
    level::{Level, ORDERS, WHOLE},
    map::{FrameMap, ZoneKind},
    word::Kind,
    zone::Zone,
};

/// Checks what waits for a zone; says how many blocks that are.
pub(super) fn verify_pending(
    map: FrameMap<'_>,
    zone: &LockedZone<'_>,
    kind: ZoneKind,
) -> Result<usize, Fault> {
    let broken = |before: Option<Frame>| Fault::Pending { zone: kind, before };
    let (mut next, mut before) = (zone.pending.first().map_err(|()| broken(None))?, None);
    let mut count = 0;
    while let Some(slot) = next {
        let (frame, word) = (map.frame_at(slot.number().into()), map.word_at(slot));
        let frame = frame.filter(|frame| ZoneKind::of(frame.start()) == kind && word.kind() == Kind::Pending);
        // A list longer than the map goes in a circle.
        if frame.is_none() || !word.is_sound() || count == map.slots() {
            return Err(broken(before));
        }
        (next, before) = (word.next(), frame);
        count += 1;
    }
    Ok(count)
}

pub(super) fn verify_zone(zone: &Zone<'_>) -> Result<(), Fault> {
    let index = zone.index();
    verify_level(zone.kind(), Order::FRAME, &index.frames)?;
    verify_level(zone.kind(), Order::MIB_2, &index.areas)?;
    for order in Order::all() {
        let number = u32::from(order.number());
        let (level, order_in_level) =
            if number < WHOLE { (&index.frames, number) } else { (&index.areas, number - WHOLE) };
        let found = (0..level.nodes()).map(|node| level.blocks(node, order_in_level)).sum();
        let counted = zone.free_blocks(order);
        if counted != found || !zone.is_within_counts() {
            return Err(Fault::Count { zone: zone.kind(), order, counted, found });
        }
    }
    Ok(())
}

fn verify_level(zone: ZoneKind, units: Order, level: &Level<'_>) -> Result<(), Fault> {
    if let Some(node) = (0..level.nodes()).find(|&node| !level.is_consistent(node)) {
        return Err(Fault::Node { zone, units, node });
    }
    // An area that is free as a whole is a matter of the upper level.
    let whole = (0..level.nodes()).find(|&node| units == Order::FRAME && level.blocks(node, ORDERS - 1) > 0);
    match whole {
        Some(node) => Err(Fault::Node { zone, units, node }),
        None if level.is_summed_up() => Ok(()),
        None => Err(Fault::Summary { zone, units }),
    }
}
