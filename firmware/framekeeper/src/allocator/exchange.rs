//! Between the caches and the zones: blocks in small numbers, so that no single call takes long, or all of a cache.

use super::{FrameAllocator, LockedZone};
use crate::{
    cache::{CoreCache, Entry, Run, Stack},
    cpu::{Asked, Core, CpuLocal},
    frame::{Frame, Order},
    map::ZoneKind,
    planted::{Bug, planted},
    request::Request,
    word::Word,
    zone::Zone,
};

/// Pieces of memory that go from a cache to the zones at a time, beside the block that had no room: of single frames,
/// which come in numbers, and of larger blocks. With more of them fewer calls come this far, but these take longer.
const RUNS: u32 = 4;
const RUNS_OF_BLOCKS: u32 = 1;

impl<'a, C: CpuLocal> FrameAllocator<'a, C> {
    /// Takes a block from this core's cache once that has some from the first zone that has any. An error if the machine
    /// does not admit it.
    #[inline]
    pub(super) fn refill(&self, core: Option<Core>, request: &Request) -> Result<Option<Frame>, Asked> {
        self.ask(core, request.frame_count())?;
        Ok(core.and_then(|core| self.take_refilled(core, request)))
    }

    /// Asks whether so many frames may be handed out. Before a lock is taken.
    #[inline]
    pub(super) fn ask(&self, core: Option<Core>, frames: u64) -> Result<(), Asked> {
        let asked = Asked { frames, core };
        if self.cpu().admits(&asked) { Ok(()) } else { Err(asked) }
    }

    fn take_refilled(&self, core: Core, request: &Request) -> Option<Frame> {
        let order = request.plain()?;
        let stack = self.caches().get(core.index())?.stack(order).filter(|stack| stack.is_used())?;
        if stack.count() == 0 {
            let mut zones = request.zones().filter_map(|kind| self.locked(self.zone(kind), Some(core)));
            zones.find_map(|mut zone| self.fill_stack(&mut zone, order, stack))?;
        }
        self.pop(core, request)
    }

    /// Moves a few blocks from a zone to an empty stack of a cache, the lowest on top.
    fn fill_stack(&self, zone: &mut Zone<'a>, order: Order, stack: &Stack) -> Option<()> {
        let taken = zone.take(order, stack.batch())?;
        stack.set_area(taken.first());
        let mark = stack.mark();
        for block in taken.blocks_down(order) {
            self.map().set_own(block, mark);
            stack.push(block);
        }
        if planted(Bug::RefilledTwice) {
            stack.push(taken.first());
        }
        Some(())
    }

    /// Moves blocks from a cache to the zone that is held: as many as are a few in one piece each, so that no call takes
    /// long.
    #[inline]
    pub(super) fn make_room(&self, zone: &mut Zone<'a>, stack: &Stack) {
        let runs = if stack.order() == Order::FRAME { RUNS } else { RUNS_OF_BLOCKS };
        for _ in 0..runs {
            let is_own = |entry: &Entry| ZoneKind::of(entry.frame().start()) == zone.kind();
            let Some(run) = stack.top().filter(is_own).and_then(|_| self.pop_run(stack)) else { break };
            zone.give(run.first, run.frames);
        }
    }

    /// Empties a stack of a cache into the zones, or into what is pending where they are busy and this is no place to
    /// wait.
    fn empty(&self, stack: &Stack, caller: Option<Core>) {
        while let Some(run) = self.pop_run(stack) {
            if planted(Bug::DrainLeaks) {
                continue;
            }
            let zone = self.zone_of(run.first.frame());
            match self.locked(zone, caller) {
                Some(mut locked) => locked.give(run.first, run.frames),
                None => self.postpone(zone, run, stack.order().frames()),
            }
        }
    }

    /// Takes blocks from a cache whose words are no heads any more.
    #[inline]
    fn pop_run(&self, stack: &Stack) -> Option<Run> {
        stack.pop_run(|entry| entry.slot().into_iter().for_each(|slot| self.map().set(slot, Word::PART)))
    }

    /// Leaves a run, which is in blocks of so many frames, to whoever holds its zone.
    #[cold]
    pub(super) fn postpone(&self, zone: &LockedZone<'a>, run: Run, frames: u64) {
        for head in (0..run.frames / frames).map(|number| run.first.plus(number * frames)) {
            head.slot().into_iter().for_each(|slot| zone.pending.push(self.map(), slot, frames));
        }
    }

    /// Empties the cache of `core`, whom the caller is or holds; says whether there was anything.
    pub(super) fn drain_core(&self, core: Core, caller: Option<Core>) -> bool {
        let Some(cache) = self.caches().get(core.index()) else { return false };
        let blocks: u32 = cache.stacks().map(Stack::count).sum();
        cache.stacks().for_each(|stack| self.empty(stack, caller));
        blocks > 0
    }

    pub(super) fn drain_others(&self) -> bool {
        if planted(Bug::DrainForgetsOthers) {
            return true;
        }
        // Pinned while a zone's lock is held, as everywhere.
        self.cpu().hold_others(|other| {
            self.cpu().pinned(|core| self.drain_core(other, core).then_some(())).unwrap_or(());
        })
    }

    /// Frames in all caches, as far as can be seen.
    pub(crate) fn in_caches(&self) -> u64 {
        let stacks = self.caches().iter().flat_map(CoreCache::stacks);
        stacks.map(|stack| u64::from(stack.count()) << stack.order().number()).sum()
    }
}
