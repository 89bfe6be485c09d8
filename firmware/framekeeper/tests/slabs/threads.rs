//! Threads as cores: objects that one takes and another gives back, and races of two that give back the same.

use crate::{
    ground::Dice,
    machine::{
        Machine, Object, Objects,
        cores::{in_handler, on_core},
        free, free_ticket, free_to,
    },
};
use framekeeper::{
    AllocError,
    slabs::{Class, Debug, Hardening, Misuse, ObjectError, Off, Paranoid, Slab, Standard},
};
use std::{
    alloc::Layout,
    collections::HashSet,
    hint,
    sync::{
        Mutex,
        atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering},
    },
    thread,
};

/// What a run does; less under Miri, which is hundreds of times slower.
const OPERATIONS: u32 = if cfg!(miri) { 40 } else { 30_000 };
const PASSES: u64 = if cfg!(miri) { 20 } else { 20_000 };
const RACES: u64 = 3_000;

/// Caches that each of two threads makes, nearly all that there can be, and how often.
const CACHES: usize = if cfg!(miri) { 3 } else { 450 };
const ROUNDS: usize = if cfg!(miri) { 2 } else { 30 };

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

/// Waits for another thread, which on a machine with one core has to get its turn for that.
fn until(condition: impl Fn() -> bool) {
    for tries in 1_u32.. {
        if condition() {
            return;
        }
        if tries.is_multiple_of(64) { thread::yield_now() } else { hint::spin_loop() }
    }
}

/// Each thread swaps objects with a table that all share: what one took, any may give back.
fn swap_with_all<H: Hardening>(slabs: &Objects<'_, H>, table: &[Mutex<Option<Object>>], seed: u64) -> u32 {
    let (mut dice, mut failed) = (Dice::new(seed), 0);
    for number in 0..OPERATIONS {
        let most = 1 << dice.below(13);
        let size = 1 + dice.below(most) as usize;
        let layout = bytes(size.min(8000));
        let object = match slabs.alloc(layout) {
            Ok(start) => Some(Object::new(start, layout, number as u8)),
            Err(_) => {
                failed += 1;
                None
            }
        };
        let place = &table[dice.below(table.len() as u64) as usize];
        let other = std::mem::replace(&mut *place.lock().unwrap(), object);
        if let Some(Object { start, layout, .. }) = other.map(Object::checked) {
            free(slabs, start, layout).unwrap();
        }
    }
    failed
}

fn larson<H: Hardening>(frames: u64, cores: u8) -> u32 {
    let mut failed = 0;
    Machine::new(frames, cores).run::<H>(|_, slabs| {
        let places = if cfg!(miri) { 12 } else { 256 };
        let table: Vec<_> = (0..places).map(|_| Mutex::new(None::<Object>)).collect();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..cores)
                .map(|core| {
                    let table = &table;
                    scope.spawn(move || {
                        on_core(core);
                        swap_with_all(slabs, table, core.into())
                    })
                })
                .collect();
            failed = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        });
        for object in table.into_iter().filter_map(|place| place.into_inner().unwrap()) {
            free(slabs, object.start, object.layout).unwrap();
        }
        assert_eq!((slabs.report().allocated(), slabs.reports()), (0, 0));
    });
    failed
}

#[test]
fn r002_12_what_one_thread_took_another_gives_back() {
    larson::<Off>(2048, 2);
    larson::<Standard>(2048, 4);
    larson::<Paranoid>(2048, 3);
}

/// All cores are held again and again, to have what lies in their magazines.
#[test]
#[cfg_attr(miri, ignore = "too many objects")]
fn r000_6_with_eight_cores_and_too_few_frames_nothing_is_lost() {
    let failed = larson::<Standard>(160, 8);
    println!("{failed} allocations failed");
    assert!(failed > 0);
}

#[test]
fn r002_12_what_a_producer_takes_its_consumer_gives_back() {
    Machine::new(256, 2).run::<Standard>(|_, slabs| {
        let handed = AtomicPtr::new(std::ptr::null_mut::<u8>());
        thread::scope(|scope| {
            scope.spawn(|| {
                on_core(1);
                for _ in 0..PASSES {
                    until(|| !handed.load(Ordering::Relaxed).is_null());
                    let start = handed.swap(std::ptr::null_mut(), Ordering::Acquire);
                    let start = std::ptr::NonNull::new(start).unwrap();
                    free(slabs, start, bytes(100)).unwrap();
                }
            });
            on_core(0);
            for number in 0..PASSES {
                let object = Object::new(slabs.alloc(bytes(100)).unwrap(), bytes(100), number as u8);
                handed.store(object.checked().start.as_ptr(), Ordering::Release);
                until(|| handed.load(Ordering::Relaxed).is_null());
            }
        });
        let usage = slabs.report();
        assert_eq!(usage.allocated(), 0);
        assert!(usage.slab_bytes() <= 4 << 14, "objects come back over the depot: {usage}");
    });
}

/// A handler has no magazine and waits for no lock: what it cannot have at once, it is told of.
fn handlers_take_and_give_back<H: Hardening>() {
    Machine::new(512, 2).run::<H>(|_, slabs| {
        thread::scope(|scope| {
            for handler in 0..2 {
                scope.spawn(move || {
                    for number in 0..PASSES {
                        if number % 3 == 2 {
                            in_handler();
                        } else {
                            on_core(handler);
                        }
                        let Ok(ticket) = slabs.alloc_ticket(bytes(200)) else { continue };
                        let object = Object::new(ticket.object(), bytes(200), number as u8);
                        if number % 5 == 2 {
                            in_handler();
                        } else {
                            on_core(handler);
                        }
                        let mut given = free(slabs, object.checked().start, bytes(200));
                        while let Err(busy) = given {
                            assert!(matches!(busy, Misuse::Busy { .. }), "{busy}");
                            given = free_ticket(slabs, ticket);
                        }
                    }
                });
            }
        });
        assert_eq!((slabs.report().allocated(), slabs.reports()), (0, 0));
    });
}

#[test]
fn r004_19_handlers_take_and_give_back_between_cores() {
    handlers_take_and_give_back::<Standard>();
}

/// What could not be taken back is still in its turn.
#[test]
fn r004_19_handlers_take_and_give_back_by_tickets() {
    handlers_take_and_give_back::<Debug>();
}

/// It has what lies in the depot and in slabs, and makes none.
#[test]
fn r004_19_a_handler_makes_no_slab() {
    Machine::new(64, 1).run::<Standard>(|_, slabs| {
        let busy = Err(ObjectError::NoMemory(AllocError::Busy));
        in_handler();
        assert_eq!(slabs.alloc(bytes(2048)), busy);
        on_core(0);
        free(slabs, slabs.alloc(bytes(2048)).unwrap(), bytes(2048)).unwrap();
        in_handler();
        let rest: Vec<_> = std::iter::from_fn(|| slabs.alloc(bytes(2048)).ok()).take(8).collect();
        assert_eq!((rest.len(), slabs.alloc(bytes(2048))), (4, busy));
        rest.into_iter().for_each(|object| free(slabs, object, bytes(2048)).unwrap());
        on_core(0);
        assert_eq!(slabs.report().of(Class::of(bytes(2048)).unwrap()).created, 1);
    });
}

/// Nothing else may be told of such a race.
fn is_of_a_double_free(misuse: Misuse) {
    assert!(matches!(misuse, Misuse::DoubleFree { .. } | Misuse::WrittenAfterFree { .. }), "{misuse}");
}

/// Of two that succeed, the one is found out when it comes back to its slab. Under Miri this is the race of data that it is.
#[test]
#[cfg_attr(miri, ignore = "whoever gives back what he does not have races")]
fn m15_an_object_given_back_by_two_threads_at_once_is_found_out() {
    race_for_an_object::<Standard>();
}

#[test]
#[cfg_attr(miri, ignore = "whoever gives back what he does not have races")]
fn m15_at_paranoid_one_of_two_threads_that_give_an_object_back_at_once_is_refused() {
    assert_eq!(race_for_an_object::<Paranoid>(), 0);
}

/// Both wait for the same change of a counter, then give the object back. How often that was found out after both calls.
fn race_for_an_object<H: Hardening>() -> u64 {
    let machine = Machine { hook: Some(is_of_a_double_free), ..Machine::new(256, 2) };
    let mut late = 0;
    machine.run::<H>(|_, slabs| {
        let (round, object) = (AtomicU64::new(0), AtomicPtr::new(std::ptr::null_mut::<u8>()));
        let (freed, refused) = (AtomicU32::new(0), AtomicU32::new(0));
        let give = || {
            let start = std::ptr::NonNull::new(object.load(Ordering::Relaxed)).unwrap();
            match free(slabs, start, bytes(300)) {
                Ok(()) => freed.fetch_add(1, Ordering::Release),
                Err(Misuse::DoubleFree { .. }) => refused.fetch_add(1, Ordering::Release),
                Err(error) => panic!("{error}"),
            };
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                on_core(1);
                (1..=RACES).for_each(|number| {
                    until(|| round.load(Ordering::Acquire) == number);
                    give();
                });
            });
            on_core(0);
            for number in 1..=RACES {
                object.store(slabs.alloc(bytes(300)).unwrap().as_ptr(), Ordering::Relaxed);
                round.store(number, Ordering::Release);
                give();
                until(|| freed.load(Ordering::Acquire) + refused.load(Ordering::Acquire) == 2);
                let reported = slabs.reports();
                slabs.shrink();
                let reported = slabs.reports() - reported;
                assert_eq!(u64::from(refused.swap(0, Ordering::Relaxed)) + reported, 1, "round {number}");
                freed.store(0, Ordering::Relaxed);
                late += reported;
                assert_eq!(slabs.report().allocated(), 0);
            }
        });
        println!("of {RACES} races {} were refused at the call, {late} found out later", RACES - late);
        assert_eq!(slabs.reports(), late);
    });
    late
}

/// Two of one number would take each other's objects back.
#[test]
fn caches_that_are_made_at_once_have_numbers_of_their_own() {
    Machine::new(8192, 2).run::<Standard>(|_, slabs| {
        let one_more = Slab::new(slabs, &[], 64).unwrap();
        for _ in 0..ROUNDS {
            let ready = AtomicU32::new(0);
            let make = || {
                ready.fetch_add(1, Ordering::Relaxed);
                until(|| ready.load(Ordering::Relaxed) == 2);
                (0..CACHES).map(|_| Slab::new(slabs, &[], 64).unwrap()).collect::<Vec<_>>()
            };
            let made = thread::scope(|scope| {
                let of_other = scope.spawn(make);
                [make(), of_other.join().unwrap()]
            });
            let mut numbers = HashSet::new();
            for cache in made.iter().flatten() {
                let object = cache.alloc().unwrap();
                let Err(Misuse::WrongPool { found, .. }) = free_to(&one_more, object) else {
                    panic!("a cache has the number of one that was made before")
                };
                assert!(numbers.insert(found.number()), "two caches are pool {found:?}");
                free_to(cache, object).unwrap();
            }
        }
    });
}
