//! Many at once.

use alloc::vec::Vec;
use core::alloc::Layout;

use super::super::{Object, Stand, Subject, Turn, Workload};
use crate::Dice;

/// How many are out at the most.
const COUNT: usize = 8_192;
/// How often they are all taken and all given back.
const TIMES: u64 = 2;
const SALT: u64 = 0xb2;

/// In which order they go back.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    LastFirst,
    FirstFirst,
    AtRandom,
}

/// Takes many, and gives all of them back.
#[derive(Debug)]
pub(super) struct Bulk {
    pub(super) name: &'static str,
    pub(super) layout: Layout,
    pub(super) way: Way,
}

impl Workload for Bulk {
    fn turn<S: Stand, A: Subject>(&self, turn: &Turn<'_, S>, subject: &A) {
        turn.measure(self.name, |worker| {
            let mut dice = worker.dice(SALT);
            for _ in 0..turn.stand.rounds(TIMES) {
                let mut taken: Vec<_> =
                    (0..COUNT).filter_map(|_| worker.take(subject, self.layout)).collect();
                self.way.order(&mut taken, &mut dice);
                taken.into_iter().for_each(|object| worker.give(subject, object));
            }
        });
    }
}

impl Way {
    fn order(self, taken: &mut [Object], dice: &mut Dice) {
        match self {
            Self::LastFirst => taken.reverse(),
            Self::FirstFirst => {}
            Self::AtRandom => shuffle(taken, dice),
        }
    }
}

/// Fisher and Yates: every order is as likely as any other.
fn shuffle<T>(list: &mut [T], dice: &mut Dice) {
    for last in (1..list.len()).rev() {
        list.swap(last, dice.place(last + 1));
    }
}
