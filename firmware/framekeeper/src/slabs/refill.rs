//! The way of objects to a core: what a counter does where a magazine has none left.
//!
//! From the depot if there are any, else out of a slab; and where all slabs are full, out of a new one. The one that is
//! needed is handed out, and a batch behind it goes into the magazine.

#![expect(unsafe_code, reason = "marks the objects of a new slab, and unmarks the one that is handed out")]

use core::ptr::NonNull;

use super::{
    counter::{Counter, Life, Seats},
    errors::ObjectError,
    hardening::{Hardening, Level},
    magazine::Magazine,
    memory::DirectMap,
    pool::Held,
    slab::Slab,
};
use crate::{
    cpu::{Core, CpuLocal},
    planted::{Bug, planted},
};

/// Objects that are taken out of a slab at a time, at most.
const BATCH: u32 = 16;

/// What an attempt yielded.
enum Attempt {
    Got(NonNull<u8>),
    /// Another slab is needed.
    Empty,
    /// The pool is busy, and this is no place to wait.
    Busy,
}

impl<'s, 'a, C: CpuLocal, M: DirectMap, L: Life, S: Seats> Counter<'s, 'a, C, M, L, S> {
    /// Takes an object where the magazine has none.
    #[cold]
    #[inline(never)]
    pub(crate) fn alloc<H: Hardening>(&self) -> Result<NonNull<u8>, ObjectError> {
        loop {
            match self.ground.cpu().pinned(|core| self.attempt::<H>(core)) {
                Attempt::Got(object) => {
                    // SAFETY: it was just taken, and nobody else has it.
                    unsafe { self.secret.unmark(object, self.marks) };
                    return Ok(object);
                }
                Attempt::Empty => self.grow()?,
                Attempt::Busy => return Err(ObjectError::NoMemory(crate::AllocError::Busy)),
            }
        }
    }

    /// Adds a slab.
    pub(crate) fn grow(&self) -> Result<(), ObjectError> {
        let slab = self.ground.build(self.pool).map_err(ObjectError::NoMemory)?;
        let mut unfinished = Unfinished { counter: self, slab, made: 0 };
        while unfinished.made < self.pool.shape().slots() {
            let begin = || self.life.begin(slab.object(self.pool.shape(), unfinished.made));
            if planted(Bug::ConstructedTwice) {
                begin();
            }
            if !begin() {
                return Err(ObjectError::Refused);
            }
            unfinished.made += 1;
        }
        self.mark_all(&slab);
        let add = |mut held: Held<'s, 'a, C, M>| held.add(&slab);
        let added = self.ground.cpu().pinned(|core| self.pool.held(self.ground, core).map(add));
        added.ok_or(ObjectError::NoMemory(crate::AllocError::Busy))?;
        core::mem::forget(unfinished);
        Ok(())
    }

    /// Marks all objects of a new slab, which the caller has: so who gives back what was never handed out is found out.
    fn mark_all(&self, slab: &Slab<'_>) {
        let shape = self.pool.shape();
        for object in (0..shape.slots()).map(|slot| slab.object(shape, slot)) {
            // SAFETY: nobody has it but the caller.
            unsafe { self.secret.mark(object, self.marks) };
        }
    }

    fn attempt<H: Hardening>(&self, core: Option<Core>) -> Attempt {
        let magazine = core.and_then(|core| self.seats.of(core));
        // Somebody may have refilled it since it was seen to be empty.
        if let Some(object) = magazine.and_then(Magazine::next::<H>).filter(|&object| self.is_intact(object))
        {
            return Attempt::Got(object);
        }
        let Some(mut held) = self.pool.held(self.ground, core) else { return Attempt::Busy };
        let wanted = magazine.map_or(1, Magazine::batch).clamp(1, BATCH);
        loop {
            let mut got = self.take_from_depot(&mut held, wanted, magazine);
            if got.is_none() {
                match self.take_from_slab::<H>(&mut held, wanted, magazine) {
                    Some(first) => got = first,
                    // Who cannot wait makes no slab.
                    None if core.is_none() => return Attempt::Busy,
                    None => return Attempt::Empty,
                }
            }
            // None, if all that was taken was damaged.
            if let Some(object) = got {
                return Attempt::Got(object);
            }
        }
    }

    /// Takes objects from the depot, the one that is to be used first, and the others into the magazine.
    fn take_from_depot(
        &self,
        held: &mut Held<'s, 'a, C, M>,
        wanted: u32,
        magazine: Option<&Magazine>,
    ) -> Option<NonNull<u8>> {
        let first = core::iter::from_fn(|| held.stock.depot.pop()).find(|&object| self.is_intact(object))?;
        if planted(Bug::DepotHandsOutTwice) {
            held.stock.depot.push(first);
        }
        for _ in 1..wanted {
            let Some((magazine, object)) = magazine.zip(held.stock.depot.pop()) else { break };
            magazine.push(object);
        }
        Some(first)
    }

    /// Takes objects from a slab, the one that is to be used first, and the others into the magazine.
    fn take_from_slab<H: Hardening>(
        &self,
        held: &mut Held<'s, 'a, C, M>,
        wanted: u32,
        magazine: Option<&Magazine>,
    ) -> Option<Option<NonNull<u8>>> {
        let mut batch: [Option<NonNull<u8>>; BATCH as usize] = [None; BATCH as usize];
        let mut places = batch.iter_mut();
        let count =
            held.take(wanted, |taken| places.next().into_iter().for_each(|place| *place = Some(taken)));
        if count == 0 {
            return None;
        }
        if H::LEVEL >= Level::Paranoid {
            self.shuffle(&mut batch, count);
        }
        // From the last to the first, so that what lies first is used first.
        let mut first = None;
        for &object in batch.iter().rev().flatten() {
            if !self.is_intact(object) {
                continue;
            }
            if let (Some(next), Some(magazine)) = (first.replace(object), magazine) {
                magazine.push(next);
            }
        }
        Some(first)
    }

    /// Makes an order of it that cannot be foreseen without the secret. By the physical address: with the same secret, the
    /// same is handed out wherever memory is mapped.
    fn shuffle(&self, batch: &mut [Option<NonNull<u8>>], count: u32) {
        let first = batch.first().copied().flatten();
        let seed = first.map_or(0, |object| self.ground.memory().address(object).0);
        let mut random = self.secret.0 ^ seed.rotate_left(17);
        for end in (1..count as usize).rev() {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let [.., a, b, c, d] = random.to_le_bytes();
            // By its highest bits: what slabs' addresses differ in does not get down to the lowest.
            batch.swap(end, (u32::from_le_bytes([a, b, c, d]) as usize * (end + 1)) >> 32);
        }
    }
}

/// A slab that nobody knows yet. Dropped, also by a constructor that panics, it goes back with what was made in it.
struct Unfinished<'c, 's, 'a, C: CpuLocal, M: DirectMap, L: Life, S: Seats> {
    counter: &'c Counter<'s, 'a, C, M, L, S>,
    slab: Slab<'s>,
    /// Slots that have an object.
    made: u32,
}

impl<C: CpuLocal, M: DirectMap, L: Life, S: Seats> Drop for Unfinished<'_, '_, '_, C, M, L, S> {
    fn drop(&mut self) {
        let Counter { ground, pool, life, .. } = self.counter;
        (0..self.made).for_each(|slot| life.end(self.slab.object(pool.shape(), slot)));
        ground.dissolve(&self.slab, pool);
    }
}
