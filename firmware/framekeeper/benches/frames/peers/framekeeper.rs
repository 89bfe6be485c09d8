//! Framekeeper: a zone behind a spin lock.

use crate::{
    memory::{Memory, ram},
    subject::{Made, Subject},
};
use ::framekeeper::{FrameMap, MapLayout, Order, Owner, PhysAddr, Zone};
use spin::Mutex;
use std::time::Instant;

const OWNER: Owner = Owner(1);

pub(crate) struct Locked<'a>(Mutex<Zone<'a>>);

impl Subject for Locked<'_> {
    #[inline]
    fn alloc(&self, order: u8) -> Option<u64> {
        let frame = self.0.lock().take(Order::new(order)?, OWNER).ok()?;
        Some(frame.start().0)
    }

    #[inline]
    fn free(&self, address: u64, _order: u8) {
        let given = self.0.lock().give(PhysAddr(address));
        debug_assert!(given.is_ok(), "what was handed out can be given back");
    }
}

pub(crate) fn on_fresh<R>(memory: &mut Memory, size: u64, run: impl FnOnce(&Made<'_, Locked<'_>>) -> R) -> R {
    let ram = ram(size);
    let range = ram.iter().next().expect("one range");
    let metadata = MapLayout::of(&ram).expect("a map of this size").bytes();
    let began = Instant::now();
    let map = FrameMap::new(&ram, memory.words()).expect("words for the largest map");
    let mut zone = Zone::new(&map, range);
    zone.add(range);
    let subject = Locked(Mutex::new(zone));
    let bring_up = began.elapsed();
    run(&Made { subject: &subject, base: range.start().0, size, bring_up, metadata })
}
