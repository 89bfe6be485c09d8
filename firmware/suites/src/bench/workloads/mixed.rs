//! Blocks of all orders that live for random times.

use alloc::vec::Vec;

use framekeeper::FRAME_SIZE;

use super::super::{Object, Stand, Subject, Turn, Worker, Workload, object::frames};
use crate::Dice;

const LARGEST: u8 = 9;
const STEPS: u64 = 8_192;
const SALT: u64 = 0xb3;

/// Keeps half of memory in use: gives a random block back and takes others until it is half again. Each order is half as
/// often as the one below. What fills memory to half is not measured.
#[derive(Debug)]
pub(super) struct Mixed;

/// Blocks that are out.
struct Held {
    blocks: Vec<Object>,
    bytes: u64,
    dice: Dice,
}

impl Workload for Mixed {
    fn turn<S: Stand, A: Subject>(&self, turn: &Turn<'_, S>, subject: &A) {
        let half = turn.stand.memory().size() / 2;
        turn.measure("mixed orders 0 to 9, half in use", |worker| {
            let mut held = Held { blocks: Vec::new(), bytes: 0, dice: worker.dice(SALT) };
            held.fill(half, |order| Object::take(subject, frames(order)));
            for _ in 0..turn.stand.rounds(STEPS) {
                held.give_one(worker, subject);
                held.fill(half, |order| worker.take(subject, frames(order)));
            }
            held.blocks.into_iter().for_each(|block| block.give(subject));
        });
    }
}

impl Held {
    /// Takes until so much is out, or until there is nothing to be had.
    fn fill(&mut self, bytes: u64, mut take: impl FnMut(u8) -> Option<Object>) {
        while self.bytes < bytes {
            let order = self.dice.next().trailing_ones().min(u32::from(LARGEST)) as u8;
            let Some(block) = take(order) else { return };
            self.bytes += FRAME_SIZE << order;
            self.blocks.push(block);
        }
    }

    fn give_one<S: Stand, A: Subject>(&mut self, worker: &mut Worker<'_, S>, subject: &A) {
        if self.blocks.is_empty() {
            return;
        }
        let block = self.blocks.swap_remove(self.dice.place(self.blocks.len()));
        self.bytes -= block.size() as u64;
        worker.give(subject, block);
    }
}
