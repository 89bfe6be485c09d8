//! All frames taken in blocks of one order, for each order.

use framekeeper::{CpuLocal, Order, PhysAddr, ZoneKind};

use super::ME;
use crate::{ground::Ground, map::give_all};

/// As many blocks of each order are had as there are, and after that all can be had again.
pub(super) fn memory_runs_out_at_every_order_and_comes_back<C: CpuLocal>(ground: &Ground<'_, '_, C>) {
    ground.leaves_no_trace(|| Order::all().rev().for_each(|order| runs_out(ground, order)));
}

fn runs_out<C: CpuLocal>(ground: &Ground<'_, '_, C>, order: Order) {
    let free = ground.frames.free();
    let (mut places, mut taken) = ([PhysAddr(0); 64], 0);
    let there_are = blocks(ground, order);
    loop {
        let filled = ground.frames.alloc_bulk(order, ME, &mut places);
        taken += filled as u64;
        let is_aligned = |place: &PhysAddr| place.0.is_multiple_of(order.bytes());
        assert!(places.iter().take(filled).all(is_aligned), "order {}", order.number());
        if filled < places.len() {
            break;
        }
    }
    assert_eq!(taken, there_are, "blocks of order {}", order.number());
    let why = ground.frames.alloc(framekeeper::Request::order(order));
    assert!(matches!(why, Err(framekeeper::AllocError::OutOfMemory(_))), "{why:?}");
    assert_eq!(give_all(ground, ME), taken * order.frames());
    assert!(ground.frames.drain_all(), "all cores can be held");
    assert_eq!(ground.frames.free(), free, "after order {}", order.number());
}

/// How many blocks of this order the free ones can be cut into.
fn blocks<C: CpuLocal>(ground: &Ground<'_, '_, C>, order: Order) -> u64 {
    let free = ground.frames.free();
    let in_zone = |zone| Order::all().skip(order.index()).map(move |larger| (zone, larger));
    let all = ZoneKind::ALL.into_iter().flat_map(in_zone);
    all.map(|(zone, larger)| free.blocks(zone, larger) << (larger.number() - order.number())).sum()
}
