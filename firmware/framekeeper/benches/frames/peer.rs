//! Who is measured.

use crate::{
    memory::Memory,
    peers::{bitmap, buddy_slab, buddy_system, floor, frame_alloc, framekeeper},
    rounds::{self, Samples},
    subject::Workload,
    table::{Kind, Row},
};

/// An allocator, or a floor below all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Framekeeper,
    BuddySlab,
    BuddySystem,
    Bitmap,
    /// `frame-alloc`'s core alone.
    FrameBuddy,
    /// `frame-alloc`'s core behind its per-core caches.
    FrameDepot,
    /// The loop with nothing to call.
    Harness,
    /// A stack of frames for each core, without a lock.
    Stack,
    /// One stack of frames behind a spin lock.
    LockedStack,
}

impl Peer {
    /// Everybody, for single frames.
    pub(crate) const FOR_FRAMES: &[Self] = &[
        Self::Framekeeper,
        Self::BuddySlab,
        Self::BuddySystem,
        Self::Bitmap,
        Self::FrameBuddy,
        Self::FrameDepot,
        Self::Harness,
        Self::Stack,
        Self::LockedStack,
    ];
    /// For blocks of any order: a stack has none.
    pub(crate) const FOR_BLOCKS: &[Self] = Self::FOR_FRAMES.split_at(7).0;
    /// For what is not about time.
    pub(crate) const ALLOCATORS: &[Self] = Self::FOR_FRAMES.split_at(6).0;

    const fn name(self) -> &'static str {
        match self {
            Self::Framekeeper => "framekeeper",
            Self::BuddySlab => "buddy-slab",
            Self::BuddySystem => "buddy_system",
            Self::Bitmap => "bitmap",
            Self::FrameBuddy => "frame-alloc",
            Self::FrameDepot => "frame-alloc depot",
            Self::Harness => "(harness)",
            Self::Stack => "(stack)",
            Self::LockedStack => "(stack + spin)",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Framekeeper => Kind::Ours,
            Self::Harness | Self::Stack | Self::LockedStack => Kind::Landmark,
            _ => Kind::Peer,
        }
    }

    pub(crate) const fn row(self) -> Row {
        Row { name: self.name(), kind: self.kind() }
    }

    /// One turn, with fresh memory.
    fn run<W: Workload>(self, memory: &mut Memory, workload: &W) -> Vec<f64> {
        let size = workload.size();
        match self {
            Self::Framekeeper => framekeeper::on_fresh(memory, size, |made| workload.measure(made)),
            Self::BuddySlab => buddy_slab::on_fresh(memory, size, |made| workload.measure(made)),
            Self::BuddySystem => buddy_system::on_fresh(size, |made| workload.measure(made)),
            Self::Bitmap => bitmap::on_fresh(size, workload),
            Self::FrameBuddy => frame_alloc::on_fresh_buddy(memory, size, |made| workload.measure(made)),
            Self::FrameDepot => frame_alloc::on_fresh_depot(memory, size, |made| workload.measure(made)),
            Self::Harness => floor::with_nothing(size, |made| workload.measure(made)),
            Self::Stack => floor::on_stacks(size, |made| workload.measure(made)),
            Self::LockedStack => floor::on_locked_stack(size, |made| workload.measure(made)),
        }
    }
}

impl From<Peer> for Row {
    fn from(peer: Peer) -> Self {
        peer.row()
    }
}

/// Turns of a workload.
pub(crate) fn take_turns<W: Workload>(
    memory: &mut Memory,
    peers: &[Peer],
    count: usize,
    workload: &W,
) -> Vec<Samples<f64>> {
    rounds::take_turns(peers, count, |peer| peer.run(memory, workload))
}
