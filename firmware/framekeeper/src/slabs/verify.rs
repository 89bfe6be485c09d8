//! Checking slabs: what the frame map, descriptors, lists, counters, depots and magazines say of each other.
//!
//! This reads the whole map once for each pool that has slabs: it is for tests and for the end of a suite, not for a running kernel. The
//! frames have a [check of their own](crate::FrameAllocator::verify).

use core::ptr::NonNull;

use super::{
    class::Class,
    counter::{Counter, Life, Seats, address_of},
    errors::ObjectAddr,
    hardening::Hardening,
    memory::DirectMap,
    objects::Slabs,
    pool::Held,
    slab::Slab,
};
use crate::{
    addr::PhysAddr,
    cpu::{Core, CpuLocal},
    frame::Frame,
    word::{Kind, PoolId, Slot, Word},
};

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlabFault {
    /// A slab's descriptor says what cannot be, or is not where the map says.
    Descriptor {
        /// The pool.
        pool: PoolId,
        /// The slab.
        slab: PhysAddr,
    },
    /// A list of slabs does not lead to just those that belong there.
    List {
        /// The pool.
        pool: PoolId,
    },
    /// A counter or a limit is wrong.
    Count {
        /// The pool.
        pool: PoolId,
    },
    /// What lies in a magazine or a depot is no free object of the pool, or lies there twice.
    Object {
        /// The pool.
        pool: PoolId,
        /// What lies there.
        object: ObjectAddr,
    },
    /// Somebody wrote to an object after it was given back.
    Written {
        /// The pool.
        pool: PoolId,
        /// The object.
        object: ObjectAddr,
    },
    /// The memory of descriptors is not what its lists and counters say, or there are not as many slabs as are counted.
    Store,
    /// Somebody is inside, against the condition.
    Busy {
        /// The pool.
        pool: PoolId,
    },
}

impl core::fmt::Display for SlabFault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the slabs are damaged: {self:?}")
    }
}

impl core::error::Error for SlabFault {}

impl<C: CpuLocal, M: DirectMap, H: Hardening> Slabs<'_, C, M, H> {
    /// Checks the size classes and changes nothing, while no core is inside the allocator.
    ///
    /// # Errors
    ///
    /// The first fault that is found.
    pub fn verify(&self) -> Result<(), SlabFault> {
        let found = self.found_in_map();
        self.verify_store(&found)?;
        Class::all().zip(found.classes).try_for_each(|(class, frames)| match frames {
            0 => self.counter(class).verify_without_slabs(),
            _ => self.counter(class).verify(),
        })
    }

    fn found_in_map(&self) -> Found {
        let mut found = Found { slabs: 0, frames: 0, classes: [0; Class::COUNT] };
        for area in self.ground().frames().map().each_area().filter(|area| !area.is_hole()) {
            let slabs = area.frames().map(|(_, word, _)| word).filter(|word| word.kind() == Kind::Slab);
            slabs.for_each(|word| found.add(word));
        }
        found
    }

    fn verify_store(&self, found: &Found) -> Result<(), SlabFault> {
        let ground = self.ground();
        ground.cpu().pinned(|_| {
            let store = ground.try_store().ok_or(SlabFault::Store)?;
            let counted = (store.live(), ground.slab_frames());
            let is_right = counted == (found.slabs, found.frames)
                && store.is_right(ground.memory(), &|chunk| ground.chunk_size(chunk));
            if is_right { Ok(()) } else { Err(SlabFault::Store) }
        })
    }
}

/// What the map has of all pools.
struct Found {
    /// Slabs, those of caches too.
    slabs: u64,
    /// Frames of those.
    frames: u64,
    /// Frames of each class.
    classes: [u64; Class::COUNT],
}

impl Found {
    /// Counts a word of a slab.
    fn add(&mut self, word: Word) {
        self.slabs += u64::from(word.page() == 0);
        self.frames += 1;
        let of_class = self.classes.get_mut(usize::from(word.pool().number()));
        of_class.into_iter().for_each(|frames| *frames += 1);
    }
}

/// Slabs of a pool, as the map has them.
#[derive(Default, PartialEq, Eq)]
struct Census {
    all: u64,
    partial: u64,
    empty: u64,
    free: u64,
}

impl<C: CpuLocal, M: DirectMap, L: Life, S: Seats> Counter<'_, '_, C, M, L, S> {
    pub(super) fn verify(&self) -> Result<(), SlabFault> {
        self.verify_with(Self::census)
    }

    /// As [`verify`](Self::verify), where the map is known to have no slab of the pool.
    fn verify_without_slabs(&self) -> Result<(), SlabFault> {
        self.verify_with(|_| Ok(Census::default()))
    }

    fn verify_with(&self, census: impl FnOnce(&Self) -> Result<Census, SlabFault>) -> Result<(), SlabFault> {
        self.ground.cpu().pinned(|_| {
            let held = self.pool.try_held(self.ground).ok_or(SlabFault::Busy { pool: self.pool.id() })?;
            let census = census(self)?;
            self.verify_lists(&held, &census)?;
            self.verify_counts(&held, &census)?;
            self.verify_free_objects(&held)
        })
    }

    /// Each slab by itself.
    fn census(&self) -> Result<Census, SlabFault> {
        let mut census = Census::default();
        for area in self.ground.frames().map().each_area().filter(|area| !area.is_hole()) {
            let mut frames = area.frames().filter(|(_, word, _)| word.is_slab_of(self.pool.id()));
            frames.try_for_each(|(frame, word, _)| self.add_to_census(frame, word, &mut census))?;
        }
        Ok(census)
    }

    /// Where the words lead is only looked at once all of them are right: they have a parity, and no flipped bit gets past.
    fn add_to_census(&self, frame: Frame, word: Word, census: &mut Census) -> Result<(), SlabFault> {
        let (map, pool, shape) = (self.ground.frames().map(), self.pool.id(), self.pool.shape());
        let fault = SlabFault::Descriptor { pool, slab: frame.start() };
        if u64::from(word.page()) >= shape.order().frames() {
            return Err(fault);
        }
        if word.page() > 0 {
            return Ok(());
        }
        let is_whole = (0..shape.order().frames()).zip(0..).all(|(offset, page)| {
            let word = map.word(frame.plus(offset));
            word.is_page_of(pool, page) && word.is_sound()
        });
        let head = map.find(frame).map(|(entry, _)| entry).filter(|_| is_whole);
        let head = head.filter(|&head| self.ground.has_descriptor(head, self.pool)).ok_or(fault)?;
        let slab = self.ground.slab(head, self.pool).ok_or(fault)?;
        if !slab.is_consistent(pool, shape) {
            return Err(fault);
        }
        self.verify_marks(&slab)?;
        census.add(slab.free_slots(), shape.slots());
        Ok(())
    }

    /// What is free in a slab is as it was left.
    fn verify_marks(&self, slab: &Slab<'_>) -> Result<(), SlabFault> {
        let free = (0..self.pool.shape().slots()).filter(|&slot| slab.is_free(slot));
        let mut objects = free.map(|slot| slab.object(self.pool.shape(), slot));
        match objects.find(|&object| !self.is_as_left(object)) {
            Some(object) => Err(SlabFault::Written { pool: self.pool.id(), object: address_of(object) }),
            None => Ok(()),
        }
    }

    fn verify_lists(&self, held: &Held<'_, '_, C, M>, census: &Census) -> Result<(), SlabFault> {
        let slots = self.pool.shape().slots();
        let partial = |slab: &Slab<'_>| (1..slots).contains(&slab.free_slots());
        let empty = |slab: &Slab<'_>| slab.free_slots() == slots;
        let partials = self.listed(held.stock.partial, partial);
        let empties = self.listed(held.stock.empty, empty);
        let is_right = partials == Some(census.partial) && empties == Some(census.empty);
        if is_right { Ok(()) } else { Err(SlabFault::List { pool: self.pool.id() }) }
    }

    /// How many slabs a list has, if each belongs there. One that leads back into itself ends where it does: a slab says of
    /// one that it comes before it.
    fn listed(&self, first: Option<Slot>, belongs: impl Fn(&Slab<'_>) -> bool) -> Option<u64> {
        let (mut next, mut before, mut count) = (first, None, 0);
        while let Some(slot) = next {
            let slab = self.ground.slab_at(slot, self.pool).filter(|slab| belongs(slab))?;
            if slab.before() != before {
                return None;
            }
            (next, before) = (slab.next(), Some(slot));
            count += 1;
        }
        Some(count)
    }

    fn verify_counts(&self, held: &Held<'_, '_, C, M>, census: &Census) -> Result<(), SlabFault> {
        let counts = held.stock.counts();
        let kept = self.pool.shape().kept();
        let cores = (0..=u8::MAX).take(self.seats.count()).map(Core::new);
        let limits = cores.filter_map(|core| self.seats.of(core)).all(|magazine| magazine.is_for(kept));
        let is_right = counts.created.wrapping_sub(counts.destroyed) == census.all
            && (counts.free, counts.empty) == (census.free, census.empty)
            && held.stock.depot.is_for(2 * kept)
            && limits;
        if is_right { Ok(()) } else { Err(SlabFault::Count { pool: self.pool.id() }) }
    }

    /// What lies in magazines and the depot is free, and nowhere else.
    fn verify_free_objects(&self, held: &Held<'_, '_, C, M>) -> Result<(), SlabFault> {
        let cores = || (0..=u8::MAX).take(self.seats.count()).map(Core::new);
        let magazines = || cores().filter_map(|core| self.seats.of(core));
        let in_magazines = |object| magazines().map(|magazine| magazine.times(object)).sum::<usize>();
        let in_depot = |object| held.stock.depot.objects().filter(|&other| other == object).count();
        let check = |object: NonNull<u8>| {
            let (pool, at) = (self.pool.id(), address_of(object));
            let is_once = in_magazines(object) + in_depot(object) == 1;
            if !is_once || !held.is_taken(object) {
                return Err(SlabFault::Object { pool, object: at });
            }
            if self.is_as_left(object) { Ok(()) } else { Err(SlabFault::Written { pool, object: at }) }
        };
        held.stock.depot.objects().try_for_each(check)?;
        cores()
            .filter_map(|core| self.seats.of(core))
            .try_for_each(|magazine| magazine.objects().try_for_each(check))
    }
}

impl Census {
    fn add(&mut self, free: u32, slots: u32) {
        self.all += 1;
        self.free += u64::from(free);
        self.partial += u64::from((1..slots).contains(&free));
        self.empty += u64::from(free == slots);
    }
}
