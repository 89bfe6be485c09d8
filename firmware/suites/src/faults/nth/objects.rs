//! Calls for objects of caches.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only objects of the cache are given back | the scenario | the slabs, which refuse all else |

#![expect(unsafe_code, reason = "gives objects of a cache by size back")]

use framekeeper::slabs::{
    Cache, CacheError, Hardening, Magazine, ObjectError, Paranoid, Reserve, Slab, Standard,
};

use super::{Ground, Outcome, Path, refused};
use crate::{Machine, Number, Unit, arena::Window};

/// One cache after the other has it, each of which leaves it empty.
static SEAT: [Magazine; 1] = [Magazine::new()];

/// As large as some of a kernel's.
type Object = [u64; 100];

fn made<T>(result: Result<T, CacheError>) -> T {
    match result {
        Ok(made) => made,
        Err(error) => panic!("a cache needs no memory to be made or to end: {error}"),
    }
}

fn no_memory(error: ObjectError) -> Option<framekeeper::Asked> {
    match error {
        ObjectError::NoMemory(error) => refused(error),
        error => panic!("not refused: {error}"),
    }
}

/// What is done with a cache of a type between its beginning and its end.
fn cache<M: Machine, H: Hardening>(
    machine: &M,
    path: Path,
    work: impl Fn(
        &Cache<'_, Object, fn() -> Option<Object>, &super::Refusing<super::OneCore>, Window, H>,
    ) -> Outcome,
) -> u64 {
    let call = |arena: &Ground<'_, '_, H>, (): &mut ()| {
        let construct: fn() -> Option<Object> = || Some([7; 100]);
        let cache = made(Cache::new(arena.slabs(), "refused", &SEAT, construct));
        let outcome = work(&cache);
        assert_eq!((cache.verify(), cache.usage().allocated()), (Ok(()), 0));
        made(cache.destroy());
        outcome
    };
    path.attack(machine, |_| (), call, |_, ()| ())
}

/// One object, many in one call, and a reserve.
fn caches<M: Machine, H: Hardening>(machine: &M) -> u64 {
    let one = cache::<M, H>(machine, Path::many("an object", 2), |cache| {
        let object = cache.alloc().map_err(no_memory)?;
        assert_eq!(*object, [7; 100]);
        Ok(())
    });
    let reserve = cache::<M, H>(machine, Path::many("a reserve", 2), |cache| {
        let reserve: Reserve<'_, _, 60> = cache.reserve().map_err(no_memory)?;
        assert_eq!(reserve.left(), 60);
        Ok(())
    });
    let bulk = cache::<M, H>(machine, Path::many("many objects", 3), |cache| {
        let mut places = [const { None }; 300];
        let filled = cache.alloc_bulk(&mut places);
        assert!(
            places.iter().take(filled).all(Option::is_some)
                && places.iter().skip(filled).all(Option::is_none)
        );
        if filled == places.len() { Ok(()) } else { Err(None) }
    });
    one + reserve + bulk
}

/// Objects of a size of their own.
fn sized<M: Machine, H: Hardening>(machine: &M) -> u64 {
    let call = |arena: &Ground<'_, '_, H>, (): &mut ()| {
        let slab = made(Slab::new(arena.slabs(), &SEAT, 700));
        let result = slab.alloc();
        if let Ok(object) = result {
            // SAFETY: just handed out, and not used.
            assert_eq!(unsafe { slab.free(object) }, Ok(()));
        }
        assert_eq!(slab.verify(), Ok(()));
        result.map(|_| ()).map_err(no_memory)
    };
    Path::many("an object of a size", 2).attack(machine, |_| (), call, |_, ()| ())
}

/// A cache for which frames are refused has what it had, and can go.
pub fn a1_each_request_of_a_cache_is_refused_once<M: Machine>(machine: &M) {
    let value = caches::<M, Standard>(machine) + caches::<M, Paranoid>(machine);
    let value = value + sized::<M, Standard>(machine) + sized::<M, Paranoid>(machine);
    machine.report(&Number::Value {
        name: "requests of caches, each refused",
        unit: Unit::Operations,
        value,
    });
}
