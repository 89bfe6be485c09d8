//! Checking an allocator against the five clauses that make a buddy allocator correct.
//!
//! 1. A free block is counted and found as a block of its order, and of no other.
//! 2. What leads to it is mutual: a node's bits, its counts, the classes and their summaries say the same.
//! 3. A block is aligned to its order and lies inside its zone.
//! 4. No two buddies of equal order are both free, below the largest order.
//! 5. Everything else is cached, pending, allocated or reserved, and no two blocks overlap.
//!
//! And the counters say what the bits and the map say. Where others have lists and links, here are bits: that clause 4
//! holds follows from clause 2, since a node's counts are those of its bits, joined as far as they go.
//!
//! This reads the whole map: it is for tests and for the end of a suite, not for a running kernel.

use crate::{
    allocator::FrameAllocator,
    cache::Entry,
    cpu::{Core, CpuLocal},
    frame::{Frame, Order},
    level::{Level, ORDERS, WHOLE},
    map::{FrameMap, ZoneKind},
    word::{Kind, Word},
    zone::Zone,
};

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A node's free bits, its counts and its class do not agree.
    Node {
        /// The zone.
        zone: ZoneKind,
        /// The order of the node's units: 0 for frames, 9 for areas.
        units: Order,
        /// Which node, counted from the zone's start.
        node: usize,
    },
    /// The classes' summaries do not agree with the classes.
    Summary {
        /// The zone.
        zone: ZoneKind,
        /// The order of the units of its nodes.
        units: Order,
    },
    /// The number of free blocks of an order is wrong.
    Count {
        /// The zone.
        zone: ZoneKind,
        /// The order.
        order: Order,
        /// What the counter says.
        counted: u64,
        /// How many there are.
        found: u64,
    },
    /// A word that nobody can have written.
    Damaged {
        /// Its frame.
        frame: Frame,
    },
    /// A block does not start at a multiple of its size, or leaves its memory.
    Misplaced {
        /// The block.
        frame: Frame,
    },
    /// A frame inside a block is free, or says something else than that it is a part.
    Overlap {
        /// The block.
        head: Frame,
        /// The frame.
        frame: Frame,
    },
    /// A frame is free whose word says that it is something else.
    FreeAndNot {
        /// The frame.
        frame: Frame,
    },
    /// A frame that is part of nothing and says that it is.
    Stray {
        /// The frame.
        frame: Frame,
    },
    /// A core's cache and the map do not agree about a block.
    Cache {
        /// Whose.
        core: Core,
        /// The block.
        frame: Frame,
    },
    /// A core's cache has more or fewer blocks than the map says.
    CacheCount {
        /// Whose.
        core: Core,
    },
    /// A block waits for a zone that nobody holds.
    Pending {
        /// The block.
        frame: Frame,
    },
    /// A table of the map is wrong about a frame.
    Table {
        /// The frame.
        frame: Frame,
    },
}

impl<C: CpuLocal> FrameAllocator<'_, C> {
    /// Checks everything, while no core is inside the allocator.
    ///
    /// # Errors
    ///
    /// The first fault that is found.
    pub fn verify(&self) -> Result<(), Fault> {
        self.cpu().pinned(|core| {
            for zone in self.zones() {
                // Where the zone is busy somebody is inside, against the condition.
                if let Some(zone) = self.locked(zone, core) {
                    verify_zone(&zone)?;
                }
            }
            verify_words(self.map())?;
            self.verify_caches()
        })
    }

    fn verify_caches(&self) -> Result<(), Fault> {
        let of_core = |core: Core| {
            let words = self.map().frames().map(|frame| self.map().word(frame));
            words.filter(|word| word.kind() == Kind::Cached && word.core() == core).count()
        };
        let mut cached = 0;
        for (cache, core) in self.caches().iter().zip((0..).map(Core::new)) {
            let mut entries = 0;
            for stack in cache.stacks() {
                for entry in stack.entries() {
                    entries += 1;
                    if !self.is_right(entry, stack.mark()) {
                        return Err(Fault::Cache { core, frame: entry.frame() });
                    }
                }
            }
            cached += entries;
            if of_core(core) != entries {
                return Err(Fault::CacheCount { core });
            }
        }
        let words = self.map().frames().map(|frame| self.map().word(frame));
        let all = words.filter(|word| word.kind() == Kind::Cached).count();
        if all == cached { Ok(()) } else { Err(Fault::CacheCount { core: Core::new(u8::MAX) }) }
    }

    fn is_right(&self, entry: Entry, mark: Word) -> bool {
        let slot = self.map().slot(entry.frame());
        slot == entry.slot() && slot.is_some_and(|slot| self.map().word_at(slot) == mark)
    }
}

fn verify_zone(zone: &Zone<'_>) -> Result<(), Fault> {
    let index = zone.index();
    verify_level(zone.kind(), Order::FRAME, &index.frames)?;
    verify_level(zone.kind(), Order::MIB_2, &index.areas)?;
    for order in Order::all() {
        let number = u32::from(order.number());
        let (level, order_in_level) =
            if number < WHOLE { (&index.frames, number) } else { (&index.areas, number - WHOLE) };
        let found = (0..level.nodes()).map(|node| level.blocks(node, order_in_level)).sum();
        let counted = zone.free_blocks(order);
        if counted != found {
            return Err(Fault::Count { zone: zone.kind(), order, counted, found });
        }
    }
    Ok(())
}

fn verify_level(zone: ZoneKind, units: Order, level: &Level<'_>) -> Result<(), Fault> {
    if let Some(node) = (0..level.nodes()).find(|&node| !level.is_consistent(node)) {
        return Err(Fault::Node { zone, units, node });
    }
    // An area that is free as a whole is a matter of the upper level.
    let whole = (0..level.nodes()).find(|&node| units == Order::FRAME && level.blocks(node, ORDERS - 1) > 0);
    match whole {
        Some(node) => Err(Fault::Node { zone, units, node }),
        None if level.is_summed_up() => Ok(()),
        None => Err(Fault::Summary { zone, units }),
    }
}

/// Every frame is free, a head, part of the block before it, reserved, or a hole.
fn verify_words(map: FrameMap<'_>) -> Result<(), Fault> {
    let mut block: Option<(Frame, u64)> = None;
    for frame in map.frames() {
        let word = map.word(frame);
        if !word.is_sound() {
            return Err(Fault::Damaged { frame });
        }
        let slot = map.slot(frame);
        if slot.and_then(|slot| map.frame_at(slot.number().into())) != Some(frame) {
            return Err(Fault::Table { frame });
        }
        let free = map.free_block(frame).is_some();
        let inside = block.filter(|&(head, frames)| frame.number() - head.number() < frames);
        match (inside, word.kind()) {
            (Some((head, _)), _) if free || word != Word::PART => return Err(Fault::Overlap { head, frame }),
            (None, Kind::Part) if word == Word::PART && free => {}
            (None, Kind::Hole | Kind::Reserved) if !free => {}
            (None, Kind::Part) => return Err(Fault::Stray { frame }),
            (None, Kind::Pending) => return Err(Fault::Pending { frame }),
            (None, Kind::Allocated | Kind::Cached) if !free => {
                verify_block(map, frame, word)?;
                block = Some((frame, word.frames()));
            }
            (None, _) => return Err(Fault::FreeAndNot { frame }),
            (Some(_), _) => {}
        }
    }
    Ok(())
}

fn verify_block(map: FrameMap<'_>, head: Frame, word: Word) -> Result<(), Fault> {
    let last = head.plus(word.frames() - 1);
    let aligned = Order::holding(word.frames()).is_some_and(|order| head.is_aligned(order));
    let in_one_zone = ZoneKind::of(head.start()) == ZoneKind::of(last.start());
    if aligned && in_one_zone && map.slot(last).is_some() {
        Ok(())
    } else {
        Err(Fault::Misplaced { frame: head })
    }
}
