//! The core caches, against the map.

use super::Fault;
use crate::{
    allocator::FrameAllocator,
    cache::{CoreCache, Entry, Stack},
    cpu::{Core, CpuLocal},
    frame::{Frame, Order},
    map::FrameMap,
    word::{Kind, Owner, Word},
};

impl<C: CpuLocal> FrameAllocator<'_, C> {
    /// Checks the caches, of which the map says that they have `cached` blocks.
    pub(super) fn verify_caches(&self, cached: usize) -> Result<(), Fault> {
        let (mut entries, mut shares) = (0, (0, u64::MAX));
        for (cache, core) in self.caches().iter().zip((0..=u8::MAX).map(Core::new)) {
            for (stack, order) in cache.kept().zip(Order::all()) {
                let (least, most) = stack.shares(order);
                // All caches were limited to the same share of memory.
                shares = (least.max(shares.0), most.min(shares.1));
                if shares.0 > shares.1 {
                    return Err(Fault::Stack { core, order });
                }
                entries += verify_stack(self.map(), stack, core, order)?;
            }
            if !cache.leaving().is_for_leaving() {
                return Err(Fault::Stack { core, order: Order::FRAME });
            }
            entries += verify_stack(self.map(), cache.leaving(), core, Order::FRAME)?;
        }
        // Each entry is right and none is there twice, so if there are as many as there should be, none is missing.
        if entries == cached { Ok(()) } else { Err(self.missing()) }
    }

    /// A block that the map says is in a cache, and is not.
    fn missing(&self) -> Fault {
        let cached = self.map().frames().map(|frame| (frame, self.map().word(frame)));
        let mut cached = cached.filter(|(_, word)| word.kind() == Kind::Cached);
        let has = |frame, word: Word| {
            let cache = self.caches().get(word.core().index());
            let mut entries = cache.into_iter().flat_map(CoreCache::stacks).flat_map(Stack::entries);
            entries.any(|entry| entry.frame() == frame)
        };
        let missing = cached.find(|&(frame, word)| !has(frame, word)).unwrap_or((Frame::new(0), Word::HOLE));
        Fault::Cache { core: missing.1.core(), frame: missing.0 }
    }
}

/// Checks a stack of blocks of `order`; says how many there are.
fn verify_stack(map: FrameMap<'_>, stack: &Stack, core: Core, order: Order) -> Result<usize, Fault> {
    let head = Word::allocated(order.frames(), Owner::new(0));
    if stack.mark() != Word::cached(order, core) || stack.head() != head || !stack.is_within_limit() {
        return Err(Fault::Stack { core, order });
    }
    for (entry, before) in stack.entries().zip(0..) {
        let is_twice = stack.entries().take(before).any(|other| other == entry);
        if is_twice || !is_right(map, entry, stack.mark()) {
            return Err(Fault::Cache { core, frame: entry.frame() });
        }
    }
    Ok(stack.entries().count())
}

fn is_right(map: FrameMap<'_>, entry: Entry, mark: Word) -> bool {
    let slot = map.slot(entry.frame());
    slot == entry.slot() && slot.is_some_and(|slot| map.word_at(slot) == mark)
}
