//! M16: an interrupt's handler allocates and gives back while its core is inside the allocator.

use core::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use framekeeper::{
    Core, Order,
    slabs::{Hardening, Slabs, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::Scene,
};
use crate::{Machine, lent};

/// How often a core is interrupted.
const HZ: u64 = 10_000;
/// Operations without an interrupt after which none will come.
const FAR_TOO_MANY: u64 = 100_000_000;
/// Of how many trials one is followed by a look at the whole map.
const VERIFIED: u64 = 256;

/// How often a handler has interrupted the core that is at work.
static HANDLED: AtomicU64 = AtomicU64::new(0);

struct Interrupt;

/// An interrupt's handler allocates and gives back while its core is inside the allocator.
pub fn m16_interrupt<M: Machine>(machine: &M) {
    measure::<M, Interrupt>(machine);
}

impl Trial for Interrupt {
    const ID: &'static str = "M16";

    /// The handler comes in each place of a call where one can.
    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let (mine, handlers) = (scene.take_any(), scene.take_any());
        let (end, slabs, frames) = (scene.dice.below(6), scene.slabs(), scene.arena.frames);
        let came = Cell::new(0);
        let visitor = || {
            came.set(came.get() + 1);
            let freed = memory::free(slabs, handlers.start, handlers.layout);
            let (again, block) = (slabs.alloc(mine.layout), frames.alloc_frame());
            let block = block.map(|block| frames.free_frame(block));
            let again = again.map(|again| memory::free(slabs, again, mine.layout));
            assert_eq!((freed, again, block), (Ok(()), Ok(Ok(())), Some(Ok(1))));
        };
        let visited = if scene.dice.one_in(2) {
            let freed = scene.cpu.visited(end, &visitor, || memory::free(slabs, mine.start, mine.layout));
            freed.is_ok()
        } else {
            let taken = scene.cpu.visited(end, &visitor, || slabs.alloc(mine.layout));
            scene.give(mine);
            taken.is_ok_and(|taken| taken != mine.start && memory::free(slabs, taken, mine.layout).is_ok())
        };
        scene.same((visited, came.get()), (true, 1));
        scene.same(scene.slabs().report().allocated(), scene.held.len() as u64);
        Outcome::at(Event::Held)
    }

    /// On the machine itself, with frames and objects of its heap.
    fn block<M: Machine>(machine: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let (before, reports) = (HANDLED.load(Relaxed), machine.heap().slabs().map(Slabs::reports));
        // Of its own: how much is drawn until an interrupt comes is chance, and the scene goes on the same.
        let mut dice = scene.dice.split(1);
        lent::while_handling(machine, HZ, &|core| handle(machine, core), || {
            let mut operations = 0;
            while HANDLED.load(Relaxed) == before {
                work(machine, dice.next());
                operations += 1;
                scene.same(operations < FAR_TOO_MANY, true);
            }
        });
        scene.same(machine.heap().slabs().map(Slabs::reports), reports);
        if scene.dice.one_in(VERIFIED) {
            scene.same(machine.frames().verify(), Ok(()));
        }
        Outcome::at(Event::Held)
    }
}

/// On the core that is at work, since only there something is interrupted. Counted once it is done.
fn handle<M: Machine>(machine: &M, core: Core) {
    if core == Core::new(0) {
        let number = HANDLED.load(Relaxed);
        work(machine, number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        HANDLED.fetch_add(1, Relaxed);
    }
}

/// Takes a block and an object, and gives them back.
fn work<M: Machine>(machine: &M, number: u64) {
    let order = Order::new((number >> 60) as u8 % 4).unwrap_or(Order::FRAME);
    let size = 1 + (number >> 32) as usize % 500;
    let layout = core::alloc::Layout::from_size_align(size, 8).unwrap_or(core::alloc::Layout::new::<u64>());
    let (block, object) = (machine.frames().alloc_frames(order), machine.heap().alloc(layout));
    if let Some(block) = block {
        assert_eq!(machine.frames().free_frame(block), Ok(order.frames()));
    }
    if let Ok(object) = object {
        assert_eq!(memory::free_to_heap(machine.heap(), object, layout), Ok(()));
    }
}
