//! Objects of one size: what the caches by size and by type share.

#![expect(unsafe_code, reason = "takes back what callers say is theirs, and marks it")]

use core::ptr::NonNull;

use super::{
    counter::{Bytes, Counter, Life, Seats},
    errors::{CacheError, Misuse, ObjectAddr, ObjectError},
    hardening::{Hardening, Level, Standard},
    magazine::Magazine,
    memory::DirectMap,
    objects::Slabs,
    pool::Pool,
    report::Usage,
    seal::{SEAL, Sealed},
    shape::{GRAIN, Shape},
    ticket::Turn,
    verify::SlabFault,
};
use crate::cpu::{Core, CpuLocal};

/// Objects of one size, beside the size classes.
///
/// They are [`GRAIN`](super::MAX_SIZE)-aligned as their size is: a multiple of 64 is aligned to 64.
#[derive(Debug)]
pub struct Slab<'a, C: CpuLocal, M: DirectMap, H: Hardening = Standard> {
    objects: Objects<'a, C, M, H, Bytes>,
}

impl<'a, C: CpuLocal, M: DirectMap, H: Hardening> Slab<'a, C, M, H> {
    /// A cache of objects of `size` bytes, without any yet. There is to be a magazine for each core, of no other cache.
    ///
    /// # Errors
    ///
    /// The size is zero or larger than [`MAX_SIZE`](super::MAX_SIZE), or there are too many caches.
    pub fn new(
        slabs: &'a Slabs<'a, C, M, H>,
        magazines: &'a [Magazine],
        size: usize,
    ) -> Result<Self, CacheError> {
        let slot = if H::LEVEL >= Level::Paranoid { size.saturating_add(SEAL) } else { size };
        let slot = slot.checked_next_multiple_of(GRAIN).filter(|_| size > 0);
        let slot = slot.ok_or(CacheError::BadSize { size })?;
        Ok(Self { objects: Objects::new(slabs, magazines, (size, slot), Bytes(slot))? })
    }

    /// Memory for an object.
    ///
    /// # Errors
    ///
    /// [`ObjectError::NoMemory`].
    #[inline]
    pub fn alloc(&self) -> Result<NonNull<u8>, ObjectError> {
        self.objects.alloc()
    }

    /// Takes an object back.
    ///
    /// # Errors
    ///
    /// It is none of this cache, or free.
    ///
    /// # Safety
    ///
    /// If it is an object of this cache, nobody uses it from here on.
    #[inline]
    pub unsafe fn free(&self, object: NonNull<u8>) -> Result<(), Misuse> {
        // SAFETY: as the caller promises.
        unsafe { self.objects.free(object) }
    }

    /// Gives back all frames that no object needs.
    pub fn shrink(&self) {
        self.objects.shrink();
    }

    /// What it has, and what it did.
    pub fn usage(&self) -> Usage {
        self.objects.counter().usage()
    }

    /// Calls `each` with every object that somebody has. What cores hold in reserve is put back first; where not all of them
    /// can be held, or the objects are used meanwhile, it may be among them.
    pub fn for_each_in_use(&self, each: impl FnMut(ObjectAddr)) {
        self.objects.for_each_in_use(each);
    }

    /// As [`Slabs::verify`], for the objects of this.
    ///
    /// # Errors
    ///
    /// The first fault that is found.
    pub fn verify(&self) -> Result<(), SlabFault> {
        self.objects.counter().verify()
    }
}

/// Objects of one size and life.
#[derive(Debug)]
pub(crate) struct Objects<'a, C: CpuLocal, M: DirectMap, H: Hardening, L: Life> {
    slabs: &'a Slabs<'a, C, M, H>,
    pool: Pool,
    magazines: &'a [Magazine],
    /// Bytes of an object; a slot may have more.
    size: usize,
    life: L,
}

impl Seats for &[Magazine] {
    fn of(&self, core: Core) -> Option<&Magazine> {
        self.get(core.index())
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl<'a, C: CpuLocal, M: DirectMap, H: Hardening, L: Life> Objects<'a, C, M, H, L> {
    /// Objects of a size, in slots of a size.
    pub(crate) fn new(
        slabs: &'a Slabs<'a, C, M, H>,
        magazines: &'a [Magazine],
        (size, slot): (usize, usize),
        life: L,
    ) -> Result<Self, CacheError> {
        let shape = Shape::of(slot).ok_or(CacheError::BadSize { size })?;
        let id = slabs.ids().take().ok_or(CacheError::TooMany)?;
        magazines.iter().for_each(|magazine| magazine.reset(shape.kept()));
        Ok(Self { slabs, pool: Pool::new(id, shape), magazines, size, life })
    }

    #[inline]
    pub(crate) fn alloc(&self) -> Result<NonNull<u8>, ObjectError> {
        let popped = self.slabs.ground().cpu().pinned(|core| self.magazines.get(core?.index())?.next::<H>());
        let object = match popped {
            Some(object) if self.take_mark(object) => object,
            damaged => self.alloc_slow(damaged)?,
        };
        if H::LEVEL >= Level::Paranoid {
            // SAFETY: it is an object of this pool that nobody has yet.
            unsafe { self.sealed(object, self.slabs.next_turn()).write(self.slabs.secret()) };
        }
        Ok(object)
    }

    /// Takes an object back.
    ///
    /// # Safety
    ///
    /// If it is an object of this pool, nobody uses it from here on.
    #[inline]
    pub(crate) unsafe fn free(&self, object: NonNull<u8>) -> Result<(), Misuse> {
        let place = self.slabs.ground().place(object);
        let is_object = place.is_some_and(|place| {
            place.is_in(self.pool.id())
                && (H::LEVEL == Level::Off || self.pool.shape().slot(place.offset()).is_some())
        });
        if !is_object {
            return Err(self.slabs.why_not(object, &self.pool));
        }
        // SAFETY: a slot of the pool starts there, which has room for its marks.
        if unsafe { self.slabs.secret().looks_free(object, self.life.marks::<H>()) } {
            // SAFETY: as above.
            unsafe { self.counter().refuse_free(object) }?;
        }
        // SAFETY: as the caller promises.
        unsafe { self.give_back(object) }
    }

    /// Takes an object back that is known to be one.
    ///
    /// # Safety
    ///
    /// It is an object of this pool that was handed out and not given back since; nobody uses it from here on.
    #[inline]
    pub(crate) unsafe fn give_back(&self, object: NonNull<u8>) -> Result<(), Misuse> {
        let (sealed, secret) = (self.sealed(object, None), self.slabs.secret());
        // SAFETY: it is an object that somebody has, so that it is sealed.
        let whole = (H::LEVEL >= Level::Paranoid).then(|| unsafe { sealed.check(secret) });
        let pushed = self.slabs.ground().cpu().pinned(|core| {
            let whole = whole.transpose().ok()?;
            let room = self.magazines.get(core?.index())?.room()?;
            // SAFETY: as above.
            if whole.is_some_and(|whole| !unsafe { sealed.break_open(secret, whole) }) {
                return None;
            }
            // SAFETY: as the caller promises.
            unsafe { secret.mark(object, self.life.marks::<H>()) };
            room.fill(object);
            Some(())
        });
        match pushed {
            Some(()) => Ok(()),
            // SAFETY: as the caller promises, and as above.
            None if H::LEVEL >= Level::Paranoid => unsafe { self.counter().take_back_sealed(sealed) },
            // SAFETY: as the caller promises.
            None => unsafe { self.counter().take_back(object) },
        }
    }

    pub(crate) fn shrink(&self) {
        self.counter().drain();
        self.slabs.ground().cpu().hold_others(|other| self.counter().drain_other(other));
        self.counter().shrink();
    }

    /// Calls `each` with every object that somebody has, once what cores hold in reserve is put back.
    pub(crate) fn for_each_in_use(&self, each: impl FnMut(ObjectAddr)) {
        self.shrink();
        self.counter().for_each_in_use(each);
    }

    #[inline]
    pub(crate) fn counter(&self) -> Counter<'_, 'a, C, M, &L, &'a [Magazine]> {
        Counter {
            ground: self.slabs.ground(),
            pool: &self.pool,
            seats: self.magazines,
            life: &self.life,
            marks: self.life.marks::<H>(),
            secret: self.slabs.secret(),
            reports: self.slabs.reported(),
        }
    }

    /// An object with what lies behind it.
    const fn sealed(&self, object: NonNull<u8>, turn: Option<Turn>) -> Sealed {
        Sealed { object, size: self.size, slot: self.pool.shape().size(), turn }
    }

    #[inline]
    fn take_mark(&self, object: NonNull<u8>) -> bool {
        // SAFETY: it was just taken out of a magazine.
        unsafe { self.counter().take_mark(object) }
    }

    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, damaged: Option<NonNull<u8>>) -> Result<NonNull<u8>, ObjectError> {
        self.slabs.reported().report_written(damaged);
        match self.counter().alloc::<H>() {
            Err(ObjectError::NoMemory(error)) if error.is_shortage() => {
                self.slabs.shrink();
                self.shrink();
                self.counter().alloc::<H>()
            }
            result => result,
        }
    }
}

/// Its empty slabs go back to the frames. One with an object that was never given back stays as it is, and so does the
/// pool's number.
impl<C: CpuLocal, M: DirectMap, H: Hardening, L: Life> Drop for Objects<'_, C, M, H, L> {
    fn drop(&mut self) {
        self.shrink();
        if self.counter().usage().slabs() == 0 {
            self.slabs.ids().give(self.pool.id());
        }
    }
}
