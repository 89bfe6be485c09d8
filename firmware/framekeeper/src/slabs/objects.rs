//! Objects of all sizes up to 8 KiB: a pool for each size class.

#![expect(unsafe_code, reason = "takes back what callers say is theirs, and marks it")]

use core::{alloc::Layout, marker::PhantomData, ptr::NonNull};

use super::{
    class::Class,
    counter::{Bytes, Counter, Reports, Seats, address_of},
    errors::{HasSlabs, Misuse, ObjectAddr, ObjectError},
    ground::{Ground, Place},
    hardening::{Hardening, Level, Marks, Secret, Standard},
    magazine::{Magazine, Magazines},
    memory::DirectMap,
    pool::{Ids, Pool, Pools},
    seal::{SEAL, Sealed},
    sites::{Done, SiteRing, Sites},
    ticket::{Turn, Turns},
};
use crate::{
    allocator::FrameAllocator,
    cpu::{Core, CpuLocal},
    planted::{Bug, planted},
    word::{Owner, PoolId},
};

/// What slabs need to begin with.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a, M> {
    /// Where memory is mapped.
    pub memory: M,
    /// A pool for each size class.
    pub pools: &'a Pools,
    /// For each core its magazines.
    pub magazines: &'a [Magazines],
    /// Whose the frames are.
    pub owner: Owner,
    /// A number that who writes where he should not does not know: best a random one.
    pub secret: u64,
    /// What is told of misuse that is found after the call that did it. It is called with a lock held, and must not call
    /// the allocator.
    pub hook: Option<fn(Misuse)>,
    /// What [`Debug`](super::Debug) notes who did what in.
    pub sites: Option<&'a SiteRing>,
}

/// Objects of all sizes up to [`MAX_SIZE`](super::MAX_SIZE).
///
/// # Example
///
/// For `frames` see [`FrameAllocator`]; `memory` is the kernel's.
///
/// ```
/// # use framekeeper::{CpuLocal, FrameAllocator, Owner, slabs::*};
/// # use core::alloc::Layout;
/// static POOLS: Pools = Pools::new();
/// static MAGAZINES: [Magazines; 8] = [const { Magazines::new() }; 8];
///
/// fn begin<C: CpuLocal, M: DirectMap>(
///     frames: &'static FrameAllocator<'static, C>,
///     memory: M,
///     secret: u64,
/// ) -> Result<Slabs<'static, C, M>, HasSlabs> {
///     let (pools, magazines, owner) = (&POOLS, &MAGAZINES, Owner::new(3));
///     Slabs::new(frames, Setup { memory, pools, magazines, owner, secret, hook: None, sites: None })
/// }
///
/// fn use_it<C: CpuLocal, M: DirectMap>(slabs: &Slabs<'static, C, M>) -> Result<(), ObjectError> {
///     let layout = Layout::new::<[u64; 9]>();
///     let object = slabs.alloc(layout)?;
///     // SAFETY: it was just handed out for this layout, and nobody uses it.
///     assert_eq!(unsafe { slabs.free(object, layout) }, Ok(()));
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Slabs<'a, C, M, H = Standard> {
    ground: Ground<'a, C, M>,
    pools: &'a Pools,
    magazines: &'a [Magazines],
    secret: Secret,
    reports: Reports,
    ids: Ids,
    sites: Option<&'a SiteRing>,
    turns: Turns,
    hardening: PhantomData<H>,
}

/// The magazines of a class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClassSeats<'a> {
    magazines: &'a [Magazines],
    class: Class,
}

impl Seats for ClassSeats<'_> {
    fn of(&self, core: Core) -> Option<&Magazine> {
        self.magazines.get(core.index())?.of(self.class)
    }

    fn count(&self) -> usize {
        self.magazines.len()
    }
}

impl<'a, C: CpuLocal, M: DirectMap, H: Hardening> Slabs<'a, C, M, H> {
    /// Slabs of frames that `frames` hands out. They have none yet.
    ///
    /// The pools and the magazines are to be no other's. As long as there is the frame allocator, there can be no other
    /// slabs of its frames, also once these are dropped: what lies in their slabs then stays theirs.
    ///
    /// # Errors
    ///
    /// The frames have slabs already. Nothing has changed then.
    pub fn new(frames: &'a FrameAllocator<'a, C>, setup: Setup<'a, M>) -> Result<Self, HasSlabs> {
        let Setup { memory, pools, magazines, owner, secret, hook, sites } = setup;
        frames.claim_for_slabs(owner).map_err(|owner| HasSlabs { owner })?;
        pools.reset();
        for class in Class::all() {
            let of_class = magazines.iter().filter_map(|magazines| magazines.of(class));
            of_class.for_each(|magazine| magazine.reset(class.shape().kept()));
        }
        Ok(Self {
            ground: Ground::new(frames, memory, owner),
            pools,
            magazines,
            secret: Secret(secret),
            reports: Reports::new(hook),
            ids: Ids::new(),
            sites,
            turns: Turns::new(),
            hardening: PhantomData,
        })
    }

    /// Memory for an object.
    ///
    /// # Errors
    ///
    /// [`ObjectError::TooLarge`], and [`ObjectError::NoMemory`] when there were no frames even with everything given back
    /// that nobody needs, or the machine [refuses](CpuLocal::admits) them.
    #[inline]
    #[track_caller]
    pub fn alloc(&self, layout: Layout) -> Result<NonNull<u8>, ObjectError> {
        match self.alloc_at_once(layout) {
            Ok(object) => Ok(object),
            Err(damaged) => self.alloc_otherwise(damaged, layout),
        }
    }

    /// An object, where nothing more need be done than to take it. Else an error, with what was found to be damaged: then
    /// [`alloc_otherwise`](Self::alloc_otherwise).
    #[inline]
    pub(crate) fn alloc_at_once(&self, layout: Layout) -> Result<NonNull<u8>, Option<NonNull<u8>>> {
        if H::LEVEL >= Level::Paranoid {
            return Err(None);
        }
        self.take_next(Self::class_of(layout).ok_or(None)?)
    }

    /// Takes an object back, where nothing more need be done than to put it away; else nothing has changed.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    #[inline]
    pub(crate) unsafe fn free_at_once(&self, object: NonNull<u8>, layout: Layout) -> Option<()> {
        if H::LEVEL >= Level::Debug {
            return None;
        }
        // SAFETY: as the caller promises.
        unsafe { self.free_to_magazine(object, layout, None) }
    }

    /// The class that serves this layout; none if it is too large for slabs.
    #[inline]
    #[must_use]
    pub fn class_of(layout: Layout) -> Option<Class> {
        if H::LEVEL < Level::Paranoid {
            return Class::of(layout);
        }
        Class::of(Layout::from_size_align(layout.size().checked_add(SEAL)?, layout.align()).ok()?)
    }

    /// Takes an object back.
    ///
    /// # Errors
    ///
    /// It is none, or not of that size, or free: as far as the hardening level tells. Nothing has changed then.
    ///
    /// # Safety
    ///
    /// If the object was handed out for this layout, nobody uses it from here on.
    #[inline]
    #[track_caller]
    pub unsafe fn free(&self, object: NonNull<u8>, layout: Layout) -> Result<(), Misuse> {
        // SAFETY: as the caller promises.
        match unsafe { self.free_at_once(object, layout) } {
            Some(()) => Ok(()),
            // SAFETY: as the caller promises, and nothing has changed.
            None => unsafe { self.free_otherwise(object, layout, None) },
        }
    }

    /// Where an object was asked for and given back last, if that was noted and is remembered.
    pub fn sites(&self, object: ObjectAddr) -> Sites {
        self.sites.map(|ring| self.ground.cpu().pinned(|_| ring.of(object))).unwrap_or_default()
    }

    #[inline]
    #[track_caller]
    pub(super) fn note(&self, object: NonNull<u8>, done: Done) {
        if H::LEVEL < Level::Debug {
            return;
        }
        if let Some(ring) = self.sites {
            let site = core::panic::Location::caller();
            self.ground.cpu().pinned(|_| ring.note(address_of(object), site, done));
        }
    }

    /// Gives back all frames that no object needs; says whether all cores could be held for it.
    pub fn shrink(&self) -> bool {
        Class::all().for_each(|class| self.counter(class).drain());
        let drain_other = |other| Class::all().for_each(|class| self.counter(class).drain_other(other));
        let all = self.ground.cpu().hold_others(drain_other);
        Class::all().for_each(|class| self.counter(class).shrink());
        self.ground.shrink_store();
        all
    }

    /// How often misuse was found after the call that did it.
    pub fn reports(&self) -> u64 {
        self.reports.count()
    }

    pub(crate) const fn ground(&self) -> &Ground<'a, C, M> {
        &self.ground
    }

    pub(crate) const fn secret(&self) -> Secret {
        self.secret
    }

    pub(crate) const fn reported(&self) -> &Reports {
        &self.reports
    }

    pub(crate) fn pool(&self, class: Class) -> &'a Pool {
        self.pools.of(class)
    }

    /// The turn of the next object that is handed out; none below [`Level::Debug`].
    #[inline]
    pub(super) fn next_turn(&self) -> Option<Turn> {
        (H::LEVEL >= Level::Debug).then(|| self.turns.next())
    }

    pub(crate) const fn ids(&self) -> &Ids {
        &self.ids
    }

    #[inline]
    pub(crate) fn counter(&self, class: Class) -> Counter<'_, 'a, C, M, Bytes, ClassSeats<'a>> {
        Counter {
            ground: &self.ground,
            pool: self.pool(class),
            seats: ClassSeats { magazines: self.magazines, class },
            life: Bytes(class.size()),
            marks: marks::<H>(class),
            secret: self.secret,
            reports: &self.reports,
        }
    }

    /// Takes an object back if nothing is unusual; else nothing has changed.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    #[inline]
    pub(super) unsafe fn free_to_magazine(
        &self,
        object: NonNull<u8>,
        layout: Layout,
        turn: Option<Turn>,
    ) -> Option<()> {
        let class = Self::class_of(layout)?;
        self.ground.place(object).filter(|place| is_at_start::<H>(place, class))?;
        let marks = marks::<H>(class);
        // SAFETY: a slot of the class starts there, which has room for the class's marks.
        if unsafe { self.secret.looks_free(object, marks) } {
            return None;
        }
        let sealed = sealed(object, layout, class, turn);
        // SAFETY: as above, and objects that somebody has are sealed.
        let whole = (H::LEVEL >= Level::Paranoid).then(|| unsafe { sealed.check(self.secret) });
        let whole = whole.transpose().ok()?;
        self.ground.cpu().pinned(|core| {
            let room = self.magazines.get(core?.index())?.of(class)?.room()?;
            // SAFETY: as above, and it was sealed when that was checked.
            if whole.is_some_and(|whole| !unsafe { sealed.break_open(self.secret, whole) }) {
                return None;
            }
            // SAFETY: as above, and the caller does not use it any more.
            unsafe { self.secret.mark(object, marks) };
            room.fill(object);
            Some(())
        })
    }

    /// The object of this core's magazine whose turn it is; else what is in its place and damaged.
    #[inline]
    pub(super) fn take_next(&self, class: Class) -> Result<NonNull<u8>, Option<NonNull<u8>>> {
        let next = self.ground.cpu().pinned(|core| self.magazines.get(core?.index())?.of(class)?.next::<H>());
        next.filter(|&object| self.take_mark(object, class)).ok_or(next)
    }

    #[inline]
    fn take_mark(&self, object: NonNull<u8>, class: Class) -> bool {
        // SAFETY: it was just taken out of a magazine of the class.
        unsafe { self.counter(class).take_mark(object) }
    }
}

/// Whether an object of the class starts at this place, as far as that is checked.
#[inline]
pub(super) fn is_at_start<H: Hardening>(place: &Place, class: Class) -> bool {
    (place.is_in(PoolId::of_class(class.index())) || planted(Bug::WrongPoolAccepted) && place.is_slab())
        && (H::LEVEL == Level::Off || class.shape().slot(place.offset()).is_some())
}

/// An object with what lies behind it.
pub(super) const fn sealed(object: NonNull<u8>, layout: Layout, class: Class, turn: Option<Turn>) -> Sealed {
    Sealed { object, size: layout.size(), slot: class.size(), turn }
}

#[inline]
fn marks<H: Hardening>(class: Class) -> Marks {
    Marks::over::<H>(class.size())
}
