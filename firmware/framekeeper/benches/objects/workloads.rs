//! The groups of figures, in the order in which they run.

mod bulk;
mod cores;
mod exchange;
mod held;
mod hot;
mod latency;
mod pipe;
mod replace;
mod sizes;

use crate::{
    groups::Group,
    memory::Memory,
    object::{Object, Objects},
    stopwatch::{Timed, time},
};
use std::{hint::black_box, time::Duration};

pub(crate) use sizes::UP_TO_A_PAGE;

pub(crate) const GROUPS: &[Group<Memory>] = &[
    Group { name: "S1", run: hot::run },
    Group { name: "S2", run: replace::run },
    Group { name: "S3", run: bulk::run },
    Group { name: "S4", run: sizes::run },
    Group { name: "S5", run: cores::run },
    Group { name: "S6", run: held::run },
    Group { name: "S7", run: latency::run },
];

/// Takes an object and gives it back at once, over and over.
fn time_pairs<S: Objects>(subject: &S, size: u32, pairs: usize, budget: Duration) -> Timed {
    time(pairs, budget, |_| {
        // Neither the size nor the object is known beforehand: otherwise not much is left of bare lists.
        black_box(Object::take(subject, black_box(size)))?.give(subject);
        Some(())
    })
}

/// Leaves 512 objects out and 512 free between them: what a pair finds in a kernel that has run for a while.
fn litter<S: Objects>(subject: &S, size: u32) -> Vec<Object> {
    let taken: Vec<_> = (0..1024).map_while(|_| Object::take(subject, size)).collect();
    let mut kept = Vec::new();
    for (which, object) in taken.into_iter().enumerate() {
        if which % 2 == 0 {
            kept.push(object);
        } else {
            object.give(subject);
        }
    }
    kept
}

fn give_all<S: Objects>(subject: &S, objects: impl IntoIterator<Item = Object>) {
    objects.into_iter().for_each(|object| object.give(subject));
}
