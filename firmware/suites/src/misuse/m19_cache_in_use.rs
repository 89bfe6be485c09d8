//! M19: a cache ends while somebody has objects of it.

use alloc::{format, vec::Vec};

use framekeeper::slabs::{Cache, CacheError, Hardening, ObjectAddr};

use super::{
    cell::{Outcome, Trial, measure},
    promises::Event,
    scene::Scene,
};
use crate::Machine;

struct InUse;

/// A cache ends while somebody has objects of it.
pub fn m19_cache_in_use<M: Machine>(machine: &M) {
    measure::<M, InUse>(machine);
}

impl Trial for InUse {
    const ID: &'static str = "M19";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        match scene.dice.below(4) {
            0 => of_type::<u8, H>(scene, || Some(1)),
            1 => of_type::<[u64; 3], H>(scene, || Some([2; 3])),
            2 => of_type::<[u64; 40], H>(scene, || Some([3; 40])),
            _ => of_type::<[u64; 500], H>(scene, || Some([4; 500])),
        }
    }
}

fn of_type<T, H: Hardening>(scene: &mut Scene<'_, '_, H>, construct: fn() -> Option<T>) -> Outcome {
    let cache = match Cache::new(scene.slabs(), "in use", scene.arena.seats(0), construct) {
        Ok(cache) => cache,
        Err(error) => scene.broken(format_args!("{error}")),
    };
    let (kept, returned) = (scene.dice.below(20), scene.dice.below(20));
    let mut mine = Vec::new();
    for number in 0..kept + returned {
        scene.cpu.go_to(scene.dice.below(2) as u8);
        match cache.alloc() {
            Ok(object) if number < kept => {
                mine.push(ObjectAddr(object.into_raw().as_ptr().addr()));
            }
            Ok(object) => drop(object),
            Err(error) => scene.broken(format_args!("{error}")),
        }
    }
    scene.same(cache.usage().allocated(), kept);
    let mut told = Vec::new();
    cache.for_each_in_use(|object| told.push(object));
    for objects in [&mut mine, &mut told] {
        objects.sort_unstable_by_key(|object| object.0);
    }
    scene.same(told, mine);
    let ended = cache.destroy();
    if kept == 0 {
        scene.same(ended, Ok(()));
        return Outcome::at(Event::Call);
    }
    let error = CacheError::InUse { objects: kept };
    scene.same(ended, Err(error));
    scene.says(&error, &format!("{kept} objects of the cache were never given back"));
    // Its slabs stay what they are.
    scene.keep_cache();
    Outcome::at(Event::Call)
}
