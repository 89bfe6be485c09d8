//! Blocks that wait: pushed by two, taken by whoever has the lock. None is lost, none is taken twice, and each has the
//! size it was pushed with.

use super::*;
use crate::{map::FrameMap, pending::Pending, sync::Mutex, word::Slot};
use loom::thread;
use std::sync::Arc;

/// Blocks of one frame and of several, by their first slots and sizes.
const PUSHED: [(u64, u64); 3] = [(0, 1), (4, 3), (8, 1)];

fn slot(number: u64) -> Slot {
    Slot::new(number).unwrap()
}

struct Waiting {
    pending: Pending,
    /// What was taken, by whoever has the lock.
    taken: Mutex<Vec<(u64, u64)>>,
}

impl Waiting {
    fn take(&self, map: FrameMap<'_>) {
        let mut taken = self.taken.lock();
        self.pending.take(map, |slot, frames| taken.push((slot.number().into(), frames)));
    }
}

fn explore_taking(name: &str, pushers: &'static [&'static [(u64, u64)]], takers: usize) {
    let (map, _) = FrameMap::new(&ram(), &ram(), storage()).unwrap();
    let runs = explore(move || {
        let waiting = Arc::new(Waiting {
            pending: Pending::new(),
            taken: Mutex::new(Vec::with_capacity(PUSHED.len())),
        });
        for &(first, frames) in &PUSHED {
            for number in first..first + frames {
                // Used first here: see `sync::explored`.
                map.word_at(slot(number));
            }
        }
        assert!(waiting.pending.is_empty());
        drop(waiting.taken.lock());
        let push = |blocks: &'static [(u64, u64)]| {
            let waiting = waiting.clone();
            thread::spawn(move || {
                blocks.iter().for_each(|&(first, frames)| waiting.pending.push(map, slot(first), frames));
            })
        };
        let take = |_| {
            let waiting = waiting.clone();
            thread::spawn(move || waiting.take(map))
        };
        let threads: Vec<_> =
            pushers.iter().map(|blocks| push(blocks)).chain((0..takers).map(take)).collect();
        waiting.take(map);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        waiting.take(map);
        assert!(waiting.pending.is_empty());
        let mut taken = core::mem::take(&mut *waiting.taken.lock());
        taken.sort_unstable();
        let mut pushed: Vec<_> = pushers.concat();
        pushed.sort_unstable();
        assert_eq!(taken, pushed);
        for &(first, frames) in &PUSHED {
            (first..first + frames)
                .for_each(|number| assert_eq!(map.word_at(slot(number)), crate::word::Word::PART));
        }
    });
    println!("{name}: {runs} interleavings");
}

#[test]
fn two_push_one_takes() {
    explore_taking("two push, one takes", &[&[PUSHED[0]], &[PUSHED[1]]], 0);
}

#[test]
fn two_push_three_blocks_one_takes() {
    explore_taking("two push three, one takes", &[&[PUSHED[0], PUSHED[2]], &[PUSHED[1]]], 0);
}

#[test]
fn one_pushes_two_take() {
    explore_taking("one pushes two, two take", &[&[PUSHED[1], PUSHED[0]]], 1);
}
