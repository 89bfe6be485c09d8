//! The heap, by what is made of it: collections on all cores.
//!
//! `alloc`'s collections have their memory from the machine's heap; on a host that is so on its cores, and only there.

use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec, vec::Vec};
use core::{alloc::Layout, ops::Range};

use allocator_api2::vec::Vec as VecIn;
use framekeeper::{
    FRAME_SIZE,
    heap::HeapError,
    slabs::{Slabs, Standard},
};
use spin::Mutex;

use crate::{
    Dice, Machine,
    arena::{self, Plan},
    ground::all_comes_back,
};

/// Steps of each core in a run with the default budget.
const STEPS: u64 = 4_000;

/// The layout that a scenario asks for.
#[track_caller]
pub(crate) fn layout(size: usize, align: usize) -> Layout {
    match Layout::from_size_align(size, align) {
        Ok(layout) => layout,
        Err(error) => panic!("{size} bytes aligned to {align}: {error}"),
    }
}

/// Makes and drops collections that grow, move and shrink.
pub(crate) fn churn(mut dice: Dice, steps: u64) {
    let mut map = BTreeMap::new();
    let mut list = Vec::new();
    let mut shared = Vec::new();
    for step in 0..steps {
        map.insert(dice.below(500), Box::new([step; 7]));
        map.remove(&dice.below(500));
        list.push(step);
        if list.len() > 3_000 {
            assert!(list.is_sorted());
            list = Vec::new();
        }
        let length = list.len().min(dice.place(200));
        let first = list.first().copied().unwrap_or_default();
        let one: Arc<[u64]> = Arc::from(list.get(..length).unwrap_or_default());
        shared.push((one, first..first + length as u64));
        assert!(shared.last().is_some_and(is_as_made));
        if shared.len() > 100 {
            assert!(is_as_made(&shared.swap_remove(dice.place(100))));
        }
    }
    assert!(shared.iter().all(is_as_made));
    assert!(map.values().all(|array| array.iter().all(|step| Some(step) == array.first())));
}

/// Whether a list of steps has just those that it was made of.
fn is_as_made((list, steps): &(Arc<[u64]>, Range<u64>)) -> bool {
    list.iter().copied().eq(steps.clone())
}

/// Boxes, lists, maps, text and shared values.
pub fn r000_4_box_vec_btreemap_and_arc_work<M: Machine>(machine: &M) {
    all_comes_back(machine, || {
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

/// Collections of all cores at the same time.
pub fn r000_6_all_cores_churn_at_once<M: Machine>(machine: &M) {
    let steps = machine.rounds(STEPS);
    all_comes_back(machine, || {
        machine.on_each(&|core| churn(machine.dice(100 + core.index() as u64), steps));
        machine.log(format_args!("{}", machine.heap().usage()));
        // Here alone: it reads the whole map for each size class.
        assert_eq!(machine.heap().slabs().map(Slabs::verify), Ok(Ok(())));
    });
}

/// Each core leaves what it made where others take it.
pub fn what_one_core_makes_another_drops<M: Machine>(machine: &M) {
    static SHELF: [Mutex<Option<Arc<Vec<u64>>>>; 32] = [const { Mutex::new(None) }; 32];
    let steps = machine.rounds(STEPS);
    all_comes_back(machine, || {
        machine.on_each(&|core| {
            let mut dice = machine.dice(200 + core.index() as u64);
            for _ in 0..steps {
                let number = dice.below(2_000);
                let made = Arc::new(vec![number; number as usize]);
                let taken = SHELF.get(dice.place(32)).and_then(|place| place.lock().replace(made));
                let is_whole = |made: &Arc<Vec<u64>>| made.iter().all(|&word| word == made.len() as u64);
                assert!(taken.as_ref().is_none_or(is_whole));
            }
        });
        SHELF.iter().for_each(|place| drop(place.lock().take()));
    });
}

/// Lists on an arena's heap, which grow, shrink and move at random, from a few bytes to half a mebibyte, and end with the same
/// heap on every machine.
pub fn lists_that_grow_and_shrink_leave_no_trace<M: Machine>(machine: &M) {
    /// Lists at a time.
    const LISTS: usize = 16;
    /// A longer one begins anew.
    const LONGEST: usize = 1 << 16;
    arena::run::<_, _, Standard, _>(machine, Plan::ONE_CORE, |arena| {
        let mut dice = machine.dice(300);
        let mut lists: Vec<_> = (0..LISTS).map(|_| VecIn::new_in(arena.heap)).collect();
        for step in 0..machine.rounds(STEPS * 4) {
            let place = dice.place(LISTS);
            let Some(list) = lists.get_mut(place) else { continue };
            let next = list.len() as u64 + place as u64;
            match dice.below(8) {
                0 => list.truncate(dice.place(list.len() + 1)),
                1 => list.shrink_to_fit(),
                2 => *list = VecIn::new_in(arena.heap),
                3 if list.len() < LONGEST / 4 => list.extend(next..next + list.len() as u64),
                _ if list.len() < LONGEST => list.extend(next..next + dice.below(64)),
                _ => *list = VecIn::new_in(arena.heap),
            }
            assert!(list.iter().copied().eq((place as u64..).take(list.len())), "step {step}, list {place}");
        }
        arena.mark();
        assert_eq!(arena.slabs().reports(), 0);
    });
}

/// A block becomes smaller where it is, and its tail goes back.
pub fn a_large_block_is_given_back_piece_by_piece<M: Machine>(machine: &M) {
    const MIBS: usize = 16;
    all_comes_back(machine, || {
        let before = machine.heap().usage().blocks;
        let mut list: Vec<u8> = Vec::with_capacity(MIBS << 20);
        let start = list.as_ptr();
        for mib in (1..MIBS).rev() {
            list.shrink_to(mib << 20);
            assert_eq!(machine.heap().usage().blocks, before + ((mib as u64) << 20));
        }
        assert!(core::ptr::eq(start, list.as_ptr()), "it became smaller where it was");
        list.shrink_to(FRAME_SIZE as usize * 3);
        assert_eq!(machine.heap().usage().blocks, before + 3 * FRAME_SIZE);
    });
}

/// What can never be had is an error, not the end.
pub fn m18_sizes_that_cannot_be_are_errors<M: Machine>(machine: &M) {
    all_comes_back(machine, || {
        for size in [1_usize << 40, isize::MAX as usize - 4096] {
            let refused = machine.heap().alloc(layout(size, 8));
            assert!(matches!(refused, Err(HeapError::TooLarge { .. })), "{refused:?}");
        }
    });
}
