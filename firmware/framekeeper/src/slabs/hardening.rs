//! How much a heap checks, chosen at compile time.
//!
//! | level | a free checks | an allocation checks |
//! |---|---|---|
//! | [`Off`] | the memory belongs to the pool of the size | – |
//! | [`Standard`] | also: an object starts there, and is not free | that the first 16 bytes of what was free are as it was left |
//! | [`Paranoid`] | also: the exact size, and that nothing was written behind the object | that all of it is as it was left |
//! | [`Debug`] | 〃, by a [`Ticket`](super::Ticket) that it is not another's by now, and notes who gave it back | 〃, and notes who asked for it |
//!
//! A free object is **marked**: its first words, or at `Paranoid` all of them, are its address with a secret. That does
//! not decide anything by itself. Who frees what looks marked is made to search the magazines, the depot and the slab, and
//! only what is found there is a double free: what a caller writes never makes a legal free fail. No link and no count
//! lies in free memory.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only memory of an object that nobody has, or that is being given back, is read or written | the callers, who took the object from a magazine, a depot or a slab, or were given it back | Miri |

#![expect(unsafe_code, reason = "writes marks into free objects and reads them")]

use core::ptr::NonNull;

use crate::planted::{Bug, planted};

/// How much is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As little as there can be.
    Off,
    /// What costs a few instructions.
    Standard,
    /// What can be had without a change to how objects are used.
    Paranoid,
    /// And who did it.
    Debug,
}

/// A level, as a type.
pub trait Hardening: Copy + core::fmt::Debug + Send + Sync + 'static {
    /// Which.
    const LEVEL: Level;
}

/// [`Level::Off`].
#[derive(Clone, Copy, Debug)]
pub struct Off;

/// [`Level::Standard`].
#[derive(Clone, Copy, Debug)]
pub struct Standard;

/// [`Level::Paranoid`].
#[derive(Clone, Copy, Debug)]
pub struct Paranoid;

/// [`Level::Debug`].
#[derive(Clone, Copy, Debug)]
pub struct Debug;

impl Hardening for Off {
    const LEVEL: Level = Level::Off;
}

impl Hardening for Standard {
    const LEVEL: Level = Level::Standard;
}

impl Hardening for Paranoid {
    const LEVEL: Level = Level::Paranoid;
}

impl Hardening for Debug {
    const LEVEL: Level = Level::Debug;
}

const WORD: usize = 8;

/// Where marks lie in the objects of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Bytes before the first marked word.
    offset: usize,
    /// How many words.
    words: usize,
}

impl Marks {
    /// Marks for objects of `size` bytes of which nothing must be left as it was.
    #[inline]
    pub(crate) const fn over<H: Hardening>(size: usize) -> Self {
        let words = match H::LEVEL {
            Level::Off => 0,
            Level::Standard if size < 2 * WORD => 1,
            Level::Standard => 2,
            Level::Paranoid | Level::Debug => size / WORD,
        };
        Self { offset: 0, words }
    }

    /// A mark behind an object of `size` bytes, all of which must be left as they are.
    #[inline]
    pub(crate) const fn behind<H: Hardening>(size: usize) -> Self {
        let words = match H::LEVEL {
            Level::Off => 0,
            Level::Standard | Level::Paranoid | Level::Debug => 1,
        };
        Self { offset: size.next_multiple_of(WORD), words }
    }

    /// Bytes of a slot with an object and the marks behind it.
    pub(crate) const fn end(&self) -> usize {
        self.offset + self.words * WORD
    }
}

/// What marks are made with: not to be known to who writes where he should not.
#[derive(Clone, Copy)]
pub(crate) struct Secret(pub(crate) u64);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Marks an object as free.
    ///
    /// # Safety
    ///
    /// The slot at `object` has the marks' words, and nobody uses it.
    #[inline]
    pub(crate) unsafe fn mark(self, object: NonNull<u8>, marks: Marks) {
        // SAFETY: as the caller promises.
        unsafe { fill(object, marks, self.of(object)) };
    }

    /// Whether an object is marked as it was when it became free.
    ///
    /// # Safety
    ///
    /// As for [`mark`](Self::mark), which was called for it.
    #[inline]
    pub(crate) unsafe fn is_marked(self, object: NonNull<u8>, marks: Marks) -> bool {
        if planted(Bug::PoisonUnchecked) {
            return true;
        }
        let is_marked = |number| {
            // SAFETY: as the caller promises.
            let found = unsafe { word(object, marks, number).read() };
            found == self.of(object)
        };
        (marks.words < 1 || is_marked(0))
            && (marks.words < 2 || is_marked(1))
            && (2..marks.words).all(is_marked)
    }

    /// Takes the marks away, so that the object looks free no more, and tells nobody the secret.
    ///
    /// # Safety
    ///
    /// As for [`mark`](Self::mark).
    #[inline]
    pub(crate) unsafe fn unmark(self, object: NonNull<u8>, marks: Marks) {
        // SAFETY: as the caller promises.
        unsafe { fill(object, marks, 0) };
    }

    /// Whether an object that somebody gives back looks free.
    ///
    /// # Safety
    ///
    /// The slot at `object` has the marks' words.
    #[inline]
    pub(crate) unsafe fn looks_free(self, object: NonNull<u8>, marks: Marks) -> bool {
        if marks.words == 0 || planted(Bug::ObjectDoubleFreeAccepted) {
            return false;
        }
        // SAFETY: as the caller promises.
        unsafe { first_mark_is(word(object, marks, 0), self.of(object)) }
    }

    /// The mark of an object.
    #[inline]
    pub(crate) fn of(self, object: NonNull<u8>) -> u64 {
        object.as_ptr().addr() as u64 ^ self.0
    }
}

/// Writes all words of the marks.
///
/// # Safety
///
/// As for [`Secret::mark`].
#[inline]
unsafe fn fill(object: NonNull<u8>, marks: Marks, value: u64) {
    let write = |number| {
        // SAFETY: as the caller promises.
        unsafe { word(object, marks, number).write(value) }
    };
    // Spelt out: what is done for each free is to be no loop.
    if marks.words > 0 {
        write(0);
    }
    if marks.words > 1 {
        write(1);
    }
    for number in 2..marks.words {
        write(number);
    }
}

/// A word of the marks, inside the slot at `object`.
#[inline]
fn word(object: NonNull<u8>, marks: Marks, number: usize) -> *mut u64 {
    object.as_ptr().wrapping_byte_add(marks.offset + number * WORD).cast()
}

/// Whether the word at `place`, which whoever had it may never have written, is `mark`.
///
/// By an instruction that the compiler does not look into: to read what was never written is undefined for it, and not
/// for the machine. Where that instruction is not known here, and where an interpreter watches, any word may be the mark.
///
/// # Safety
///
/// `place` can be read.
#[inline]
unsafe fn first_mark_is(place: *const u64, mark: u64) -> bool {
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        let found: u64;
        // SAFETY: it reads the word at `place`, as the caller allows, and nothing else.
        unsafe {
            core::arch::asm!("ldr {}, [{}]", out(reg) found, in(reg) place, options(pure, readonly, nostack, preserves_flags));
        }
        found == mark
    }
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let found: u64;
        // SAFETY: it reads the word at `place`, as the caller allows, and nothing else.
        unsafe {
            core::arch::asm!("mov {}, [{}]", out(reg) found, in(reg) place, options(pure, readonly, nostack, preserves_flags));
        }
        found == mark
    }
    #[cfg(not(all(any(target_arch = "aarch64", target_arch = "x86_64"), not(miri))))]
    {
        let _ = (place, mark);
        true
    }
}
