//! A depot: free objects of one size on their way from one core to another.
//!
//! What one core has too many of, another takes from here, a batch at a time under the pool's lock, without a look at the
//! slabs they are of.

use core::ptr::{NonNull, null_mut};

use crate::sync::{AtomicPtr, Ordering::Relaxed};

/// Objects that a depot has at most: two magazines full.
const ROOM: usize = 64;

/// Free objects between cores. Behind the pool's lock: its cells are atomic only to be sent from core to core.
#[derive(Debug)]
pub(crate) struct Depot {
    objects: [AtomicPtr<u8>; ROOM],
    count: usize,
    /// How many it takes, for large objects fewer than it has room for.
    limit: usize,
}

impl Depot {
    /// An empty one, that takes so many objects at most.
    pub(crate) const fn new(limit: u32) -> Self {
        let limit = limit as usize;
        let objects = [const { AtomicPtr::new(null_mut()) }; ROOM];
        Self { objects, count: 0, limit: if limit < ROOM { limit } else { ROOM } }
    }

    /// Takes an object in, if there is room.
    pub(crate) fn push(&mut self, object: NonNull<u8>) -> bool {
        if self.count == self.limit {
            return false;
        }
        let Some(place) = self.objects.get(self.count) else { return false };
        place.store(object.as_ptr(), Relaxed);
        self.count += 1;
        true
    }

    /// Hands the object that came last out.
    pub(crate) fn pop(&mut self) -> Option<NonNull<u8>> {
        let top = self.count.checked_sub(1)?;
        let object = self.objects.get(top)?.load(Relaxed);
        self.count = top;
        NonNull::new(object)
    }

    /// Whether it takes as many objects as [`Self::new`] was told, has no more, and has as many as it says.
    pub(crate) fn is_for(&self, limit: u32) -> bool {
        self.limit == (limit as usize).min(ROOM)
            && self.count <= self.limit
            && self.objects().count() == self.count
    }

    /// How many objects there are and can be, and the objects.
    #[cfg(test)]
    pub(crate) fn memory(&mut self) -> ([&mut usize; 2], &[AtomicPtr<u8>]) {
        let objects = self.objects.get(..self.count).unwrap_or_default();
        ([&mut self.count, &mut self.limit], objects)
    }

    /// How many objects there are.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// The objects in it.
    pub(crate) fn objects(&self) -> impl Iterator<Item = NonNull<u8>> {
        self.objects.iter().take(self.count).filter_map(|object| NonNull::new(object.load(Relaxed)))
    }
}
