//! Where the caches do not suffice: the zones, and emptying caches into them.

use core::iter;

use super::{FrameAllocator, LockedZone, head, span};
use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    cache::Run,
    cpu::{Asked, Core, CpuLocal},
    entry::Entry,
    errors::{AddError, AllocError, FreeError, Shortage, ZoneShortage},
    frame::{Frame, Order},
    map::{State, ZoneKind},
    planted::{Bug, planted},
    regions::RegionSet,
    request::Request,
    sync::MutexGuard,
    word::{Owner, Word},
    zone::{Taken, Zone},
};

/// Blocks that [`FrameAllocator::alloc_bulk`] takes while it holds a zone.
const BULK: usize = 64;

/// How often all caches are emptied for one request: what other cores give back meanwhile lies in their caches again.
const ROUNDS: usize = 16;

/// Why an attempt yielded nothing.
enum Miss {
    /// A zone was busy and this is no place to wait.
    Busy,
    Empty,
}

impl<'a, C: CpuLocal> FrameAllocator<'a, C> {
    /// Hands out the block that starts at `address`.
    ///
    /// # Errors
    ///
    /// [`AllocError::Misaligned`], [`AllocError::NotFree`], [`AllocError::Busy`], and [`AllocError::Refused`].
    pub fn alloc_at(&self, address: PhysAddr, order: Order, owner: Owner) -> Result<PhysAddr, AllocError> {
        let frame = Frame::starting_at(address).filter(|frame| frame.is_aligned(order));
        let frame = frame.ok_or(AllocError::Misaligned { address })?;
        let take = |zone: &mut Zone<'_>| {
            let next = u64::from(planted(Bug::AtAddressTakesNeighbour)) << order.number();
            zone.take_at(frame.plus(next), order)?;
            let (block, _) = self.map().find(frame).filter(|&(block, _)| self.is_usable(block, order))?;
            self.map().set_own(block, head(order, owner));
            Some(frame.start())
        };
        let zone = self.zone_of(frame);
        // What no cache can hide is not looked for there.
        let found = self.state(address);
        if let State::Hole | State::Reserved | State::Allocated { .. } | State::Damaged { .. } = found {
            return Err(AllocError::NotFree { address, found });
        }
        self.cpu().pinned(|core| self.ask(core, order.frames()))?;
        self.insist(|core| {
            self.locked(zone, core).ok_or(Miss::Busy).and_then(|mut zone| take(&mut zone).ok_or(Miss::Empty))
        })
        .map_err(|miss| match miss {
            Miss::Busy => AllocError::Busy,
            Miss::Empty => AllocError::NotFree { address, found: self.state(address) },
        })
    }

    /// Fills `places` with blocks of `order`, as far as there are any and the machine [admits](CpuLocal::admits) them; says
    /// how many. Blocks that were free in one piece come in the order of their addresses.
    pub fn alloc_bulk(&self, order: Order, owner: Owner, places: &mut [PhysAddr]) -> usize {
        let mut filled = 0;
        for chunk in places.chunks_mut(BULK) {
            let taken = self.cpu().pinned(|core| {
                self.ask(core, order.frames() * chunk.len() as u64)?;
                Ok::<_, Asked>(self.take_chunk(core, order, owner, chunk))
            });
            let Ok(taken) = taken else { return filled };
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
        if planted(Bug::BulkCountsOneTooMany) && filled < places.len() { filled + 1 } else { filled }
    }

    /// Adds memory that was reserved until now: of the RAM that the allocator was made for.
    ///
    /// # Errors
    ///
    /// Some of it is not reserved: a hole, or added before; or [`AddError::Busy`]; or [`AddError::Refused`]. Nothing has
    /// changed then.
    pub fn add(&self, range: PhysRange) -> Result<u64, AddError> {
        let frames = frames_in(range.round_inward());
        self.cpu().pinned(|core| {
            self.ask(core, range.round_inward().size() / FRAME_SIZE)?;
            let [dma32, normal] = self.zones().each_ref().map(|zone| self.locked(zone, core));
            let (Some(dma32), Some(normal)) = (dma32, normal) else { return Err(AddError::Busy) };
            let mut found = frames.clone().map(|frame| (frame, self.state(frame.start())));
            if let Some((frame, found)) =
                found.find(|(_, state)| *state != State::Reserved && !planted(Bug::AddUnchecked))
            {
                return Err(AddError::NotReserved { range, frame, found });
            }
            for frame in frames.clone() {
                self.map().slot(frame).into_iter().for_each(|slot| self.map().set(slot, Word::PART));
            }
            for mut zone in [dma32, normal] {
                let range = common(range.round_inward(), zone.kind());
                self.give_range(&mut zone, range);
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

    /// Apart, so that where nobody asks for the reason no room need be made for it.
    #[cold]
    #[inline(never)]
    pub(super) fn alloc_frames_slow(&self, order: Order) -> Option<PhysAddr> {
        let request = Request::order(order);
        match self.cpu().pinned(|core| self.refill(core, &request)).ok()? {
            Some(frame) => Some(frame.start()),
            None => self.alloc_from_zones(&request, order).ok(),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn alloc_slow(&self, request: Request) -> Result<PhysAddr, AllocError> {
        let order = request.holding().ok_or(AllocError::BadSize { frames: request.frame_count() })?;
        match self.cpu().pinned(|core| self.refill(core, &request))? {
            Some(frame) => Ok(frame.start()),
            None => self.alloc_from_zones(&request, order),
        }
    }

    fn alloc_from_zones(&self, request: &Request, order: Order) -> Result<PhysAddr, AllocError> {
        self.insist(|core| self.attempt(core, request, order)).map_err(|miss| match miss {
            Miss::Busy => AllocError::Busy,
            Miss::Empty => AllocError::OutOfMemory(self.shortage(request, order)),
        })
    }

    #[cold]
    #[inline(never)]
    pub(super) fn free_slow(&self, address: PhysAddr) -> Result<u64, FreeError> {
        let frame = Frame::starting_at(address).ok_or(FreeError::Misaligned { address })?;
        let (entry, cell) = self.map().find(frame).ok_or_else(|| self.why_not(frame))?;
        self.cpu().pinned(|core| {
            let word = cell.load();
            let full = core.and_then(|core| self.stack_for(core, entry, word));
            let is_out = word.is_allocated() && word.is_sound() || self.is_let_in(address);
            if !is_out || !cell.swap(word, Word::PART) {
                return Err(self.why_not(frame));
            }
            let frames = word.frames_field();
            self.cpu().freed(span(frame, frames));
            let zone = self.zone_of(frame);
            match self.try_locked(zone) {
                Some(mut locked) => {
                    locked.give(entry, frames);
                    full.into_iter().for_each(|stack| self.make_room(&mut locked, stack));
                }
                None => self.postpone(zone, Run { first: entry, frames }, frames),
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
                self.give_range(&mut zone, range);
            }
        }
        let frames = free.size() / FRAME_SIZE;
        // Of each order, no more than a 64th of all memory lies in caches.
        let share = frames / 64 / (self.caches().len() as u64).max(1);
        for (cache, number) in self.caches().iter().zip(0..=u8::MAX) {
            cache.reset(Core::new(number), share);
        }
    }

    /// Tries; then with this core's cache emptied; then with all caches emptied.
    fn insist<T>(&self, attempt: impl Fn(Option<Core>) -> Result<T, Miss>) -> Result<T, Miss> {
        let here = || {
            self.cpu().pinned(|core| match attempt(core) {
                Err(Miss::Empty) if core.is_some_and(|own| self.drain_core(own, core)) => attempt(core),
                result => result,
            })
        };
        let mut found = here();
        for _ in 0..ROUNDS {
            if !matches!(found, Err(Miss::Empty)) {
                break;
            }
            // Also with nothing in caches: what was there may have come back to the zones in this moment.
            let in_caches = self.in_caches() > 0;
            if in_caches && !self.drain_others() {
                break;
            }
            found = here();
            if !in_caches && self.in_caches() == 0 {
                break;
            }
        }
        found
    }

    /// Takes a block from the first zone that has one.
    fn attempt(&self, core: Option<Core>, request: &Request, order: Order) -> Result<PhysAddr, Miss> {
        let mut miss = Miss::Empty;
        for kind in request.zones() {
            let Some(mut zone) = self.locked(self.zone(kind), core) else {
                miss = Miss::Busy;
                continue;
            };
            let take = || match request.limit() {
                Some(limit) => zone.take_below(order, limit),
                None => zone.take(order, 1).map(Taken::first),
            };
            let Some(first) = iter::from_fn(take).find(|&first| self.is_usable(first, order)) else {
                continue;
            };
            let frames = request.frame_count();
            let kept =
                if planted(Bug::TrimsOneTooMany) && frames < order.frames() { frames - 1 } else { frames };
            zone.give(first.plus(kept), order.frames() - kept);
            self.map().set_own(first, word_for(request));
            return Ok(first.frame().start());
        }
        Err(miss)
    }

    fn take_chunk(&self, core: Option<Core>, order: Order, owner: Owner, chunk: &mut [PhysAddr]) -> usize {
        let mut filled = 0;
        for kind in Request::order(order).zones() {
            let Some(mut zone) = self.locked(self.zone(kind), core) else { continue };
            while let Some(wanted) = chunk.len().checked_sub(filled).filter(|&wanted| wanted > 0) {
                let wanted = u32::try_from(wanted).unwrap_or(1);
                let Some(taken) = zone.take(order, wanted) else { break };
                let from = filled;
                for block in taken.blocks_down(order).filter(|&block| self.is_usable(block, order)) {
                    self.map().set_own(block, head(order, owner));
                    chunk.get_mut(filled).into_iter().for_each(|place| *place = block.frame().start());
                    filled += 1;
                }
                chunk.get_mut(from..filled).into_iter().for_each(<[_]>::reverse);
            }
        }
        filled
    }

    /// Gives a zone memory that is in one piece.
    fn give_range(&self, zone: &mut Zone<'a>, range: PhysRange) {
        self.cpu().freed(range);
        if let Some((first, _)) = self.map().find(Frame::containing(range.start())) {
            zone.give(first, range.size() / FRAME_SIZE);
        }
    }

    pub(crate) fn zone(&self, kind: ZoneKind) -> &LockedZone<'a> {
        let [dma32, normal] = self.zones();
        match kind {
            ZoneKind::Dma32 => dma32,
            ZoneKind::Normal => normal,
        }
    }

    pub(super) fn zone_of(&self, frame: Frame) -> &LockedZone<'a> {
        if planted(Bug::GivenToWrongZone) {
            return self.zone(ZoneKind::Dma32);
        }
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

    pub(super) fn try_locked<'s>(&self, zone: &'s LockedZone<'a>) -> Option<MutexGuard<'s, Zone<'a>>> {
        zone.zone.try_lock().map(|locked| self.absorb(zone, locked))
    }

    /// Puts what is pending where it belongs.
    #[inline]
    fn absorb<'s>(
        &self,
        zone: &LockedZone<'a>,
        mut locked: MutexGuard<'s, Zone<'a>>,
    ) -> MutexGuard<'s, Zone<'a>> {
        if !zone.pending.is_empty() {
            self.give_pending(zone, &mut locked);
        }
        locked
    }

    #[cold]
    fn give_pending(&self, zone: &LockedZone<'a>, locked: &mut Zone<'a>) {
        zone.pending.take(self.map(), |slot, frames| {
            if planted(Bug::PendingDropped) {
                return;
            }
            let number = slot.number().into();
            if let Some(frame) = self.map().frame_at(number) {
                locked.give(Entry::new(frame, number), frames);
            }
        });
    }

    /// Whether what nobody may give back is taken back all the same, for a bug.
    #[inline]
    fn is_let_in(&self, address: PhysAddr) -> bool {
        planted(Bug::TailFreeAccepted) && matches!(self.state(address), State::Allocated { .. })
            || planted(Bug::DoubleFreeAccepted)
                && matches!(self.state(address), State::Free { .. } | State::Cached { .. })
    }

    pub(super) fn why_not(&self, frame: Frame) -> FreeError {
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

/// The word of the block that is handed out for a request.
#[inline]
fn word_for(request: &Request) -> Word {
    let frames = request.frame_count();
    let frames = if planted(Bug::WrongOrder) { frames.div_ceil(2) } else { frames };
    Word::allocated(frames, if planted(Bug::WrongOwner) { Owner::new(0) } else { request.owner() })
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
