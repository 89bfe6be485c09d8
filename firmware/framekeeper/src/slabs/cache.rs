//! Objects of one type that are kept as they were made: a constructor runs once for each slot, not for each allocation.

#![expect(unsafe_code, reason = "hands out what lies in slots as what was made there")]

use core::{
    fmt,
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

use super::{
    counter::Life,
    errors::{CacheError, ObjectAddr, ObjectError},
    hardening::{Hardening, Marks, Standard},
    magazine::Magazine,
    memory::DirectMap,
    objects::Slabs,
    report::Usage,
    single::Objects,
    verify::SlabFault,
};
use crate::{cpu::CpuLocal, sync::Mutex};

/// A cache of objects of one type.
///
/// An object is made when its slab is, and dropped when its slab goes back to the frames. Who gets one gets it as the last
/// user left it.
pub struct Cache<'a, T, F, C: CpuLocal, M: DirectMap, H: Hardening = Standard>
where
    F: Fn() -> Option<T>,
{
    name: &'static str,
    objects: Objects<'a, C, M, H, Made<T, F>>,
}

/// Who hands objects out and takes them back.
pub trait Keeper {
    /// What it hands out.
    type Object;

    /// Takes one back.
    ///
    /// # Safety
    ///
    /// It was handed out by this, not given back since, and nobody uses it from here on.
    unsafe fn give_back(&self, object: NonNull<Self::Object>);
}

/// An object of a [`Cache`], which goes back when this is dropped.
pub struct Cached<'c, K: Keeper> {
    keeper: &'c K,
    object: NonNull<K::Object>,
}

/// Objects that were set apart: taking them cannot fail.
pub struct Reserve<'c, K: Keeper, const N: usize> {
    objects: [Option<Cached<'c, K>>; N],
}

/// How objects of a type are made and dropped.
pub(crate) struct Made<T, F> {
    construct: F,
    /// As with a lock: who shares the cache can send objects.
    _object: core::marker::PhantomData<Mutex<T>>,
}

impl<T, F: Fn() -> Option<T>> Life for Made<T, F> {
    #[inline]
    fn marks<H: Hardening>(&self) -> Marks {
        Marks::behind::<H>(size_of::<T>())
    }

    fn begin(&self, object: NonNull<u8>) -> bool {
        let Some(value) = (self.construct)() else { return false };
        // SAFETY: the slot has room for it, is aligned for it, and nobody has it yet.
        unsafe { object.cast::<T>().write(value) };
        true
    }

    fn end(&self, object: NonNull<u8>) {
        // SAFETY: `begin` made it, and nobody has it any more.
        unsafe { object.cast::<T>().drop_in_place() };
    }
}

impl<L: Life> Life for &L {
    fn marks<H: Hardening>(&self) -> Marks {
        (**self).marks::<H>()
    }

    fn begin(&self, object: NonNull<u8>) -> bool {
        (**self).begin(object)
    }

    fn end(&self, object: NonNull<u8>) {
        (**self).end(object);
    }
}

impl<'a, T, F, C, M, H> Cache<'a, T, F, C, M, H>
where
    F: Fn() -> Option<T>,
    C: CpuLocal,
    M: DirectMap,
    H: Hardening,
{
    /// A cache without objects. `construct` makes one, or refuses; it may itself use other caches. There is to be a magazine
    /// for each core, of no other cache.
    ///
    /// # Errors
    ///
    /// The type is larger or aligned to more than slabs are for, or there are too many caches.
    pub fn new(
        slabs: &'a Slabs<'a, C, M, H>,
        name: &'static str,
        magazines: &'a [Magazine],
        construct: F,
    ) -> Result<Self, CacheError> {
        let life = Made { construct, _object: core::marker::PhantomData };
        let slot = life.marks::<H>().end().max(1).next_multiple_of(align_of::<T>());
        Ok(Self { name, objects: Objects::new(slabs, magazines, (size_of::<T>(), slot), life)? })
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// An object.
    ///
    /// # Errors
    ///
    /// [`ObjectError::NoMemory`], and [`ObjectError::Refused`] by the constructor.
    #[inline]
    pub fn alloc(&self) -> Result<Cached<'_, Self>, ObjectError> {
        Ok(Cached { keeper: self, object: self.objects.alloc()?.cast() })
    }

    /// Fills places with objects, as far as there are any; says how many.
    pub fn alloc_bulk<'c>(&'c self, places: &mut [Option<Cached<'c, Self>>]) -> usize {
        let mut filled = 0;
        for place in places {
            let Ok(object) = self.alloc() else { break };
            *place = Some(object);
            filled += 1;
        }
        filled
    }

    /// Sets `N` objects apart.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc); then none are set apart.
    pub fn reserve<const N: usize>(&self) -> Result<Reserve<'_, Self, N>, ObjectError> {
        let mut objects = [const { None }; N];
        for place in &mut objects {
            *place = Some(self.alloc()?);
        }
        Ok(Reserve { objects })
    }

    /// Drops all objects of slabs that nobody has an object of, and gives their frames back.
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

    /// Ends the cache.
    ///
    /// # Errors
    ///
    /// Somebody has objects of it, who got them by [`Cached::into_raw`] or forgot them. These stay what they are, and their
    /// slabs what those are.
    pub fn destroy(self) -> Result<(), CacheError> {
        self.shrink();
        match self.usage().allocated() {
            0 => Ok(()),
            objects => Err(CacheError::InUse { objects }),
        }
    }

    /// Makes an object of what [`Cached::into_raw`] left with the caller.
    ///
    /// # Safety
    ///
    /// It is from this cache, and this is called once for it.
    pub unsafe fn from_raw(&self, object: NonNull<T>) -> Cached<'_, Self> {
        Cached { keeper: self, object }
    }
}

impl<T, F, C, M, H> Keeper for Cache<'_, T, F, C, M, H>
where
    F: Fn() -> Option<T>,
    C: CpuLocal,
    M: DirectMap,
    H: Hardening,
{
    type Object = T;

    #[inline]
    unsafe fn give_back(&self, object: NonNull<T>) {
        // SAFETY: as the caller promises.
        let freed = unsafe { self.objects.give_back(object.cast()) };
        if let Err(misuse) = freed {
            self.objects.counter().reports.report(misuse);
        }
    }
}

impl<T, F, C, M, H> fmt::Debug for Cache<'_, T, F, C, M, H>
where
    F: Fn() -> Option<T>,
    C: CpuLocal,
    M: DirectMap,
    H: Hardening,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'c, K: Keeper> Cached<'c, K> {
    /// Leaves the object with the caller, who gives it back by [`Cache::from_raw`].
    #[must_use]
    pub fn into_raw(self) -> NonNull<K::Object> {
        ManuallyDrop::new(self).object
    }
}

impl<K: Keeper> Deref for Cached<'_, K> {
    type Target = K::Object;

    fn deref(&self) -> &K::Object {
        // SAFETY: it was made when its slab was, and nobody else has it.
        unsafe { self.object.as_ref() }
    }
}

impl<K: Keeper> DerefMut for Cached<'_, K> {
    fn deref_mut(&mut self) -> &mut K::Object {
        // SAFETY: as in `deref`.
        unsafe { self.object.as_mut() }
    }
}

impl<K: Keeper> Drop for Cached<'_, K> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the keeper handed it out, and this is where its use ends.
        unsafe { self.keeper.give_back(self.object) };
    }
}

// SAFETY: it is an object that nobody else has, and where it came from can be used from any core.
unsafe impl<K: Keeper + Sync> Send for Cached<'_, K> where K::Object: Send {}

// SAFETY: by reference it gives a reference to the object only.
unsafe impl<K: Keeper + Sync> Sync for Cached<'_, K> where K::Object: Sync {}

impl<K: Keeper> fmt::Debug for Cached<'_, K>
where
    K::Object: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<'c, K: Keeper, const N: usize> Reserve<'c, K, N> {
    /// One of the objects; none once all were taken.
    pub fn take(&mut self) -> Option<Cached<'c, K>> {
        self.objects.iter_mut().find_map(Option::take)
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.objects.iter().flatten().count()
    }
}

impl<K: Keeper, const N: usize> fmt::Debug for Reserve<'_, K, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").field("left", &self.left()).finish()
    }
}

impl<T, F> fmt::Debug for Made<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made")
    }
}
