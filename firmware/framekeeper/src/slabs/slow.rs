//! Objects of all sizes, where a magazine does not do: what is done for an object beside, and what went wrong.

#![expect(unsafe_code, reason = "takes back what callers say is theirs, and seals it")]

use core::{alloc::Layout, ptr::NonNull};

use super::{
    class::Class,
    counter::address_of,
    errors::{Misuse, ObjectAddr, ObjectError},
    ground::Place,
    hardening::{Hardening, Level},
    memory::DirectMap,
    objects::{Slabs, is_at_start, sealed},
    pool::Pool,
    sites::Done,
    ticket::Turn,
};
use crate::cpu::CpuLocal;

impl<C: CpuLocal, M: DirectMap, H: Hardening> Slabs<'_, C, M, H> {
    /// An object, with what is to be done for it beside.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(crate) fn alloc_otherwise(
        &self,
        damaged: Option<NonNull<u8>>,
        layout: Layout,
    ) -> Result<NonNull<u8>, ObjectError> {
        self.alloc_in_turn(damaged, layout, self.next_turn())
    }

    /// As [`alloc_otherwise`](Self::alloc_otherwise), in a turn.
    #[track_caller]
    pub(super) fn alloc_in_turn(
        &self,
        damaged: Option<NonNull<u8>>,
        layout: Layout,
        turn: Option<Turn>,
    ) -> Result<NonNull<u8>, ObjectError> {
        self.reported().report_written(damaged);
        let class = Self::class_of(layout).ok_or(ObjectError::TooLarge { layout })?;
        if H::LEVEL < Level::Paranoid {
            return self.alloc_slow(class);
        }
        let object = match self.take_next(class) {
            Ok(object) => object,
            Err(damaged) => {
                self.reported().report_written(damaged);
                self.alloc_slow(class)?
            }
        };
        // SAFETY: it is an object of the class that nobody has yet.
        unsafe { sealed(object, layout, class, turn).write(self.secret()) };
        self.note(object, Done::Allocated);
        Ok(object)
    }

    /// Takes an object back, with what is to be done for it beside, or finds out what is wrong.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) unsafe fn free_otherwise(
        &self,
        object: NonNull<u8>,
        layout: Layout,
        turn: Option<Turn>,
    ) -> Result<(), Misuse> {
        // SAFETY: as the caller promises.
        let is_freed =
            H::LEVEL >= Level::Debug && unsafe { self.free_to_magazine(object, layout, turn) }.is_some();
        if !is_freed {
            // SAFETY: as the caller promises, and nothing has changed.
            unsafe { self.free_slow(object, layout, turn) }?;
        }
        self.note(object, Done::Freed);
        Ok(())
    }

    /// Takes an object back where something is unusual, or finds out what is wrong.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    unsafe fn free_slow(
        &self,
        object: NonNull<u8>,
        layout: Layout,
        turn: Option<Turn>,
    ) -> Result<(), Misuse> {
        let class = Self::class_of(layout).ok_or_else(|| self.foreign(object))?;
        let place = self.ground().place(object);
        if !place.is_some_and(|place| is_at_start::<H>(&place, class)) {
            return Err(self.why_not(object, self.pool(class)));
        }
        // SAFETY: a slot of the class starts there.
        unsafe { self.counter(class).refuse_free(object) }?;
        if H::LEVEL >= Level::Paranoid {
            // SAFETY: as above, and it is not free, so that it is sealed.
            return unsafe { self.counter(class).take_back_sealed(sealed(object, layout, class, turn)) };
        }
        // SAFETY: as the caller promises, and a slot of the class starts there.
        unsafe { self.counter(class).take_back(object) }
    }

    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, class: Class) -> Result<NonNull<u8>, ObjectError> {
        match self.counter(class).alloc::<H>() {
            Err(ObjectError::NoMemory(error)) if error.is_shortage() => {
                self.shrink();
                self.counter(class).alloc::<H>()
            }
            result => result,
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn why_not(&self, object: NonNull<u8>, pool: &Pool) -> Misuse {
        let (address, expected) = (address_of(object), pool.id());
        let Some(place) = self.ground().place(object).filter(Place::is_slab) else {
            return self.foreign(object);
        };
        let found = place.pool();
        if found != expected {
            return Misuse::WrongPool { address, expected, found };
        }
        let shape = pool.shape();
        let start =
            shape.slot_around(place.offset()).map(|slot| place.offset() as usize - shape.offset(slot));
        let object = start.map(|inside| ObjectAddr(address.0 - inside));
        Misuse::NotStart { address, object }
    }

    #[cold]
    #[inline(never)]
    fn foreign(&self, object: NonNull<u8>) -> Misuse {
        let found = self.ground().frames().state(self.ground().memory().address(object));
        Misuse::Foreign { address: address_of(object), found }
    }
}
