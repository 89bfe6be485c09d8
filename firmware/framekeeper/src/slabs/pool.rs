//! A pool: all slabs with objects of one size, and the depot in front of them.
//!
//! Slabs with some free slots are in a list, the last one that got one in front; full ones are in none. Those of which
//! all slots are free are in a list of their own. Two of them are kept for the next that is needed; the others go back to
//! the frames, without the lock, since who has objects with a destructor must run that first.
//!
//! | lock | protects | order |
//! |---|---|---|
//! | a pool's | its depot, its lists, and the descriptors of its slabs | before the descriptors' store |

use core::{mem::ManuallyDrop, ptr::NonNull};

use super::{
    class::Class,
    depot::Depot,
    ground::{Ground, Place},
    memory::DirectMap,
    shape::Shape,
    slab::Slab,
};
use crate::{
    cpu::{Core, CpuLocal},
    entry::Entry,
    planted::{Bug, planted},
    sync::{AtomicU64, Mutex, MutexGuard, Ordering::Relaxed},
    word::{PoolId, Slot},
};

/// Slabs of which all slots are free and that are kept.
const EMPTY_KEPT: u64 = 2;

/// All objects of one size.
#[derive(Debug)]
pub(crate) struct Pool {
    id: PoolId,
    shape: Shape,
    stock: Mutex<Stock>,
}

/// A pool's depot and slabs.
#[derive(Debug)]
pub(crate) struct Stock {
    pub(crate) depot: Depot,
    /// The first slab that has both free slots and others.
    pub(crate) partial: Option<Slot>,
    /// The first slab that has only free slots.
    pub(crate) empty: Option<Slot>,
    counts: Counts,
}

/// What a pool has, and what it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Slabs that were made.
    pub(crate) created: u64,
    /// Slabs that were given back.
    pub(crate) destroyed: u64,
    /// Slabs of which all slots are free.
    pub(crate) empty: u64,
    /// Free slots in all slabs.
    pub(crate) free: u64,
    /// Objects that were given back where there was no magazine.
    pub(crate) freed: u64,
}

/// A pool whose lock the holder of this has.
#[derive(Debug)]
pub(crate) struct Held<'p, 'a, C, M> {
    ground: &'p Ground<'a, C, M>,
    pool: &'p Pool,
    pub(crate) stock: MutexGuard<'p, Stock>,
    /// The slab that was found last, and its first frame: objects that are given back together are often neighbours.
    last: Option<(Entry, Slab<'p>)>,
}

/// A pool for each size class. For a `static`: it is too large for a kernel's stack.
#[derive(Debug)]
pub struct Pools {
    /// Without destructors, which some locks have: such cannot be put into an array one by one in a constant.
    by_class: [ManuallyDrop<Pool>; Class::COUNT],
}

/// The numbers that pools have, beside those of the size classes.
#[derive(Debug)]
pub(crate) struct Ids {
    used: [AtomicU64; PoolId::COUNT as usize / 64],
}

/// Why an object was not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No object of the pool is there.
    NoObject,
    /// It is free.
    WasFree,
}

impl Pools {
    /// Pools without slabs.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "an index is below the number of classes")]
    pub const fn new() -> Self {
        let mut by_class = [const { ManuallyDrop::new(Pool::of_class(0)) }; Class::COUNT];
        let mut number = 1;
        while number < Class::COUNT {
            by_class[number] = ManuallyDrop::new(Pool::of_class(number));
            number += 1;
        }
        Self { by_class }
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "an index is below the number of classes")]
    pub(crate) fn of(&self, class: Class) -> &Pool {
        &self.by_class[class.index()]
    }

    /// Forgets all slabs.
    pub(crate) fn reset(&self) {
        self.by_class.iter().for_each(|pool| *pool.stock.lock() = Stock::new(&pool.shape));
    }
}

impl Default for Pools {
    fn default() -> Self {
        Self::new()
    }
}

impl Ids {
    /// All but those of the size classes.
    pub(crate) const fn new() -> Self {
        let mut used = [const { AtomicU64::new(0) }; PoolId::COUNT as usize / 64];
        let [classes, ..] = &mut used;
        *classes = AtomicU64::new(u64::MAX);
        Self { used }
    }

    /// Takes a number, if there is one left.
    pub(crate) fn take(&self) -> Option<PoolId> {
        for (word, first) in self.used.iter().zip((0..).step_by(64)) {
            let mut used = word.load(Relaxed);
            while used != u64::MAX {
                match word.compare_exchange(used, used | (used + 1), Relaxed, Relaxed) {
                    Ok(_) => {
                        let [number, ..] = used.trailing_ones().to_le_bytes();
                        return PoolId::new(first + u16::from(number));
                    }
                    Err(other) => used = other,
                }
            }
        }
        None
    }

    /// Gives a number back.
    pub(crate) fn give(&self, id: PoolId) {
        let word = self.used.get(usize::from(id.number() / 64));
        word.into_iter().for_each(|used| {
            used.fetch_and(!(1 << (id.number() % 64)), Relaxed);
        });
    }
}

impl Pool {
    pub(crate) const fn new(id: PoolId, shape: Shape) -> Self {
        Self { id, shape, stock: Mutex::new(Stock::new(&shape)) }
    }

    const fn of_class(number: usize) -> Self {
        Self::new(PoolId::of_class(number), *Class::new(number).shape())
    }

    #[inline]
    pub(crate) const fn id(&self) -> PoolId {
        self.id
    }

    #[inline]
    pub(crate) const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The pool, once nobody else has it; none where one cannot wait for that.
    pub(crate) fn held<'p, 'a, C: CpuLocal, M: DirectMap>(
        &'p self,
        ground: &'p Ground<'a, C, M>,
        core: Option<Core>,
    ) -> Option<Held<'p, 'a, C, M>> {
        let Some(_) = core else { return self.try_held(ground) };
        Some(Held { ground, pool: self, stock: self.stock.lock(), last: None })
    }

    /// The pool, if nobody else has it.
    pub(crate) fn try_held<'p, 'a, C: CpuLocal, M: DirectMap>(
        &'p self,
        ground: &'p Ground<'a, C, M>,
    ) -> Option<Held<'p, 'a, C, M>> {
        Some(Held { ground, pool: self, stock: self.stock.try_lock()?, last: None })
    }
}

impl Stock {
    const fn new(shape: &Shape) -> Self {
        Self {
            depot: Depot::new(2 * shape.kept()),
            partial: None,
            empty: None,
            counts: Counts { created: 0, destroyed: 0, empty: 0, free: 0, freed: 0 },
        }
    }

    pub(crate) const fn counts(&self) -> Counts {
        self.counts
    }

    #[cfg(test)]
    pub(crate) const fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }

    /// The list that a slab with so many free slots of so many is in; none for one without.
    const fn list(&mut self, free: u32, slots: u32) -> Option<&mut Option<Slot>> {
        match free {
            0 => None,
            all if all == slots => Some(&mut self.empty),
            _ => Some(&mut self.partial),
        }
    }
}

impl<'p, C: CpuLocal, M: DirectMap> Held<'p, '_, C, M> {
    /// Counts an object that is given back where there is no magazine.
    pub(crate) fn count_freed(&mut self) {
        self.stock.counts.freed += 1;
    }

    /// Adds a new slab.
    pub(crate) fn add(&mut self, slab: &Slab<'_>) {
        self.stock.counts.created += 1;
        self.stock.counts.free += u64::from(slab.free_slots());
        self.link(slab);
    }

    /// Takes up to `wanted` slots out of one slab; says how many.
    pub(crate) fn take(&mut self, wanted: u32, taken: impl FnMut(NonNull<u8>)) -> u32 {
        let Some(slab) = self.at(self.stock.partial.or(self.stock.empty)) else { return 0 };
        let count = slab.free_slots().min(wanted);
        self.change(&slab, slab.free_slots() - count, |slab| slab.take(&self.pool.shape, count, taken));
        self.stock.counts.free -= u64::from(count);
        count
    }

    /// Puts an object back into its slab.
    pub(crate) fn give(&mut self, object: NonNull<u8>) -> Result<(), Refusal> {
        let place = self.place(object).ok_or(Refusal::NoObject)?;
        let slab = match self.last {
            Some((head, slab)) if head == place.head() => slab,
            _ => self.ground.slab(place.head(), self.pool).ok_or(Refusal::NoObject)?,
        };
        self.last = Some((place.head(), slab));
        let slot = self.pool.shape.slot(place.offset()).ok_or(Refusal::NoObject)?;
        if slab.is_free(slot) {
            return Err(Refusal::WasFree);
        }
        self.change(&slab, slab.free_slots() + 1, |slab| {
            slab.give(slot + u32::from(planted(Bug::SlotOffByOne)));
        });
        self.stock.counts.free += 1;
        Ok(())
    }

    /// Whether the object is free in its slab.
    pub(crate) fn is_free(&self, object: NonNull<u8>) -> bool {
        self.find(object).is_some_and(|(slab, slot)| slab.is_free(slot))
    }

    /// Whether it is an object of the pool that is not free in its slab.
    pub(crate) fn is_taken(&self, object: NonNull<u8>) -> bool {
        self.find(object).is_some_and(|(slab, slot)| !slab.is_free(slot))
    }

    /// Whether there are more slabs of which all slots are free than are to be kept.
    pub(crate) fn has_surplus(&self) -> bool {
        self.stock.counts.empty > EMPTY_KEPT
    }

    /// Takes a slab of which all slots are free, if there are more of them than are to be kept. The caller has it then.
    pub(crate) fn take_surplus(&mut self) -> Option<Slab<'p>> {
        if self.has_surplus() { self.take_empty() } else { None }
    }

    /// Takes a slab of which all slots are free. The caller has it then.
    pub(crate) fn take_empty(&mut self) -> Option<Slab<'p>> {
        let slab = self.at(self.stock.empty)?;
        self.unlink(&slab);
        self.stock.counts.destroyed += 1;
        self.stock.counts.free -= u64::from(slab.free_slots());
        Some(slab)
    }

    /// The slab that an object lies in, and the object's slot.
    fn find(&self, object: NonNull<u8>) -> Option<(Slab<'p>, u32)> {
        let place = self.place(object)?;
        Some((self.ground.slab(place.head(), self.pool)?, self.pool.shape.slot(place.offset())?))
    }

    /// Where an object is, if that is in a slab of the pool.
    #[inline]
    fn place(&self, object: NonNull<u8>) -> Option<Place> {
        self.ground.place(object).filter(|place| place.is_in(self.pool.id))
    }

    /// Makes a change after which so many slots of a slab are free, and puts it in the list where it belongs then.
    fn change(&mut self, slab: &Slab<'_>, after: u32, change: impl FnOnce(&Slab<'_>)) {
        let slots = self.pool.shape.slots();
        let is_partial = |free: u32| free > 0 && free < slots;
        if is_partial(slab.free_slots()) && is_partial(after) {
            return change(slab);
        }
        self.unlink(slab);
        change(slab);
        self.link(slab);
    }

    /// Puts a slab in front of the list where it belongs.
    fn link(&mut self, slab: &Slab<'_>) {
        let (free, slots) = (slab.free_slots(), self.pool.shape.slots());
        let Some(first) = self.stock.list(free, slots) else { return };
        let next = first.replace(slab.head());
        slab.set_links(next, None);
        if let Some(next) = self.at(next) {
            next.set_before(Some(slab.head()));
        }
        self.stock.counts.empty += u64::from(free == slots);
    }

    /// Takes a slab out of the list that it is in.
    fn unlink(&mut self, slab: &Slab<'_>) {
        let (free, slots) = (slab.free_slots(), self.pool.shape.slots());
        let Some(first) = self.stock.list(free, slots) else { return };
        let (next, before) = (slab.next(), slab.before());
        if before.is_none() {
            *first = next;
        }
        if let Some(before) = self.at(before) {
            before.set_next(next);
        }
        if let Some(next) = self.at(next) {
            next.set_before(before);
        }
        slab.set_links(None, None);
        self.stock.counts.empty -= u64::from(free == slots);
    }

    fn at(&self, slot: Option<Slot>) -> Option<Slab<'p>> {
        self.ground.slab_at(slot?, self.pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_number_that_is_given_back_is_the_next_one_and_no_other_is() {
        let ids = Ids::new();
        let taken: Vec<_> = core::iter::from_fn(|| ids.take()).take(2000).map(PoolId::number).collect();
        assert_eq!(taken, (64..1024).collect::<Vec<_>>());
        for number in [64, 100, 127, 128, 333, 1023] {
            let id = PoolId::new(number).unwrap();
            ids.give(id);
            assert_eq!([ids.take(), ids.take()], [Some(id), None]);
        }
    }
}
