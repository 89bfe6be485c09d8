//! The counter of a pool, in the sense of a shop's: objects pass over it between a core's magazine, the depot and the
//! slabs. All of this is off the hot path. The first line below is in [`refill`](super::refill).
//!
//! ```text
//! magazine ◄─ a batch ─ depot ◄─ slabs ◄─ a new slab ◄─ frames
//! magazine ─ its older half ─► depot ─► slabs ─► slabs that are empty ─► frames
//! ```

#![expect(unsafe_code, reason = "marks free objects")]

use core::ptr::NonNull;

use super::{
    errors::{FreeIn, Misuse, ObjectAddr},
    ground::Ground,
    hardening::{Hardening, Marks, Secret},
    magazine::Magazine,
    memory::DirectMap,
    pool::{Held, Pool, Refusal},
    seal::{Broken, Sealed},
    slab::Slab,
};
use crate::{
    cpu::{Core, CpuLocal},
    planted::{Bug, planted},
    sync::{AtomicU64, Ordering::Relaxed},
};

/// What happens to memory when it becomes an object, and when it is none any more.
pub(crate) trait Life {
    /// Where free objects are marked.
    fn marks<H: Hardening>(&self) -> Marks;

    /// Makes the object; says whether that could be done.
    fn begin(&self, object: NonNull<u8>) -> bool;

    /// Takes it apart.
    fn end(&self, object: NonNull<u8>);
}

/// Objects that are bytes: so many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes(pub(crate) usize);

impl Life for Bytes {
    #[inline]
    fn marks<H: Hardening>(&self) -> Marks {
        Marks::over::<H>(self.0)
    }

    fn begin(&self, _: NonNull<u8>) -> bool {
        true
    }

    fn end(&self, _: NonNull<u8>) {}
}

/// Where the magazines of a pool are.
pub(crate) trait Seats {
    /// The magazine of a core, if it has one.
    fn of(&self, core: Core) -> Option<&Magazine>;

    /// How many cores have one.
    fn count(&self) -> usize;
}

/// What was found out after the call that did it.
#[derive(Debug)]
pub(crate) struct Reports {
    count: AtomicU64,
    hook: Option<fn(Misuse)>,
}

impl Reports {
    pub(crate) const fn new(hook: Option<fn(Misuse)>) -> Self {
        Self { count: AtomicU64::new(0), hook }
    }

    #[cold]
    pub(crate) fn report(&self, misuse: Misuse) {
        self.count.fetch_add(1, Relaxed);
        if let Some(hook) = self.hook {
            hook(misuse);
        }
    }

    /// Reports that somebody wrote to an object that was free, if there is one.
    pub(crate) fn report_written(&self, object: Option<NonNull<u8>>) {
        if let Some(object) = object {
            self.report(Misuse::WrittenAfterFree { address: address_of(object) });
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }
}

/// A pool with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Counter<'s, 'a, C, M, L, S> {
    pub(crate) ground: &'s Ground<'a, C, M>,
    pub(crate) pool: &'s Pool,
    pub(crate) seats: S,
    pub(crate) life: L,
    pub(crate) marks: Marks,
    pub(crate) secret: Secret,
    pub(crate) reports: &'s Reports,
}

impl<'s, 'a, C: CpuLocal, M: DirectMap, L: Life, S: Seats> Counter<'s, 'a, C, M, L, S> {
    /// An error for what is free already.
    ///
    /// # Safety
    ///
    /// A slot of the pool starts there.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn refuse_free(&self, object: NonNull<u8>) -> Result<(), Misuse> {
        // SAFETY: as the caller promises.
        if unsafe { self.secret.looks_free(object, self.marks) }
            && let Some(found) = self.find_free(object)
        {
            return Err(Misuse::DoubleFree { address: address_of(object), found });
        }
        Ok(())
    }

    /// As [`take_back`](Self::take_back), of an object whose seal is whole: of all who give it back at the same time, one
    /// does. One that is not taken back is sealed again.
    ///
    /// # Safety
    ///
    /// As for [`take_back`](Self::take_back), and it was sealed.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn take_back_sealed(&self, sealed: Sealed) -> Result<(), Misuse> {
        // SAFETY: as the caller promises.
        let whole = match unsafe { sealed.check(self.secret) } {
            Ok(whole) => Some(whole),
            Err(Broken::ByFree) => None,
            Err(Broken::Otherwise(misuse)) => return Err(misuse),
        };
        // SAFETY: as above.
        let broken = whole.filter(|&whole| unsafe { sealed.break_open(self.secret, whole) });
        let Some(whole) = broken else {
            let found = self.find_free(sealed.object).unwrap_or(FreeIn::Hands);
            return Err(Misuse::DoubleFree { address: address_of(sealed.object), found });
        };
        // SAFETY: as the caller promises.
        let taken = unsafe { self.take_back(sealed.object) };
        if taken.is_err() {
            // SAFETY: it is still the caller's, and only its seal was broken.
            unsafe { sealed.mend(whole) };
        }
        taken
    }

    /// Takes an object back for which the magazine may have no room.
    ///
    /// # Safety
    ///
    /// A slot of the pool starts there, and nobody uses it.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn take_back(&self, object: NonNull<u8>) -> Result<(), Misuse> {
        let mark = || {
            // SAFETY: as the caller promises.
            unsafe { self.secret.mark(object, self.marks) }
        };
        let has_surplus = self.ground.cpu().pinned(|core| {
            let Some(magazine) = core.and_then(|core| self.seats.of(core)) else {
                return self.free_without_magazine(object, core, mark);
            };
            mark();
            let held = self.pool.try_held(self.ground);
            if held.is_none() && magazine.squeeze_in(object) {
                return Ok(false);
            }
            // Only where the lock was busy at each of many frees in a row, so that there is no room at all, is it waited for.
            let held = held.or_else(|| self.pool.held(self.ground, core));
            let has_surplus = held.is_some_and(|mut held| {
                magazine.take_older_half(|object| self.put_away(&mut held, object));
                held.has_surplus()
            });
            magazine.squeeze_in(object);
            Ok(has_surplus)
        })?;
        if has_surplus {
            self.dissolve_each(Held::take_surplus);
        }
        Ok(())
    }

    /// Where a free object lies; none if it is not free.
    #[cold]
    #[inline(never)]
    pub(crate) fn find_free(&self, object: NonNull<u8>) -> Option<FreeIn> {
        let cores = (0..=u8::MAX).take(self.seats.count()).map(Core::new);
        let has = |core: &Core| self.seats.of(*core).is_some_and(|magazine| magazine.contains(object));
        if let Some(core) = cores.into_iter().find(has) {
            return Some(FreeIn::Magazine(core));
        }
        self.ground.cpu().pinned(|_| {
            // If that is busy, the slab finds out later.
            let held = self.pool.try_held(self.ground)?;
            if held.stock.depot.objects().any(|free| free == object) {
                return Some(FreeIn::Depot);
            }
            held.is_free(object).then_some(FreeIn::Slab)
        })
    }

    /// Puts all of this core's objects back into the slabs.
    pub(crate) fn drain(&self) {
        self.ground.cpu().pinned(|core| {
            core.into_iter().for_each(|own| self.empty(own, core));
        });
    }

    /// Puts all of another core's objects, which the caller holds, back into the slabs.
    pub(crate) fn drain_other(&self, other: Core) {
        self.ground.cpu().pinned(|core| self.empty(other, core));
    }

    fn empty(&self, core: Core, caller: Option<Core>) {
        let Some(magazine) = self.seats.of(core).filter(|magazine| magazine.count() > 0) else { return };
        if let Some(mut held) = self.pool.held(self.ground, caller) {
            magazine.take_all(|object| self.give(&mut held, object));
        }
    }

    /// Gives back all that is in the depot, and all slabs that are empty.
    pub(crate) fn shrink(&self) {
        self.ground.cpu().pinned(|core| {
            let Some(mut held) = self.pool.held(self.ground, core) else { return };
            while let Some(object) = held.stock.depot.pop() {
                self.give(&mut held, object);
            }
        });
        self.dissolve_each(Held::take_empty);
    }

    /// Uses each cell that several cores may use.
    #[cfg(all(test, loom))]
    pub(crate) fn touch(&self) {
        let cores = (0..=u8::MAX).take(self.seats.count()).map(Core::new);
        cores.filter_map(|core| self.seats.of(core)).for_each(Magazine::touch);
        self.ground.cpu().pinned(|core| drop(self.pool.held(self.ground, core)));
        drop(self.ground.try_store());
        self.reports.count();
    }

    /// Makes an object that was free one that is not, if it is as it was left; says whether it is.
    ///
    /// # Safety
    ///
    /// It was just taken out of a magazine of the pool.
    #[inline]
    pub(crate) unsafe fn take_mark(&self, object: NonNull<u8>) -> bool {
        // SAFETY: as the caller promises; and all that lies in magazines is marked.
        let is_marked = unsafe { self.secret.is_marked(object, self.marks) };
        if is_marked {
            // SAFETY: as above.
            unsafe { self.secret.unmark(object, self.marks) };
        }
        is_marked
    }

    /// Whether a free object is as it was left.
    pub(crate) fn is_as_left(&self, object: NonNull<u8>) -> bool {
        // SAFETY: it is from where free objects lie, and all of these are marked.
        unsafe { self.secret.is_marked(object, self.marks) }
    }

    /// Whether nobody wrote to a free object that was just taken; if somebody did, that is told.
    pub(super) fn is_intact(&self, object: NonNull<u8>) -> bool {
        let is_intact = self.is_as_left(object);
        self.reports.report_written((!is_intact).then_some(object));
        is_intact
    }

    fn free_without_magazine(
        &self,
        object: NonNull<u8>,
        core: Option<Core>,
        mark: impl FnOnce(),
    ) -> Result<bool, Misuse> {
        let busy = Misuse::Busy { address: address_of(object) };
        let mut held = self.pool.held(self.ground, core).ok_or(busy)?;
        mark();
        if !planted(Bug::RemoteFreeLost) {
            self.put_away(&mut held, object);
        }
        held.count_freed();
        Ok(held.has_surplus())
    }

    fn put_away(&self, held: &mut Held<'s, 'a, C, M>, object: NonNull<u8>) {
        if !held.stock.depot.push(object) {
            self.give(held, object);
        }
    }

    fn give(&self, held: &mut Held<'s, 'a, C, M>, object: NonNull<u8>) {
        let address = address_of(object);
        match held.give(object) {
            Ok(()) => {}
            Err(Refusal::WasFree) => self.reports.report(Misuse::DoubleFree { address, found: FreeIn::Slab }),
            Err(Refusal::NoObject) => self.reports.report(Misuse::NotStart { address, object: None }),
        }
    }

    fn dissolve_each(&self, take: impl Fn(&mut Held<'s, 'a, C, M>) -> Option<Slab<'s>>) {
        if planted(Bug::EmptiesKept) {
            return;
        }
        // Not where one cannot wait: who takes a slab out must come back with it.
        let next = || {
            let take = |core| take(&mut self.pool.held(self.ground, Some(core))?);
            self.ground.cpu().pinned(|core| take(core?))
        };
        while let Some(slab) = next() {
            self.end(&slab);
        }
    }

    /// Takes the objects of a slab apart, which the caller has, and gives its memory back.
    fn end(&self, slab: &Slab<'_>) {
        let shape = self.pool.shape();
        let slots = shape.slots() - u32::from(planted(Bug::NotDropped));
        (0..slots).for_each(|slot| self.life.end(slab.object(shape, slot)));
        self.ground.dissolve(slab, self.pool);
    }
}

/// An object's address, to be shown.
pub(crate) fn address_of(object: NonNull<u8>) -> ObjectAddr {
    ObjectAddr(object.as_ptr().addr())
}
