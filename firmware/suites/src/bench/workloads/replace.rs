//! Random sizes that live for random times.

use alloc::vec::Vec;

use super::{
    super::{Object, Stand, Subject, Turn, Worker, Workload, object::words},
    shared,
};
use crate::Dice;

/// How many are out, over all cores.
const LIVE: u64 = 1_024;
const REPLACED: u64 = 16_384;
const SALT: u64 = 0xb1;

/// Replaces a random one of many of 8 to 2,048 bytes. The first of each place are not measured.
#[derive(Debug)]
pub(super) struct Replace;

impl Workload for Replace {
    fn turn<S: Stand, A: Subject>(&self, turn: &Turn<'_, S>, subject: &A) {
        let replaced = shared(turn.stand.rounds(REPLACED), turn.cores());
        let live = shared(LIVE, turn.cores());
        turn.measure("replacement, 8 to 2048 bytes", |worker| {
            let mut dice = worker.dice(SALT);
            let mut places: Vec<_> =
                (0..live).map(|_| Object::take(subject, words(size(&mut dice)))).collect();
            (0..replaced).for_each(|_| replace(worker, subject, &mut dice, &mut places));
            places.into_iter().flatten().for_each(|object| object.give(subject));
        });
    }
}

fn replace<S: Stand, A: Subject>(
    worker: &mut Worker<'_, S>,
    subject: &A,
    dice: &mut Dice,
    places: &mut [Option<Object>],
) {
    let place = dice.place(places.len());
    let Some(place) = places.get_mut(place) else { return };
    if let Some(object) = place.take() {
        worker.give(subject, object);
    }
    *place = worker.take(subject, words(size(dice)));
}

fn size(dice: &mut Dice) -> usize {
    8 + dice.place(2048 - 8 + 1)
}
