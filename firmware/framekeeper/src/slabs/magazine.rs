//! A core's magazine: a short stack of free objects of one size.
//!
//! As with a [cache of frames](crate::CoreCache), only its own core changes it, while it is
//! [pinned](crate::CpuLocal::pinned), or somebody who [holds](crate::CpuLocal::hold_others) that core. Others may look
//! whether an object is in it, at any time.

use core::ptr::NonNull;

use super::{
    class::Class,
    hardening::{Hardening, Level},
};
use crate::{
    planted::{Bug, planted},
    sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release},
};

/// Room for objects. More than are kept: what is freed while the pool's lock is busy stays here. So many that a magazine is
/// 512 bytes, and to find one in a row is a shift.
const ROOM: usize = 62;

/// A core's objects of each size class.
#[derive(Debug)]
pub struct Magazines {
    by_class: [Magazine; Class::COUNT],
}

/// A core's objects of one size.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Magazine {
    count: AtomicU32,
    /// How many objects are kept.
    limit: AtomicU32,
    /// How many were ever given back here.
    freed: AtomicU64,
    objects: [AtomicPtr<u8>; ROOM],
}

impl Magazines {
    /// Empty magazines, which keep nothing until an allocator takes them.
    #[must_use]
    pub const fn new() -> Self {
        Self { by_class: [const { Magazine::new() }; Class::COUNT] }
    }

    /// The magazine for a class.
    #[inline]
    pub(crate) fn of(&self, class: Class) -> Option<&Magazine> {
        self.by_class.get(class.index())
    }
}

impl Default for Magazines {
    fn default() -> Self {
        Self::new()
    }
}

impl Magazine {
    /// An empty magazine, which keeps nothing until an allocator takes it.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            count: AtomicU32::new(0),
            limit: AtomicU32::new(0),
            freed: AtomicU64::new(0),
            objects: [const { AtomicPtr::new(core::ptr::null_mut()) }; ROOM],
        }
    }

    /// Makes it empty, and keep so many objects.
    pub(crate) fn reset(&self, limit: u32) {
        self.count.store(0, Relaxed);
        self.limit.store(limit, Relaxed);
        self.freed.store(0, Relaxed);
    }

    /// Takes the object that came last.
    #[inline]
    pub(crate) fn pop(&self) -> Option<NonNull<u8>> {
        let top = self.count.load(Relaxed).wrapping_sub(1);
        // One check for both: an empty stack has no entry number 2^32 - 1.
        let object = self.objects.get(top as usize)?.load(Relaxed);
        self.count.store(top, Relaxed);
        NonNull::new(object)
    }

    /// Takes the object that came first, if more than half of what is kept is there: so what is given back is not soon
    /// handed out again.
    pub(crate) fn pop_oldest(&self) -> Option<NonNull<u8>> {
        let objects = self.objects.get(..self.count() as usize)?;
        let (first, others) = objects.split_first().filter(|_| self.count() > self.batch())?;
        let object = first.load(Relaxed);
        objects.iter().zip(others).for_each(|(place, next)| place.store(next.load(Relaxed), Relaxed));
        self.count.store(self.count() - 1, Relaxed);
        NonNull::new(object)
    }

    /// Takes the object whose turn it is.
    #[inline]
    pub(crate) fn next<H: Hardening>(&self) -> Option<NonNull<u8>> {
        let is_in_turn = H::LEVEL >= Level::Paranoid && !planted(Bug::QuarantineSkipped);
        if is_in_turn { self.pop_oldest() } else { self.pop() }
    }

    /// Room for an object that is given back, among those that are kept.
    #[inline]
    pub(crate) fn room(&self) -> Option<Room<'_>> {
        let count = self.count.load(Relaxed);
        let place = self.objects.get(count as usize).filter(|_| count < self.limit.load(Relaxed))?;
        Some(Room { magazine: self, place, count })
    }

    /// Puts an object that is given back on top, kept or not, if there is any room at all.
    #[inline]
    pub(crate) fn squeeze_in(&self, object: NonNull<u8>) -> bool {
        let is_in = self.push(object);
        if is_in {
            self.count_freed();
        }
        is_in
    }

    /// Puts an object on top; says whether there was room.
    #[inline]
    pub(crate) fn push(&self, object: NonNull<u8>) -> bool {
        let count = self.count.load(Relaxed);
        let Some(place) = self.objects.get(count as usize) else { return false };
        place.store(object.as_ptr(), Relaxed);
        // Release, pairs with the Acquire in `contains`: who sees the count sees no older object below it.
        self.count.store(count + 1, Release);
        true
    }

    /// Counts an object that was given back and went elsewhere.
    #[inline]
    pub(crate) fn count_freed(&self) {
        self.freed.store(self.freed.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Takes the older half of the objects, one by one.
    pub(crate) fn take_older_half(&self, mut take: impl FnMut(NonNull<u8>)) {
        let count = self.count() as usize;
        let (older, newer) = self.objects.split_at(count.div_ceil(2).min(ROOM));
        let older = older.iter().skip(usize::from(planted(Bug::HandOverLosesOne)));
        older.filter_map(|object| NonNull::new(object.load(Relaxed))).for_each(&mut take);
        let newer = newer.iter().take(count / 2);
        self.objects.iter().zip(newer).for_each(|(place, next)| place.store(next.load(Relaxed), Relaxed));
        self.count.store(self.count() / 2, Relaxed);
    }

    /// Takes all objects, one by one.
    pub(crate) fn take_all(&self, mut take: impl FnMut(NonNull<u8>)) {
        while let Some(object) = self.pop() {
            take(object);
        }
    }

    /// Whether `object` is in it; exact for an object that nobody may put in or take out meanwhile.
    pub(crate) fn contains(&self, object: NonNull<u8>) -> bool {
        let count = self.count.load(Acquire);
        self.objects.iter().take(count as usize).any(|place| place.load(Relaxed) == object.as_ptr())
    }

    /// How often `object` is in it.
    pub(crate) fn times(&self, object: NonNull<u8>) -> usize {
        self.objects().filter(|&other| other == object).count()
    }

    /// Whether it keeps so many objects, and has as many as it says.
    pub(crate) fn is_for(&self, limit: u32) -> bool {
        self.limit.load(Relaxed) == limit && self.objects().count() == self.count() as usize
    }

    /// Its words, how many objects were given back, and its objects.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> ([&AtomicU32; 2], &AtomicU64, &[AtomicPtr<u8>]) {
        let objects = self.objects.get(..self.count() as usize).unwrap_or_default();
        ([&self.count, &self.limit], &self.freed, objects)
    }

    /// The objects in it.
    pub(crate) fn objects(&self) -> impl Iterator<Item = NonNull<u8>> {
        let objects = self.objects.iter().take(self.count() as usize);
        objects.filter_map(|object| NonNull::new(object.load(Relaxed)))
    }

    /// Uses each cell.
    #[cfg(all(test, loom))]
    pub(crate) fn touch(&self) {
        self.freed.load(Relaxed);
        self.limit.load(Relaxed);
        self.count();
        self.objects.iter().for_each(|object| {
            object.load(Relaxed);
        });
    }

    /// How many objects there are.
    #[inline]
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Relaxed)
    }

    /// How many objects are taken from the pool at a time: half of what is kept.
    pub(crate) fn batch(&self) -> u32 {
        self.limit.load(Relaxed).div_ceil(2)
    }

    /// How many objects were given back on this core.
    pub(crate) fn freed(&self) -> u64 {
        self.freed.load(Relaxed)
    }
}

/// Room for an object, until the magazine changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'m> {
    magazine: &'m Magazine,
    place: &'m AtomicPtr<u8>,
    count: u32,
}

impl Room<'_> {
    /// Puts an object there that is given back.
    #[inline]
    pub(crate) fn fill(self, object: NonNull<u8>) {
        self.place.store(object.as_ptr(), Relaxed);
        // Release, as in `push`.
        self.magazine.count.store(self.count + 1, Release);
        self.magazine.count_freed();
    }
}

impl Default for Magazine {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::without_provenance_mut;
    use std::vec::Vec;

    /// An address that nobody looks at.
    fn object(number: usize) -> NonNull<u8> {
        NonNull::new(without_provenance_mut(8 * number)).unwrap()
    }

    fn magazine_for(limit: u32) -> Magazine {
        let magazine = Magazine::new();
        magazine.reset(limit);
        magazine
    }

    #[test]
    fn what_is_given_back_stays_as_far_as_the_magazine_keeps_any() {
        let magazine = magazine_for(5);
        for number in 1..=5 {
            magazine.room().unwrap().fill(object(number));
        }
        assert!(magazine.room().is_none());
        magazine.pop();
        assert!(magazine.room().is_some());
    }

    #[test]
    fn the_oldest_object_is_handed_out_as_long_as_more_than_half_are_there() {
        for (limit, half) in [(4, 2), (5, 3), (32, 16)] {
            let magazine = magazine_for(limit);
            (1..=limit as usize).for_each(|number| assert!(magazine.push(object(number))));
            let handed_out: Vec<_> = core::iter::from_fn(|| magazine.pop_oldest()).take(32).collect();
            assert_eq!(handed_out, (1..=limit as usize - half).map(object).collect::<Vec<_>>());
            assert_eq!(magazine.count() as usize, half);
        }
    }
}
