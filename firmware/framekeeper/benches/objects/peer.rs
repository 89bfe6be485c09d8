//! Who is measured.

use crate::{
    memory::Memory,
    object::Workload,
    peers::{
        buddy_slab, floor,
        framekeeper::{self, Hardening},
        general, heaps, rlsf, slabmalloc,
    },
    rounds::{self, Samples},
    table::{Kind, Row},
};

/// An allocator, or a floor below all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Framekeeper, and how much it checks.
    Off,
    Standard,
    Paranoid,
    BuddySlab,
    Slabmalloc,
    Talc,
    Rlsf,
    LinkedList,
    BuddySystem,
    Mimalloc,
    Jemalloc,
    /// The loop with nothing to call.
    Harness,
    /// One list of free objects behind a spin lock, for each power of two.
    LockedLists,
    /// Such lists for each core, without a lock.
    Lists,
}

impl Peer {
    pub(crate) const ALL: &[Self] = &[
        Self::Off,
        Self::Standard,
        Self::Paranoid,
        Self::BuddySlab,
        Self::Slabmalloc,
        Self::Talc,
        Self::Rlsf,
        Self::LinkedList,
        Self::BuddySystem,
        Self::Mimalloc,
        Self::Jemalloc,
        Self::Harness,
        Self::LockedLists,
        Self::Lists,
    ];
    /// For objects that go from core to core: with lists of their own, one core's would only grow.
    pub(crate) const SHARED: &[Self] = Self::ALL.split_at(13).0;
    /// For what is not about time.
    pub(crate) const ALLOCATORS: &[Self] = Self::ALL.split_at(11).0;
    /// Allocators for processes.
    pub(crate) const GENERAL: &[Self] = &[Self::Mimalloc, Self::Jemalloc];

    const fn name(self) -> &'static str {
        match self {
            Self::Off => "slabs off",
            Self::Standard => "slabs standard",
            Self::Paranoid => "slabs paranoid",
            Self::BuddySlab => "buddy-slab",
            Self::Slabmalloc => "slabmalloc",
            Self::Talc => "talc",
            Self::Rlsf => "rlsf",
            Self::LinkedList => "linked_list",
            Self::BuddySystem => "buddy_system",
            Self::Mimalloc => "mimalloc",
            Self::Jemalloc => "jemalloc",
            Self::Harness => "(harness)",
            Self::LockedLists => "(lists + spin)",
            Self::Lists => "(lists)",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Off | Self::Standard | Self::Paranoid => Kind::Ours,
            Self::Mimalloc | Self::Jemalloc | Self::Harness | Self::LockedLists | Self::Lists => {
                Kind::Landmark
            }
            _ => Kind::Peer,
        }
    }

    pub(crate) const fn row(self) -> Row {
        Row { name: self.name(), kind: self.kind() }
    }

    /// One turn, with fresh memory; general allocators have their own, and keep it.
    fn run<W: Workload>(self, memory: &mut Memory, workload: &W) -> Vec<W::Reading> {
        match self {
            Self::Off => framekeeper::on_fresh(memory, Hardening::Off, |s| workload.measure(s)),
            Self::Standard => framekeeper::on_fresh(memory, Hardening::Standard, |s| workload.measure(s)),
            Self::Paranoid => framekeeper::on_fresh(memory, Hardening::Paranoid, |s| workload.measure(s)),
            Self::BuddySlab => workload.measure(&buddy_slab::on_fresh(memory)),
            Self::Slabmalloc => workload.measure(&slabmalloc::on_fresh(memory)),
            Self::Talc => workload.measure(&heaps::talc_on_fresh(memory)),
            Self::Rlsf => workload.measure(&rlsf::on_fresh(memory)),
            Self::LinkedList => workload.measure(&heaps::linked_list_on_fresh(memory)),
            Self::BuddySystem => workload.measure(&heaps::buddy_system_on_fresh(memory)),
            Self::Mimalloc => workload.measure(&general::mimalloc()),
            Self::Jemalloc => workload.measure(&general::jemalloc()),
            Self::Harness => workload.measure(&floor::nothing(memory)),
            Self::LockedLists => workload.measure(&floor::locked_lists(memory)),
            Self::Lists => workload.measure(&floor::lists(memory)),
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
) -> Vec<Samples<W::Reading>> {
    rounds::take_turns(peers, count, |peer| peer.run(memory, workload))
}
