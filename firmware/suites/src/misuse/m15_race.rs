//! M15: two cores give back the same at once.

use core::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use framekeeper::{
    FreeError, Order, Owner, PhysAddr, Request,
    slabs::{FreeIn, Hardening, Misuse, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::Scene,
};
use crate::Machine;

/// Whose the machine's blocks are.
const RACING: Owner = Owner::new(41);
/// Blocks that all cores give back in the same order.
const BLOCKS: usize = 16;

struct Race;

/// Two cores give back the same object at once, and all cores of the machine the same blocks.
pub fn m15_race<M: Machine>(machine: &M) {
    measure::<M, Race>(machine);
}

impl Trial for Race {
    const ID: &'static str = "M15";

    /// The other core gives it back while this one is in its call, wherever that can be.
    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let piece = scene.take_any();
        let (end, slabs, cpu) = (scene.dice.below(4), scene.slabs(), scene.cpu.clone());
        let others = Cell::new(None);
        let visitor = || others.set(Some(cpu.as_other(|| memory::free(slabs, piece.start, piece.layout))));
        let own = scene.cpu.visited(end, &visitor, || memory::free(slabs, piece.start, piece.layout));
        let refused = match (own, others.get()) {
            (Err(misuse), Some(Ok(()))) | (Ok(()), Some(Err(misuse))) => Some(misuse),
            (Ok(()), Some(Ok(()))) => None,
            neither => scene.broken(format_args!("it was lost: {neither:?}")),
        };
        match refused {
            Some(misuse) => {
                let is_right = matches!(misuse, Misuse::DoubleFree { address, found: FreeIn::Magazine(_) | FreeIn::Hands }
                    if address == piece.address());
                scene.same((misuse, is_right), (misuse, true));
                Outcome::at(Event::Call)
            }
            None => scene.at_the_flush(0),
        }
    }

    /// On the machine's own cores.
    fn block<M: Machine>(machine: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let blocks = [(); BLOCKS].map(|()| {
            let order = Order::new(scene.dice.below(4) as u8).unwrap_or(Order::FRAME);
            match machine.frames().alloc(Request::order(order).owned_by(RACING)) {
                Ok(block) => block,
                Err(error) => scene.broken(format_args!("the machine has no memory: {error}")),
            }
        });
        let taken = [const { AtomicU32::new(0) }; BLOCKS];
        let refused = [const { AtomicU32::new(0) }; BLOCKS];
        machine.on_each(&|_| {
            for (number, &block) in blocks.iter().enumerate() {
                let count = if is_taken(machine, block) { taken.get(number) } else { refused.get(number) };
                count.into_iter().for_each(|count| {
                    count.fetch_add(1, Relaxed);
                });
            }
        });
        let others = u32::from(machine.cores()) - 1;
        let counts =
            taken.iter().zip(&refused).map(|(taken, refused)| (taken.load(Relaxed), refused.load(Relaxed)));
        counts.for_each(|counts| scene.same(counts, (1, others)));
        Outcome::at(Event::Call)
    }
}

/// Whether the block was taken back; else it is refused as one that nobody has.
fn is_taken<M: Machine>(machine: &M, block: PhysAddr) -> bool {
    match machine.frames().free_frame(block) {
        Ok(_) => true,
        Err(FreeError::NotAllocated { .. }) => false,
        Err(error) => panic!("{block}: {error}"),
    }
}
