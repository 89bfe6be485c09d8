//! Where the caches do not suffice: the zones, and emptying caches into them.

use super::{FrameAllocator, LockedZone, head};
use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    cache::{CoreCache, Entry, Stack},
    cpu::{Core, CpuLocal},
    errors::{AddError, AllocError, FreeError, Shortage, ZoneShortage},
    frame::{Frame, Order},
    map::{State, ZoneKind},
    regions::RegionSet,
    request::Request,
    sync::MutexGuard,
    word::{Owner, Word},
    zone::Zone,
};

/// The most blocks that are moved between a cache and the zones at a time.
const BATCH: usize = 8;

/// Blocks that [`FrameAllocator::alloc_bulk`] takes while it holds a zone.
const BULK: usize = 64;

/// How often all caches are emptied for one request: what other cores give back meanwhile lies in their caches again.
const ROUNDS: usize = 4;

/// Why an attempt yielded nothing.
enum Refused {
    /// A zone was busy and this is no place to wait.
    Busy,
    Empty,
}

impl<'a, C: CpuLocal> FrameAllocator<'a, C> {
    /// Hands out the block that starts at `address`.
    ///
    /// # Errors
    ///
    /// [`AllocError::Misaligned`], [`AllocError::NotFree`], and [`AllocError::Busy`].
    pub fn alloc_at(&self, address: PhysAddr, order: Order, owner: Owner) -> Result<PhysAddr, AllocError> {
        let frame = Frame::starting_at(address).filter(|frame| frame.is_aligned(order));
        let frame = frame.ok_or(AllocError::Misaligned { address })?;
        let take = |zone: &mut Zone<'_>| {
            zone.take_at(frame, order)?;
            self.hand_out(frame, head(order, owner));
            Some(frame.start())
        };
        let zone = self.zone_of(frame);
        self.insist(|core| {
            self.locked(zone, core)
                .ok_or(Refused::Busy)
                .and_then(|mut zone| take(&mut zone).ok_or(Refused::Empty))
        })
        .map_err(|refused| match refused {
            Refused::Busy => AllocError::Busy,
            Refused::Empty => AllocError::NotFree { address, found: self.state(address) },
        })
    }

    /// Fills `places` with blocks of `order`, as far as there are any; says how many.
    pub fn alloc_bulk(&self, order: Order, owner: Owner, places: &mut [PhysAddr]) -> usize {
        let mut filled = 0;
        for chunk in places.chunks_mut(BULK) {
            let taken = self.cpu().pinned(|core| self.take_chunk(core, order, owner, chunk));
            filled += taken;
            if taken < chunk.len() {
                break;
            }
        }
        // The rest one by one: each of these empties the caches if it must.
        for place in places.iter_mut().skip(filled) {
            let Ok(start) = self.alloc(Request::order(order).owned_by(owner)) else { break };
            *place = start;
            filled += 1;
        }
        filled
    }

    /// Adds memory that was reserved until now: of the RAM that the allocator was made for.
    ///
    /// # Errors
    ///
    /// Some of it is not reserved: a hole, or added before; or [`AddError::Busy`]. Nothing has changed then.
    pub fn add(&self, range: PhysRange) -> Result<u64, AddError> {
        let frames = frames_in(range.round_inward());
        self.cpu().pinned(|core| {
            let [dma32, normal] = self.zones().each_ref().map(|zone| self.locked(zone, core));
            let (Some(dma32), Some(normal)) = (dma32, normal) else { return Err(AddError::Busy) };
            let mut found = frames.clone().map(|frame| (frame, self.state(frame.start())));
            if let Some((frame, found)) = found.find(|(_, state)| *state != State::Reserved) {
                return Err(AddError::NotReserved { range, frame, found });
            }
            for frame in frames.clone() {
                self.map().slot(frame).into_iter().for_each(|slot| self.map().set(slot, Word::PART));
            }
            for mut zone in [dma32, normal] {
                let range = common(range.round_inward(), zone.kind());
                zone.give(Frame::containing(range.start()), range.size() / FRAME_SIZE);
            }
            Ok(frames.count() as u64)
        })
    }

    /// Empties this core's cache into the zones.
    pub fn drain(&self) {
        self.cpu().pinned(|core| self.drain_core(core?, core).then_some(()));
    }

    /// Empties all caches into the zones; says whether all cores could be held for it.
    pub fn drain_all(&self) -> bool {
        self.drain();
        self.drain_others()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn alloc_slow(&self, request: Request) -> Result<PhysAddr, AllocError> {
        let order = request.holding().ok_or(AllocError::BadSize { frames: request.frame_count() })?;
        self.insist(|core| self.attempt(core, &request, order)).map_err(|refused| match refused {
            Refused::Busy => AllocError::Busy,
            Refused::Empty => AllocError::OutOfMemory(self.shortage(&request, order)),
        })
    }

    #[cold]
    #[inline(never)]
    pub(super) fn free_slow(&self, address: PhysAddr) -> Result<u64, FreeError> {
        let frame = Frame::starting_at(address).ok_or(FreeError::Misaligned { address })?;
        let slot = self.map().slot(frame).ok_or_else(|| self.why_not(frame))?;
        self.cpu().pinned(|core| {
            let word = self.map().word_at(slot);
            if let Some((core, stack)) = core.and_then(|core| self.stack_for(core, word))
                && !stack.has_room()
            {
                self.spill(stack, stack.batch() as usize);
                if let Some(frames) = self.push(core, address) {
                    return Ok(frames);
                }
            }
            if !word.is_allocated() || !self.map().swap(slot, word, Word::PART) {
                return Err(self.why_not(frame));
            }
            let frames = word.frames_field();
            let zone = self.zone_of(frame);
            match self.try_locked(zone) {
                Some(mut locked) => locked.give(frame, frames),
                None => zone.pending.push(self.map(), slot, frames),
            }
            Ok(frames)
        })
    }

    /// Gives the zones what is free when the allocator begins, and the caches their limits.
    pub(super) fn fill<const N: usize>(&self, ram: &RegionSet<N>, free: &RegionSet<N>) {
        let ram_of = |range| ram.iter().map(move |ram| overlap(ram.round_inward(), range));
        for zone in self.zones() {
            let mut zone = zone.zone.lock();
            for free in free.iter().map(PhysRange::round_inward).flat_map(ram_of) {
                let range = common(free, zone.kind());
                zone.give(Frame::containing(range.start()), range.size() / FRAME_SIZE);
            }
        }
        let frames = free.size() / FRAME_SIZE;
        // No more than a 64th of all memory lies in caches.
        let share = frames / 64 / (self.caches().len() as u64).max(1);
        for (cache, number) in self.caches().iter().zip(0..) {
            cache.reset(Core::new(number), share);
        }
    }

    /// Tries; then with this core's cache emptied; then with all caches emptied.
    fn insist<T>(&self, attempt: impl Fn(Option<Core>) -> Result<T, Refused>) -> Result<T, Refused> {
        let here = || {
            self.cpu().pinned(|core| match attempt(core) {
                Err(Refused::Empty) if core.is_some_and(|own| self.drain_core(own, core)) => attempt(core),
                result => result,
            })
        };
        let mut found = here();
        for _ in 0..ROUNDS {
            let is_more = matches!(found, Err(Refused::Empty)) && self.in_caches() > 0;
            if !is_more || !self.drain_others() {
                break;
            }
            found = here();
        }
        found
    }

    /// Takes a block from the first zone that has one, and while at it some for the cache.
    fn attempt(&self, core: Option<Core>, request: &Request, order: Order) -> Result<PhysAddr, Refused> {
        let stack = core.and_then(|core| self.caches().get(core.index())?.stack(request.plain()?));
        let stack = stack.filter(|stack| stack.is_used());
        let mut refused = Refused::Empty;
        for kind in request.zones() {
            let Some(mut zone) = self.locked(self.zone(kind), core) else {
                refused = Refused::Busy;
                continue;
            };
            let taken = match request.limit() {
                Some(limit) => zone.take_below(order, limit),
                None => take_with_more(&mut zone, order, stack),
            };
            let Some(first) = taken else { continue };
            let rest = order.frames() - request.frame_count();
            zone.give(first.plus(request.frame_count()), rest);
            self.hand_out(first, Word::allocated(request.frame_count(), request.owner()));
            return Ok(first.start());
        }
        Err(refused)
    }

    fn take_chunk(&self, core: Option<Core>, order: Order, owner: Owner, chunk: &mut [PhysAddr]) -> usize {
        let mut filled = 0;
        for kind in Request::order(order).zones() {
            let Some(mut zone) = self.locked(self.zone(kind), core) else { continue };
            while let Some(wanted) = chunk.len().checked_sub(filled).filter(|&wanted| wanted > 0) {
                let Some((first, taken)) = zone.take(order, up_to(order, wanted)) else { break };
                for (block, place) in blocks(first, taken, order).zip(chunk.iter_mut().skip(filled)) {
                    self.hand_out(block, head(order, owner));
                    *place = block.start();
                    filled += 1;
                }
            }
        }
        filled
    }

    fn hand_out(&self, frame: Frame, word: Word) {
        self.map().slot(frame).into_iter().for_each(|slot| self.map().set(slot, word));
    }

    /// The stack that a block whose head's word is `word` would go to.
    fn stack_for(&self, core: Core, word: Word) -> Option<(Core, &'a Stack)> {
        let order = word.power_of_two()?;
        let stack = self.caches().get(core.index())?.stack(order)?;
        stack.is_used().then_some((core, stack))
    }

    /// Moves blocks from a cache to their zones, or to what is pending there.
    fn spill(&self, stack: &Stack, count: usize) {
        let mut entries = [None; BATCH];
        entries.iter_mut().take(count).for_each(|entry| *entry = stack.pop());
        for kind in ZoneKind::ALL {
            let of_zone = |entry: &&Entry| ZoneKind::of(entry.frame().start()) == kind;
            if !entries.iter().flatten().any(|entry| of_zone(&entry)) {
                continue;
            }
            let zone = self.zone(kind);
            let mut locked = self.try_locked(zone);
            for entry in entries.iter().flatten().filter(of_zone) {
                self.put_back(zone, locked.as_deref_mut(), *entry, stack.order());
            }
        }
    }

    fn put_back(&self, zone: &LockedZone<'a>, locked: Option<&mut Zone<'a>>, entry: Entry, order: Order) {
        let Some(slot) = entry.slot() else { return };
        match locked {
            Some(locked) => {
                self.map().set(slot, Word::PART);
                locked.give(entry.frame(), order.frames());
            }
            None => zone.pending.push(self.map(), slot, order.frames()),
        }
    }

    /// Empties the cache of `core`, whom the caller is or holds; says whether there was anything.
    fn drain_core(&self, core: Core, caller: Option<Core>) -> bool {
        let Some(cache) = self.caches().get(core.index()) else { return false };
        let mut drained = false;
        for stack in cache.stacks() {
            while let Some(entry) = stack.pop() {
                let zone = self.zone_of(entry.frame());
                let mut locked = self.locked(zone, caller);
                self.put_back(zone, locked.as_deref_mut(), entry, stack.order());
                drained = true;
            }
        }
        drained
    }

    fn drain_others(&self) -> bool {
        // Pinned while a zone's lock is held, as everywhere.
        self.cpu().hold_others(|other| {
            self.cpu().pinned(|core| self.drain_core(other, core).then_some(())).unwrap_or(())
        })
    }

    /// Frames in all caches, as far as can be seen.
    pub(crate) fn in_caches(&self) -> u64 {
        self.caches().iter().flat_map(CoreCache::stacks).map(Stack::frames).sum()
    }

    pub(crate) fn zone(&self, kind: ZoneKind) -> &LockedZone<'a> {
        let [dma32, normal] = self.zones();
        match kind {
            ZoneKind::Dma32 => dma32,
            ZoneKind::Normal => normal,
        }
    }

    fn zone_of(&self, frame: Frame) -> &LockedZone<'a> {
        self.zone(ZoneKind::of(frame.start()))
    }

    /// The zone, once it is not busy; none where one cannot wait for that.
    pub(crate) fn locked<'s>(
        &self,
        zone: &'s LockedZone<'a>,
        core: Option<Core>,
    ) -> Option<MutexGuard<'s, Zone<'a>>> {
        let Some(_) = core else { return self.try_locked(zone) };
        Some(self.absorb(zone, zone.zone.lock()))
    }

    fn try_locked<'s>(&self, zone: &'s LockedZone<'a>) -> Option<MutexGuard<'s, Zone<'a>>> {
        zone.zone.try_lock().map(|locked| self.absorb(zone, locked))
    }

    /// Puts what is pending where it belongs.
    fn absorb<'s>(
        &self,
        zone: &LockedZone<'a>,
        mut locked: MutexGuard<'s, Zone<'a>>,
    ) -> MutexGuard<'s, Zone<'a>> {
        if !zone.pending.is_empty() {
            zone.pending.take(self.map(), |slot, frames| {
                if let Some(frame) = self.map().frame_at(slot.number().into()) {
                    locked.give(frame, frames);
                }
            });
        }
        locked
    }

    fn why_not(&self, frame: Frame) -> FreeError {
        let address = frame.start();
        match self.state(address) {
            State::Allocated { head, .. } if head != frame => FreeError::NotHead { address, head },
            found => FreeError::NotAllocated { address, found },
        }
    }

    fn shortage(&self, request: &Request, wanted: Order) -> Shortage {
        let mut zones = [None; ZoneKind::ALL.len()];
        for (place, zone) in zones.iter_mut().zip(request.zones()) {
            let had = |zone: &Zone<'_>| ZoneShortage {
                zone: zone.kind(),
                largest: zone.largest(),
                free_frames: zone.free_frames(),
            };
            *place = self.cpu().pinned(|core| self.locked(self.zone(zone), core).map(|zone| had(&zone)));
        }
        Shortage { wanted, below: request.limit(), zones, in_other_caches: self.in_caches() }
    }
}

/// Takes a block of `order`, and a few more for the cache from where it came from.
fn take_with_more(zone: &mut Zone<'_>, order: Order, stack: Option<&Stack>) -> Option<Frame> {
    let mut wanted = stack.map_or(1, |stack| stack.batch() as usize);
    let mut first = None;
    while wanted > 0 {
        let Some((taken, taken_order)) = zone.take(order, up_to(order, wanted)) else { break };
        let mut blocks = blocks(taken, taken_order, order);
        wanted -= blocks.len();
        first = first.or_else(|| blocks.next());
        for block in blocks {
            let (Some(stack), Some(slot)) = (stack, zone.map().slot(block)) else { continue };
            zone.map().set(slot, stack.mark());
            stack.push(Entry::new(block, slot));
        }
    }
    if let (Some(stack), Some(slot)) = (stack, first.and_then(|first| zone.map().slot(first))) {
        stack.set_area(slot);
    }
    first
}

/// The order of the largest block that holds no more than `count` blocks of `order`.
fn up_to(order: Order, count: usize) -> Order {
    let number = u32::from(order.number()) + count.checked_ilog2().unwrap_or(0);
    u8::try_from(number).ok().and_then(Order::new).unwrap_or(order)
}

/// The blocks of `order` in one of order `taken`.
fn blocks(first: Frame, taken: Order, order: Order) -> impl ExactSizeIterator<Item = Frame> {
    let count = 1_u32 << (taken.number() - order.number());
    (0..count).map(move |number| first.plus(u64::from(number) << order.number()))
}

fn frames_in(range: PhysRange) -> impl Iterator<Item = Frame> + Clone {
    (range.start().0 / FRAME_SIZE..range.end().0 / FRAME_SIZE).map(Frame::new)
}

/// What of `range` lies in a zone.
fn common(range: PhysRange, kind: ZoneKind) -> PhysRange {
    overlap(range, kind.range())
}

fn overlap(one: PhysRange, other: PhysRange) -> PhysRange {
    PhysRange::new(one.start().max(other.start()), one.end().min(other.end()))
}
