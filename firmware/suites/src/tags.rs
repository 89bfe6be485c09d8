//! Who has a piece of memory, as those believe who use it: a word in the memory itself.
//!
//! Whoever is handed memory puts a tag into its first and its last word, and takes it out before it goes back. What comes
//! with somebody's tag in it was handed out twice, and that is seen before the second owner writes anything else.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | a tagged word is memory that the caller was handed | the callers, who tag nothing else | the machine: what is not mapped faults |

#![expect(unsafe_code, reason = "makes words of memory that was handed out")]

use core::{
    fmt,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// What no other data is likely to have in its upper half.
const LIVE: u64 = 0x7a65 << 48;

/// What tags of this run have in common, and those that an earlier one left in memory have not.
static SALT: AtomicU64 = AtomicU64::new(0);

/// Has all tags from here on be of a run of its own: on a board, memory keeps what the last one left in it.
pub fn begin_tags(salt: u64) {
    SALT.store(salt, Relaxed);
}

/// Somebody: an owner, and a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(u64);

impl Tag {
    /// The tag for a number of an owner's own, below 2^24.
    pub(crate) const fn of(owner: u8, number: u64) -> Self {
        Self((owner as u64) << 24 | number & 0xff_ffff)
    }

    /// What stands in the word at this address that has the tag: the address is part of it, so that data which was copied
    /// from elsewhere is no tag.
    fn at(self, word: &AtomicU64) -> u64 {
        // Wrapping: a hash of the address, of 16 bits.
        let place =
            (word.as_ptr().addr() as u64 ^ SALT.load(Relaxed)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        LIVE | place << 32 | self.0
    }
}

/// Memory that somebody has who should not, or that somebody wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The memory.
    pub start: usize,
    /// How many bytes it has.
    pub bytes: usize,
    /// Who was handed it.
    pub owner: Tag,
    /// What stands in its first or last word.
    pub found: u64,
}

impl fmt::Display for Tagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, bytes, owner: Tag(owner), found } = self;
        write!(f, "{bytes} bytes at {start:#x} were handed to {owner:#x}, and {found:#x} stands in them")
    }
}

/// Tags memory of so many bytes that was just handed out, 8 or more, aligned to 8.
///
/// # Errors
///
/// Somebody has it.
pub(crate) fn tag(start: NonNull<u8>, bytes: usize, owner: Tag) -> Result<(), Tagged> {
    for word in ends(start, bytes) {
        // Relaxed: the word itself is all that is handed over.
        let found = word.swap(owner.at(word), Relaxed);
        if found >> 32 == Tag(0).at(word) >> 32 {
            return Err(Tagged { start: start.as_ptr().addr(), bytes, owner, found });
        }
    }
    Ok(())
}

/// Takes the tag out before the memory goes back.
///
/// # Errors
///
/// Somebody else wrote there.
pub(crate) fn untag(start: NonNull<u8>, bytes: usize, owner: Tag) -> Result<(), Tagged> {
    for word in ends(start, bytes) {
        let found = word.swap(0, Relaxed);
        if found != owner.at(word) {
            return Err(Tagged { start: start.as_ptr().addr(), bytes, owner, found });
        }
    }
    Ok(())
}

/// The first and the last word; of 8 to 15 bytes only the first.
fn ends<'m>(start: NonNull<u8>, bytes: usize) -> impl Iterator<Item = &'m AtomicU64> {
    let last = (bytes / 8).saturating_sub(1) * 8;
    let offsets = [Some(0), (last > 0).then_some(last)].into_iter().flatten();
    offsets.map(move |offset| {
        let word = start.as_ptr().wrapping_add(offset).cast::<u64>();
        // SAFETY: inside of what the caller was handed, which is aligned to 8 bytes, and lives as long as this is used.
        unsafe { AtomicU64::from_ptr(word) }
    })
}
