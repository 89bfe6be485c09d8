//! Which objects somebody has: for a cache that cannot end, and for whoever looks for a leak.
//!
//! It reads the whole map, as [verifying](super::verify) does.

use core::ptr::NonNull;

use super::{
    counter::{Counter, Life, Seats, address_of},
    errors::ObjectAddr,
    memory::DirectMap,
};
use crate::{cpu::CpuLocal, frame::Frame};

impl<C: CpuLocal, M: DirectMap, L: Life, S: Seats> Counter<'_, '_, C, M, L, S> {
    /// Calls `each` with every object that is not free in its slab.
    pub(super) fn for_each_in_use(&self, mut each: impl FnMut(ObjectAddr)) {
        for area in self.ground.frames().map().each_area().filter(|area| !area.is_hole()) {
            let heads =
                area.frames().filter(|(_, word, _)| word.is_slab_of(self.pool.id()) && word.page() == 0);
            heads.for_each(|(frame, ..)| self.for_each_of_slab(frame, &mut each));
        }
    }

    /// Under the lock of the pool, and not while the caller looks at them.
    fn for_each_of_slab(&self, head: Frame, each: &mut impl FnMut(ObjectAddr)) {
        let shape = self.pool.shape();
        let object = |slot| -> Option<NonNull<u8>> {
            self.ground.cpu().pinned(|core| {
                let _held = self.pool.held(self.ground, core)?;
                let (entry, _) = self.ground.frames().map().find(head)?;
                let slab = self.ground.slab(entry, self.pool)?;
                (!slab.is_free(slot)).then(|| slab.object(shape, slot))
            })
        };
        (0..shape.slots()).filter_map(object).for_each(|object| each(address_of(object)));
    }
}
