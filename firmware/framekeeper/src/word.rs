//! A word of the frame map: 32 bits for a frame.
//!
//! | bits | allocated | cached | pending | other |
//! |---|---|---|---|---|
//! | 0–3 | what it is | 〃 | 〃 | 〃 |
//! | 4–11 | owner | core | whether it is one frame, then the next slot | 0 |
//! | 12–29 | frames less one | order | 〃 | 0; frames less one behind a pending head |
//! | 30 | 0 | 0 | 〃 | 0 |
//! | 31 | parity | 〃 | 〃 | 〃 |
//!
//! Each frame of a slab says by itself of which pool that is (bits 4–13) and where in it the frame is (14–17), and has a
//! share of where the slab's descriptor lies (18–30): so what an object belongs to is told by one word.
//!
//! Only the first frame of any other block, its head, says whose the block is. Zero is a hole: memory that nobody wrote about is
//! not RAM. The parity is even, so one flipped bit never makes a word into another that could have been written.

use crate::{cpu::Core, frame::Order};

/// A place in the map: the number of a frame among those that have a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(u32);

impl Slot {
    /// One above the largest; as a link it means that there is none.
    pub(crate) const LIMIT: u32 = (1 << 26) - 1;

    #[inline]
    pub(crate) const fn new(number: u64) -> Option<Self> {
        if number < Self::LIMIT as u64 {
            let [a, b, c, d, ..] = number.to_le_bytes();
            Some(Self(u32::from_le_bytes([a, b, c, d])))
        } else {
            None
        }
    }

    #[inline]
    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Who has a block: a number that callers give and reports count by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Owner(u32);

impl Owner {
    /// The owner with this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(with_parity((number as u32) << OWNER_SHIFT))
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0.to_le_bytes()[0] >> OWNER_SHIFT | self.0.to_le_bytes()[1] << (8 - OWNER_SHIFT)
    }
}

impl core::fmt::Debug for Owner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "owner {}", self.number())
    }
}

/// A set of objects of one size, by its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(u16);

impl PoolId {
    /// How many there can be.
    pub const COUNT: u16 = 1 << 10;

    /// The pool with this number.
    pub(crate) const fn new(number: u16) -> Option<Self> {
        if number < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// The pool of the size class with this number, of which there are less than pools.
    #[inline]
    pub(crate) const fn of_class(number: usize) -> Self {
        let [low, high, ..] = number.to_le_bytes();
        Self(u16::from_le_bytes([low, high]) % Self::COUNT)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// A word, taken apart and put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u32);

const KIND: u32 = 0b1111;
const OWNER_SHIFT: u32 = 4;
const OWNER: u32 = 0xff << OWNER_SHIFT;
const FRAMES_SHIFT: u32 = 12;
const FRAMES: u32 = (1 << 18) - 1;
const SINGLE: u32 = 1 << 4;
const NEXT_SHIFT: u32 = 5;
const PARITY: u32 = 1 << 31;

// Of even weight, so that none of them touches the parity.
const RESERVED: u32 = 0b0011;
const PART: u32 = 0b0101;
const PENDING: u32 = 0b0110;
const ALLOCATED: u32 = 0b1001;
const CACHED: u32 = 0b1010;
const SLAB: u32 = 0b1100;

const PAGE_SHIFT: u32 = 14;
const PAGE: u32 = 0b1111;
const POOL_SHIFT: u32 = 4;
const SHARE_SHIFT: u32 = 18;

/// Bits of a descriptor's place that a slab's frame has.
pub(crate) const SHARE_BITS: u32 = 13;
const SHARE: u32 = (1 << SHARE_BITS) - 1;

const fn with_parity(payload: u32) -> u32 {
    payload | (payload.count_ones() & 1) << 31
}

/// What a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hole,
    Reserved,
    /// Free, or inside a block that starts elsewhere.
    Part,
    /// Given back, and on the way to the zone.
    Pending,
    Allocated,
    Cached,
    Slab,
    /// No word that was ever written.
    Damaged,
}

impl Word {
    pub(crate) const HOLE: Self = Self(0);
    pub(crate) const RESERVED: Self = Self(RESERVED);
    pub(crate) const PART: Self = Self(PART);

    #[inline]
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// The head of a block of so many frames, 1 to [`Order::MAX`]'s, that `owner` has.
    #[inline]
    pub(crate) fn allocated(frames: u64, owner: Owner) -> Self {
        Self(ALLOCATED ^ owner.0 ^ frames_field(frames))
    }

    /// The head of a block in a core's cache.
    pub(crate) const fn cached(order: Order, core: Core) -> Self {
        Self(
            CACHED
                ^ with_parity(
                    (core.number() as u32) << OWNER_SHIFT | (order.number() as u32) << FRAMES_SHIFT,
                ),
        )
    }

    /// The head of a block of one frame that waits for its zone's lock, before the one at `next`.
    pub(crate) fn pending_single(next: Option<Slot>) -> Self {
        Self(PENDING ^ with_parity(SINGLE | next.map_or(Slot::LIMIT, Slot::number) << NEXT_SHIFT))
    }

    /// The head of a larger one. How many frames it has, the frame behind the head says: [`Self::part_of_pending`].
    pub(crate) fn pending(next: Option<Slot>) -> Self {
        Self(PENDING ^ with_parity(next.map_or(Slot::LIMIT, Slot::number) << NEXT_SHIFT))
    }

    /// The second frame of a block of so many frames that waits.
    pub(crate) fn part_of_pending(frames: u64) -> Self {
        Self(PART ^ frames_field(frames))
    }

    /// A frame of a slab: the how manieth, of which pool, and its share of the descriptor's place.
    pub(crate) const fn slab(page: u32, pool: PoolId, share: u32) -> Self {
        let payload =
            (page & PAGE) << PAGE_SHIFT | (pool.0 as u32) << POOL_SHIFT | (share & SHARE) << SHARE_SHIFT;
        Self(SLAB ^ with_parity(payload))
    }

    /// Whether this is a frame of a slab of `pool`. It does not look at the parity: where it matters, whoever asks finds
    /// out by what it leads to.
    #[inline]
    pub(crate) const fn is_slab_of(self, pool: PoolId) -> bool {
        const MASK: u32 = KIND | (PoolId::COUNT as u32 - 1) << POOL_SHIFT;
        self.0 & MASK == SLAB | (pool.0 as u32) << POOL_SHIFT
    }

    /// Whether this is the frame of a slab of `pool` that comes so many behind the slab's first one.
    #[inline]
    pub(crate) const fn is_page_of(self, pool: PoolId, page: u32) -> bool {
        const MASK: u32 = (1 << SHARE_SHIFT) - 1;
        self.0 & MASK == SLAB | (pool.0 as u32) << POOL_SHIFT | page << PAGE_SHIFT
    }

    /// Where in its slab a frame is.
    #[inline]
    pub(crate) const fn page(self) -> u32 {
        self.0 >> PAGE_SHIFT & PAGE
    }

    /// The pool of a slab.
    pub(crate) const fn pool(self) -> PoolId {
        let [low, high, ..] = (self.0 >> POOL_SHIFT).to_le_bytes();
        PoolId(u16::from_le_bytes([low, high]) % PoolId::COUNT)
    }

    /// A frame's share of where its slab's descriptor lies.
    #[inline]
    pub(crate) const fn share(self) -> u32 {
        self.0 >> SHARE_SHIFT & SHARE
    }

    pub(crate) fn kind(self) -> Kind {
        match self.0 & KIND {
            0 => Kind::Hole,
            RESERVED => Kind::Reserved,
            PART => Kind::Part,
            PENDING => Kind::Pending,
            ALLOCATED => Kind::Allocated,
            CACHED => Kind::Cached,
            SLAB => Kind::Slab,
            _ => Kind::Damaged,
        }
    }

    /// Whether this is the head of a block of one frame that somebody has.
    #[inline]
    pub(crate) const fn is_single(self) -> bool {
        self.is_but_for_owner(Self(ALLOCATED))
    }

    /// Whether the two words differ in the owner at most, and in the parity.
    pub(crate) const fn is_but_for_owner(self, other: Self) -> bool {
        (self.0 ^ other.0) & !(OWNER | PARITY) == 0
    }

    /// What the word of owner 0's block becomes if `owner` has that.
    pub(crate) const fn owned_by(self, owner: Owner) -> Self {
        Self(self.0 ^ owner.0)
    }

    #[inline]
    pub(crate) const fn is_allocated(self) -> bool {
        self.0 & KIND == ALLOCATED
    }

    /// Whether this is a word that could have been written: the parity is right, and no other bit is set than its kind
    /// has.
    pub(crate) fn is_sound(self) -> bool {
        let unused = match self.kind() {
            Kind::Hole | Kind::Reserved => !KIND,
            Kind::Part => !(KIND | FRAMES << FRAMES_SHIFT | PARITY),
            Kind::Pending | Kind::Slab => 0,
            Kind::Allocated => 1 << 30,
            Kind::Cached => !(KIND | OWNER | 0b1_1111 << FRAMES_SHIFT | PARITY),
            Kind::Damaged => return false,
        };
        self.0.count_ones() & 1 == 0 && self.0 & unused == 0
    }

    /// The frames of the block that this is the head of; none for what is no head, or one that waits.
    pub(crate) fn frames(self) -> u64 {
        match self.kind() {
            Kind::Allocated => self.frames_field(),
            Kind::Cached => self.order().frames(),
            _ => 0,
        }
    }

    /// The number of frames that an allocated head, or the second frame of a block that waits, carries.
    #[inline]
    pub(crate) fn frames_field(self) -> u64 {
        u64::from(self.0 >> FRAMES_SHIFT & FRAMES) + 1
    }

    pub(crate) const fn owner(self) -> Owner {
        Owner(with_parity(self.0 & OWNER))
    }

    pub(crate) const fn core(self) -> Core {
        Core::new(Owner(self.0 & OWNER).number())
    }

    /// The order of a cached block.
    #[inline]
    pub(crate) fn order(self) -> Order {
        let [_, low, high, _] = self.0.to_le_bytes();
        Order::new(low >> 4 | (high & 1) << 4).unwrap_or_default()
    }

    pub(crate) const fn is_pending_single(self) -> bool {
        self.0 & (KIND | SINGLE) == PENDING | SINGLE
    }

    /// The next block that waits.
    pub(crate) fn next(self) -> Option<Slot> {
        Slot::new(u64::from(self.0 >> NEXT_SHIFT & Slot::LIMIT))
    }
}

fn frames_field(frames: u64) -> u32 {
    let field = u32::try_from(frames.wrapping_sub(1)).unwrap_or(FRAMES) & FRAMES;
    with_parity(field << FRAMES_SHIFT)
}

#[cfg(test)]
mod tests;
