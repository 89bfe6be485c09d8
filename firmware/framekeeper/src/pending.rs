//! Blocks that were given back while their zone was busy: a stack through the map's words.
//!
//! Whoever gives a block back never waits. When the zone's lock is taken by another, the block goes here, and whoever
//! takes the lock next puts it where it belongs. Anybody pushes; only the holder of the lock takes, and takes all, so
//! that an old head never comes back (no ABA).

use crate::{
    map::FrameMap,
    planted::{Bug, planted},
    sync::{AtomicU32, Ordering},
    word::{Kind, Slot, Word},
};

/// A zone's blocks that wait.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The slot of the block that came last.
    last: AtomicU32,
}

impl Pending {
    pub(crate) const fn new() -> Self {
        Self { last: AtomicU32::new(Slot::LIMIT) }
    }

    /// Adds the block of `frames` frames whose head is at `slot`. The caller has it, and has it no longer after that.
    pub(crate) fn push(&self, map: FrameMap<'_>, slot: Slot, frames: u64) {
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let next = Slot::new(last.into());
            if frames == 1 {
                map.set(slot, Word::pending_single(next));
            } else {
                // The frame behind the head is the block's too, and of the same section.
                let second = Slot::new(u64::from(slot.number()) + 1);
                second.into_iter().for_each(|second| map.set(second, Word::part_of_pending(frames)));
                map.set(slot, Word::pending(next));
            }
            // Release, pairs with the Acquire in `take`: who takes the block sees its words.
            let order = if planted(Bug::PendingRelaxed) { Ordering::Relaxed } else { Ordering::Release };
            let pushed = self.last.compare_exchange_weak(last, slot.number(), order, Ordering::Relaxed);
            match pushed {
                Ok(_) => return,
                Err(found) => last = found,
            }
        }
    }

    /// Whether nothing waits, as far as can be seen.
    pub(crate) fn is_empty(&self) -> bool {
        self.last.load(Ordering::Relaxed) == Slot::LIMIT
    }

    #[cfg(test)]
    pub(crate) const fn last(&self) -> &AtomicU32 {
        &self.last
    }

    /// The block that came last, if any waits; an error if it is nothing that was ever pushed.
    pub(crate) fn first(&self) -> Result<Option<Slot>, ()> {
        let last = self.last.load(Ordering::Acquire);
        let slot = Slot::new(last.into());
        if slot.is_some() || last == Slot::LIMIT { Ok(slot) } else { Err(()) }
    }

    /// Takes all blocks; each is `give`n with its slot and how many frames it has, no longer a head.
    pub(crate) fn take(&self, map: FrameMap<'_>, mut give: impl FnMut(Slot, u64)) {
        // Acquire, pairs with the Release in `push`.
        let mut next = Slot::new(self.last.swap(Slot::LIMIT, Ordering::Acquire).into());
        while let Some(slot) = next {
            let word = map.word_at(slot);
            // Only in a damaged list. To go on there could go on for ever.
            if word.kind() != Kind::Pending {
                return;
            }
            next = word.next();
            let mut frames = 1;
            if let Some(second) =
                Slot::new(u64::from(slot.number()) + 1).filter(|_| !word.is_pending_single())
            {
                frames = map.word_at(second).frames_field();
                map.set(second, Word::PART);
            }
            map.set(slot, Word::PART);
            give(slot, frames);
        }
    }
}
