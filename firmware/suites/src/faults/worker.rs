//! A worker of a scenario: blocks and objects of an arena, as the seed has them.

use framekeeper::{Core, CpuLocal, Owner, slabs::Hardening};

use crate::{
    Dice,
    arena::{Arena, Window},
    mix::{Blocks, Broken, Objects, Place, Refusals},
};

/// Whose the blocks of core 0 are; those of the others follow.
const FIRST_OWNER: u8 = 60;
/// Whose the blocks of core 0's handlers are; those of the others follow.
const FIRST_HANDLER: u8 = 80;
/// Steps with objects for each with a block.
const OBJECTS: u64 = 3;

/// The worker of a core.
#[derive(Debug)]
pub(super) struct Worker<'h, 'a, C, H> {
    core: Core,
    blocks: Blocks<'h, 'a, C, Window>,
    objects: Objects<'h, 'a, C, Window, H>,
    steps: u64,
}

impl<'h, 'a, C: CpuLocal, H: Hardening> Worker<'h, 'a, C, H> {
    /// One that has nothing yet, on this core.
    pub(super) fn new(arena: &Arena<'h, 'a, C, H>, core: Core, place: Place, dice: Dice) -> Self
    where
        'a: 'h,
    {
        let first = match place {
            Place::Thread => FIRST_OWNER,
            Place::Handler => FIRST_HANDLER,
        };
        let me = first + core.number();
        let blocks = Blocks::new(arena.frames, arena.window, Owner::new(me), place, dice.split(1));
        let objects = Objects::new(arena.heap, me, place, dice);
        Self { core, blocks, objects, steps: 0 }
    }

    /// The same one, which takes these refusals as it takes a shortage.
    pub(super) fn refused(self, refusals: Refusals) -> Self {
        let (blocks, objects) = (self.blocks.refused(refusals), self.objects.refused(refusals));
        Self { blocks, objects, ..self }
    }

    /// So many operations.
    pub(super) fn work(&mut self, steps: u64) {
        for _ in 0..steps {
            self.steps += 1;
            let is_blocks = self.steps.is_multiple_of(OBJECTS + 1);
            let result = if is_blocks { self.blocks.step() } else { self.objects.step() };
            self.held(result);
        }
    }

    /// Gives back all that it has.
    pub(super) fn give_all(&mut self) {
        let (blocks, objects) = (self.blocks.give_all(), self.objects.give_all());
        self.held(blocks.and(objects));
    }

    fn held(&self, result: Result<(), Broken>) {
        if let Err(broken) = result {
            panic!("core {}, operation {}: {broken}", self.core.number(), self.steps);
        }
    }
}
