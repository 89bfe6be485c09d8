//! The heap, by what is made of it: collections on all cores, and in handlers.

use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use firmware::{
    frames::frames,
    heap::{self, heap},
};
use framekeeper::{FRAME_SIZE, Fault, slabs::SlabFault};

/// Splitmix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Runs `work`, after which everything must be given back, and nothing damaged.
fn all_comes_back(work: impl FnOnce()) {
    heap().shrink();
    let (before, reports) = (frames().free().total(), heap().slabs().unwrap().reports());
    assert_eq!(heap().usage().used(), 0);
    work();
    assert!(heap().shrink(), "all cores can be held");
    let owners = frames().owners();
    assert_eq!((owners.frames(heap::SLABS), owners.frames(heap::BLOCKS)), (0, 0));
    assert_eq!((heap().usage().used(), frames().free().total()), (0, before));
    assert_eq!(heap().slabs().unwrap().reports(), reports);
    assert!(frames().drain_all());
    assert_eq!(frames().verify(), Ok::<(), Fault>(()));
}

/// Makes and drops collections that grow, move and shrink.
fn churn(seed: u64, steps: u64) {
    let mut dice = Dice(seed);
    let mut map = BTreeMap::new();
    let mut list = Vec::new();
    let mut shared = Vec::new();
    for step in 0..steps {
        map.insert(dice.below(500), Box::new([step; 7]));
        map.remove(&dice.below(500));
        list.push(step);
        if list.len() > 3_000 {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]));
            list = Vec::new();
        }
        let one: Arc<[u64]> = Arc::from(&list[..list.len().min(dice.below(200) as usize)]);
        assert!(one.iter().zip(&list).all(|(one, other)| one == other));
        shared.push((one.clone(), one.len()));
        if shared.len() > 100 {
            let (last, length) = shared.swap_remove(dice.below(100) as usize);
            assert_eq!(last.len(), length);
        }
    }
    assert!(map.values().all(|array| array.iter().all(|&step| step == array[0])));
}

#[embedded_test::tests]
mod collections {
    use super::*;
    use firmware::cores::{self, CoreId};
    use spin::Mutex;

    #[test]
    fn r000_4_box_vec_btreemap_and_arc_work() {
        all_comes_back(|| {
            let boxed = Box::new([7_u64; 1000]);
            assert!(boxed.iter().all(|&word| word == 7));
            let list: Vec<u32> = (0..100_000).collect();
            assert_eq!(list.iter().map(|&number| u64::from(number)).sum::<u64>(), 4_999_950_000);
            let map: BTreeMap<_, _> = list.iter().map(|&number| (number ^ 0x5555, number)).collect();
            assert!(map.iter().all(|(key, number)| key ^ 0x5555 == *number) && map.len() == 100_000);
            let text = Arc::new(String::from("shared"));
            let copies: Vec<_> = (0..100).map(|_| text.clone()).collect();
            assert_eq!((Arc::strong_count(&text), copies.len()), (101, 100));
        });
    }

    #[test]
    fn r000_6_all_cores_churn_at_once() {
        all_comes_back(|| {
            cores::on_each(&|core| churn(core.index() as u64, 2_000));
            defmt::info!("{}", defmt::Display2Format(&heap().usage()));
            // Here alone: it reads the whole map for each size class.
            assert_eq!(heap().slabs().unwrap().verify(), Ok::<(), SlabFault>(()));
        });
    }

    /// Each core leaves what it made where others take it.
    #[test]
    fn what_one_core_makes_another_drops() {
        const PLACES: usize = 32;
        static SHELF: [Mutex<Option<Arc<Vec<u64>>>>; PLACES] = [const { Mutex::new(None) }; PLACES];
        all_comes_back(|| {
            cores::on_each(&|core: CoreId| {
                let mut dice = Dice(core.index() as u64 + 77);
                for _ in 0..2_000 {
                    let number = dice.below(2_000);
                    let made = Arc::new(alloc::vec![number; number as usize]);
                    let Some(place) = SHELF.get(dice.below(PLACES as u64) as usize) else { continue };
                    let taken = place.lock().replace(made);
                    let is_whole = |made: &Arc<Vec<u64>>| made.iter().all(|&word| word == made.len() as u64);
                    assert!(taken.as_ref().is_none_or(is_whole));
                }
            });
            SHELF.iter().for_each(|place| *place.lock() = None);
        });
    }

    #[test]
    fn a_large_block_is_given_back_piece_by_piece() {
        all_comes_back(|| {
            let mut list: Vec<u8> = Vec::with_capacity(64 << 20);
            let start = list.as_ptr();
            for mib in (1..64).rev() {
                list.shrink_to(mib << 20);
                assert_eq!(heap().usage().blocks, (mib as u64) << 20);
            }
            assert!(core::ptr::eq(start, list.as_ptr()), "it became smaller where it was");
            list.shrink_to(FRAME_SIZE as usize * 3);
            assert_eq!(heap().usage().blocks, 3 * FRAME_SIZE);
        });
    }
}

#[embedded_test::tests]
mod interrupts {
    use super::*;
    use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering::SeqCst};
    use firmware::{clock, cores, interrupts};

    /// How often handlers allocate.
    const ENOUGH: u32 = 1_000;

    type Kept = (Vec<u32>, Box<[u32; 20]>);

    static HANDLER: fn() = make_and_drop;
    static CALLS: AtomicU32 = AtomicU32::new(0);
    static KEPT: AtomicPtr<Kept> = AtomicPtr::new(core::ptr::null_mut());

    /// Makes something, and drops what some tick before kept.
    fn make_and_drop() {
        let calls = CALLS.fetch_add(1, SeqCst);
        // Here and not by those that are interrupted: on a slow machine they may never come to it.
        if calls >= ENOUGH {
            clock::set_tick_rate(clock::TICK_HZ);
        }
        let made: Kept = (alloc::vec![calls; calls as usize % 4_000], Box::new([calls; 20]));
        drop_kept(KEPT.swap(Box::into_raw(Box::new(made)), SeqCst));
    }

    #[expect(unsafe_code, reason = "makes a box of what was one")]
    fn drop_kept(kept: *mut Kept) {
        if kept.is_null() {
            return;
        }
        // SAFETY: it came from a box in `make_and_drop`, and whoever swapped it out is the only one who has it.
        let (list, array) = *unsafe { Box::from_raw(kept) };
        assert!(list.iter().chain(array.iter()).all(|&calls| calls == array[0]));
    }

    /// As `frames::interrupts` does it.
    #[test]
    fn handlers_allocate_while_their_cores_do() {
        all_comes_back(|| {
            interrupts::on_tick(Some(&HANDLER));
            clock::set_tick_rate(10_000 / cores::online() as u64);
            cores::on_each(&|core| {
                for round in 0_u64.. {
                    if CALLS.load(SeqCst) >= ENOUGH {
                        break;
                    }
                    churn(round << 8 | core.index() as u64, 20);
                }
            });
            interrupts::on_tick(None);
            clock::set_tick_rate(clock::TICK_HZ);
            drop_kept(KEPT.swap(core::ptr::null_mut(), SeqCst));
        });
    }
}
