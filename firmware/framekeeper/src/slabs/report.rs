//! Seeing inside, without allocating: what pools have, in numbers and as text.

use core::fmt;

use super::{
    class::Class,
    counter::{Counter, Life, Seats},
    hardening::Hardening,
    memory::DirectMap,
    objects::Slabs,
};
use crate::cpu::{Core, CpuLocal};

/// What a pool has, and what it did. Other cores go on meanwhile: where they move objects just now, some may be counted
/// twice or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of an object.
    pub object_size: usize,
    /// Bytes of a slab.
    pub slab_size: u64,
    /// Objects that a slab has room for.
    pub per_slab: u64,
    /// Slabs that were ever made.
    pub created: u64,
    /// Slabs whose frames were given back.
    pub destroyed: u64,
    /// Free objects in slabs.
    pub in_slabs: u64,
    /// Free objects between cores.
    pub in_depot: u64,
    /// Free objects in the magazines of cores.
    pub in_magazines: u64,
    /// Objects that were ever given back.
    pub freed: u64,
}

impl Usage {
    /// How many slabs there are.
    #[must_use]
    pub const fn slabs(&self) -> u64 {
        self.created.wrapping_sub(self.destroyed)
    }

    /// How many objects there are, free or not.
    #[must_use]
    pub const fn objects(&self) -> u64 {
        self.slabs() * self.per_slab
    }

    /// How many objects are free.
    #[must_use]
    pub const fn available(&self) -> u64 {
        self.in_slabs + self.in_depot + self.in_magazines
    }

    /// How many objects somebody has.
    #[must_use]
    pub const fn allocated(&self) -> u64 {
        self.objects().saturating_sub(self.available())
    }

    /// How many objects were ever handed out.
    #[must_use]
    pub const fn handed_out(&self) -> u64 {
        self.freed + self.allocated()
    }

    /// Bytes of all slabs.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.slabs() * self.slab_size
    }
}

/// The header of [`Usage`]'s lines.
pub const USAGE_HEADER: &str = "  size   in use     free    slabs  each   created destroyed     freed";

/// A line, below [`USAGE_HEADER`].
impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, used, free, slabs) = (self.object_size, self.allocated(), self.available(), self.slabs());
        write!(f, "{size:>6} {used:>8} {free:>8} {slabs:>8} {:>5}", self.per_slab)?;
        write!(f, " {:>9} {:>9} {:>9}", self.created, self.destroyed, self.freed)
    }
}

/// What all size classes have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlabReport {
    classes: [Usage; Class::COUNT],
    metadata: u64,
}

impl SlabReport {
    /// What a class has.
    #[must_use]
    pub fn of(&self, class: Class) -> Usage {
        self.classes.get(class.index()).copied().unwrap_or_default()
    }

    /// Bytes of frames that slabs of the classes lie in.
    #[must_use]
    pub fn slab_bytes(&self) -> u64 {
        self.classes.iter().map(Usage::bytes).sum()
    }

    /// Bytes of frames that descriptors lie in, those of all caches.
    #[must_use]
    pub const fn metadata_bytes(&self) -> u64 {
        self.metadata
    }

    /// Objects that somebody has.
    #[must_use]
    pub fn allocated(&self) -> u64 {
        self.classes.iter().map(Usage::allocated).sum()
    }
}

/// Like Linux's `/proc/slabinfo`: a line for each class that ever had a slab.
impl fmt::Display for SlabReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{USAGE_HEADER}")?;
        self.classes.iter().filter(|usage| usage.created > 0).try_for_each(|usage| writeln!(f, "{usage}"))?;
        writeln!(f, "slabs {} KiB, descriptors {} KiB", self.slab_bytes() >> 10, self.metadata >> 10)
    }
}

impl<C: CpuLocal, M: DirectMap, H: Hardening> Slabs<'_, C, M, H> {
    /// What the size classes have.
    pub fn report(&self) -> SlabReport {
        let mut report =
            SlabReport { classes: [Usage::default(); Class::COUNT], metadata: self.ground().store_bytes() };
        for (class, usage) in Class::all().zip(&mut report.classes) {
            *usage = self.counter(class).usage();
        }
        report
    }
}

impl<C: CpuLocal, M: DirectMap, L: Life, S: Seats> Counter<'_, '_, C, M, L, S> {
    /// What the pool has.
    pub(crate) fn usage(&self) -> Usage {
        let shape = self.pool.shape();
        let mut usage = Usage {
            object_size: shape.size(),
            slab_size: shape.order().bytes(),
            per_slab: shape.slots().into(),
            ..Usage::default()
        };
        self.ground.cpu().pinned(|core| {
            let Some(held) = self.pool.held(self.ground, core) else { return };
            let counts = held.stock.counts();
            (usage.created, usage.destroyed) = (counts.created, counts.destroyed);
            (usage.in_slabs, usage.in_depot) = (counts.free, held.stock.depot.count() as u64);
            usage.freed = counts.freed;
        });
        let cores = (0..=u8::MAX).take(self.seats.count()).map(Core::new);
        for magazine in cores.filter_map(|core| self.seats.of(core)) {
            usage.in_magazines += u64::from(magazine.count());
            usage.freed += magazine.freed();
        }
        usage
    }
}
