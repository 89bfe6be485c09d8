//! Bugs that tests switch on, one at a time, to see that they are caught.
//!
//! A test that never failed proves nothing. So for each kind of mistake that an allocator can make there is one here, and
//! where it would be made stands `if planted(Bug::…)`. Without the feature `planted` that is `false` when it is compiled,
//! and nothing is left of it. With it, a planted bug breaks what this crate promises, memory safety too: it is for tests
//! alone, and only where memory is not missed.

use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Which bug is planted, by its number; zero for none. Relaxed: it is set before the work begins that is to go wrong.
static PLANTED: AtomicU8 = AtomicU8::new(0);

/// Switches a bug on, and the one before it off; or all off. Objects and frames that are out or in caches stay what they
/// are: it is best done before an allocator is made.
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as u8 + 1), Relaxed);
}

/// Whether this bug is switched on.
#[inline(always)]
pub(crate) fn planted(bug: Bug) -> bool {
    cfg!(feature = "planted") && PLANTED.load(Relaxed) == bug as u8 + 1
}

/// Plants the bug that the variable `PLANT` names, if it names one: to see a model find it.
#[cfg(all(test, loom, feature = "planted"))]
pub(crate) fn plant_named() {
    let name = std::env::var("PLANT").unwrap_or_default();
    plant(Bug::ALL.iter().copied().find(|bug| bug.name() == name));
}

/// The bugs, with their names.
macro_rules! bugs {
    ($($(#[$doc:meta])+ $bug:ident = $name:literal,)+) => {
        /// What can be made wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Bug {
            $($(#[$doc])+ $bug,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];

            /// What it is called on a command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)+
                }
            }
        }
    };
}

bugs! {
    // The device tree and regions.
    /// All from the first bank to the end of the last is RAM: the kernel is handed frames that do not answer.
    HoleTakenForRam = "hole-taken-for-ram",
    /// What is reserved is rounded inward: the kernel is handed frames that firmware has the rest of.
    ReservedRoundedInward = "reserved-rounded-inward",
    /// Each bank has a frame more at its end: the kernel is handed one that does not answer.
    BankEndOffByOne = "bank-end-off-by-one",
    /// Ranges that touch stay two: a set is full too soon, and equal sets look different.
    NeighboursNotMerged = "neighbours-not-merged",
    /// Ranges with a frame or less between them become one: the kernel is handed what lies between.
    MergedAcrossHole = "merged-across-hole",
    /// Of `/reserved-memory` only direct children count: the kernel is handed log buffers of the boot loader.
    NestedReservationIgnored = "nested-reservation-ignored",

    // The map.
    /// A block that is cut from a zone is half as large by its word: the rest is lost once it is given back.
    WrongOrder = "wrong-order",
    /// A block that is cut from a zone is owner 0's by its word: reports count it for somebody else.
    WrongOwner = "wrong-owner",
    /// The last of several sections with RAM is not in the table: its memory is missing, and its addresses are holes.
    LostSection = "lost-section",

    // Zones.
    /// A block that comes back is counted as if its buddy were not free: large blocks cannot be had though they are free.
    LostCoalesce = "lost-coalesce",
    /// A block from above a zone border goes to the zone below, as if one reached across: it is counted, and cannot be had.
    GivenToWrongZone = "given-to-wrong-zone",
    /// In place of a block its buddy becomes free: the kernel is handed a block that somebody has.
    WrongBuddy = "wrong-buddy",
    /// Of a large block that is split the other half is lost: memory leaks.
    SplitLosesHalf = "split-loses-half",
    /// What comes back to a node is not counted there: it cannot be had, though its bits say that it is free.
    CensusStale = "census-stale",
    /// What is asked for by address is taken from right behind: two have the block, and its neighbour is lost.
    AtAddressTakesNeighbour = "at-address-takes-neighbour",
    /// Of an exact number of frames the last one goes back with the rest: two have it.
    TrimsOneTooMany = "trims-one-too-many",
    /// A block may lie above the address that it was to end below: a device is given memory that it cannot reach.
    LimitIgnored = "limit-ignored",
    /// What is free can be given back again: two are handed it.
    DoubleFreeAccepted = "double-free-accepted",
    /// A frame inside a block can be given back: who has the block shares it.
    TailFreeAccepted = "tail-free-accepted",
    /// A word is looked at and then written, in place of one swap: of two cores that give the same back both may be told that
    /// they did, and two are handed it.
    RacedFreeAccepted = "raced-free-accepted",
    /// A bulk that could not be filled says one block more than it has: the kernel uses an address that it was not handed.
    BulkCountsOneTooMany = "bulk-counts-one-too-many",
    /// Memory can be added that is in use: two are handed it.
    AddUnchecked = "add-unchecked",
    /// A block grows also where not all behind it is free: two have the rest.
    GrowthOverlaps = "growth-overlaps",
    /// What a block loses when it shrinks goes nowhere: memory leaks.
    ShrinkLosesTail = "shrink-loses-tail",

    // Core caches.
    /// What is emptied out of a core's cache goes nowhere: memory leaks.
    DrainLeaks = "drain-leaks",
    /// Of what refills a cache one block is in it twice: two are handed it.
    RefilledTwice = "refilled-twice",
    /// Other cores' caches are not emptied when memory is out: the kernel is told that there is none, though there is.
    DrainForgetsOthers = "drain-forgets-others",
    /// A block that is put into a cache is not counted: the next one takes its place, and it is lost.
    CacheCountOffByOne = "cache-count-off-by-one",
    /// What was given back while its zone was busy goes nowhere: memory leaks.
    PendingDropped = "pending-dropped",
    /// A block is pushed to what waits without Release: who takes it may see words from before, and forget all that waits. No
    /// run on x86 shows it, and few do elsewhere. A model checker does: `PLANT=pending-relaxed RUSTFLAGS="--cfg loom" cargo
    /// test -p framekeeper --release --features planted --lib interleavings`.
    PendingRelaxed = "pending-relaxed",
    /// Nobody looks whether a free frame was written to: who writes there is not told.
    FramePoisonUnchecked = "frame-poison-unchecked",
    /// A block of zeros is not zeroed: the kernel reads what somebody left there.
    NotZeroed = "not-zeroed",

    // Slabs.
    /// No object that is given back looks free: two are handed it, unless it comes to its slab before.
    ObjectDoubleFreeAccepted = "object-double-free-accepted",
    /// An object goes into the magazine of the size that it is given back with: who asks for that gets less, or more.
    WrongPoolAccepted = "wrong-pool-accepted",
    /// In place of an object's slot the one behind it becomes free in a slab: two are handed that.
    SlotOffByOne = "slot-off-by-one",
    /// Objects lie eight bytes nearer to each other than they are large: they overlap, and most cannot be given back.
    SlotsOverlap = "slots-overlap",
    /// A size that begins a new class is served by the one below: an object overlaps the next one.
    ClassTooSmall = "class-too-small",
    /// An object is aligned as its size is, not as it was asked for.
    AlignmentIgnored = "alignment-ignored",
    /// Slabs without an object stay: memory that nobody uses is not had again.
    EmptiesKept = "empties-kept",
    /// Of what leaves a full magazine one object goes nowhere: memory leaks.
    HandOverLosesOne = "hand-over-loses-one",
    /// What was taken from the depot stays in it: two cores are handed the same object.
    DepotHandsOutTwice = "depot-hands-out-twice",
    /// An object that is given back where there is no magazine goes nowhere: memory leaks.
    RemoteFreeLost = "remote-free-lost",
    /// A constructor runs twice for each slot: what the first run made is never dropped.
    ConstructedTwice = "constructed-twice",
    /// The last object of a slab that goes is not dropped: what it has is lost.
    NotDropped = "not-dropped",
    /// The last word of a slab's descriptor is the first one of the next: what is free in one slab changes with how much is
    /// free in another.
    DescriptorsOverlap = "descriptors-overlap",
    /// At `Paranoid` what came last is handed out first: what is used after it was given back is soon somebody's.
    QuarantineSkipped = "quarantine-skipped",
    /// At `Paranoid` nobody looks behind an object that comes back: who writes behind it is not told.
    RedZoneUnchecked = "red-zone-unchecked",
    /// At `Debug` nobody looks whose turn it is: who gives back what others were handed since takes it from them.
    TurnUnchecked = "turn-unchecked",
    /// Nobody looks whether a free object was written to: who writes there is not told.
    PoisonUnchecked = "poison-unchecked",

    // The heap.
    /// What moves to another place comes without its last bytes.
    ReallocCopiesTooLittle = "realloc-copies-too-little",
    /// What grows stays where it is though its class is too small: it overlaps the next object.
    ReallocStaysTooSmall = "realloc-stays-too-small",
    /// There is no object of no bytes.
    ZeroSizeRefused = "zero-size-refused",
    /// Memory that is to be zero is not zero at its end.
    ZerosEndEarly = "zeros-end-early",
}

#[cfg(all(test, feature = "planted"))]
mod tests {
    use super::*;

    #[test]
    fn each_bug_has_a_name_and_a_number_of_its_own() {
        let names: std::collections::BTreeSet<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        assert_eq!(names.len(), Bug::ALL.len());
        assert!(Bug::ALL.iter().zip(0..).all(|(&bug, number)| bug as u8 == number));
        let kebab = |bug: &Bug| {
            let spaced = std::format!("{bug:?}");
            let dashes = spaced
                .chars()
                .flat_map(|c| c.is_uppercase().then_some('-').into_iter().chain(c.to_lowercase()));
            dashes.skip(1).collect::<std::string::String>()
        };
        Bug::ALL.iter().for_each(|bug| assert_eq!(bug.name(), kebab(bug)));
    }
}
