//! What lies behind an object at [`Paranoid`](super::Paranoid): bytes that nobody has reason to write to, and in the slot's
//! last word the size that was asked for. Who gives the object back breaks the seal, once. At [`Debug`](super::Debug) the
//! word has the object's [turn] as well, which tells it from all that were at its place before.
//!
//! [turn]: super::ticket::Turn
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only memory of an object that is being handed out, or being given back, is read or written | the callers, as for marks | Miri |

#![expect(unsafe_code, reason = "writes and reads the bytes behind objects")]

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{counter::address_of, errors::Misuse, hardening::Secret, ticket::Turn};
use crate::planted::{Bug, planted};

/// Bytes that a slot has beside the largest object in it.
pub(crate) const SEAL: usize = 8;

/// Where the size begins, above the turn.
const SIZE: u32 = 32;

/// Times this, size and turn are spread over all bits of a word: who overwrites a byte of that makes no others of them.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Its inverse modulo 2^64.
const GATHER: u64 = 0xf1de_83e1_9937_733d;
const _: () = assert!(SPREAD.wrapping_mul(GATHER) == 1, "the size that was spread is had again");

/// How a seal is not as it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Broken {
    /// Who gave the object back has broken it.
    ByFree,
    /// Something is wrong.
    Otherwise(Misuse),
}

/// A seal that is as it was written: its word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole(u64);

/// An object in a slot, by their sizes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed {
    pub(crate) object: NonNull<u8>,
    /// Bytes that were asked for: at least [`SEAL`] less than the slot has.
    pub(crate) size: usize,
    /// Bytes of the slot.
    pub(crate) slot: usize,
    /// Its turn, where that is known.
    pub(crate) turn: Option<Turn>,
}

impl Sealed {
    /// Writes the seal.
    ///
    /// # Safety
    ///
    /// The slot is that large, and nobody uses it.
    pub(crate) unsafe fn write(self, secret: Secret) {
        let [filler, ..] = self.base(secret).to_le_bytes();
        // SAFETY: inside the slot.
        unsafe { self.filling().write_bytes(filler, self.last_word() - self.size) };
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(self.last()) }.store(self.word(secret), Relaxed);
    }

    /// Checks that the seal is as it was written.
    ///
    /// # Safety
    ///
    /// The slot is that large, was sealed, and nobody uses what is behind the object.
    pub(crate) unsafe fn check(self, secret: Secret) -> Result<Whole, Broken> {
        // Relaxed: whoever gives it back as well may be about to break it, and `break_open` decides.
        // SAFETY: inside the slot, aligned to words, and written when it was sealed.
        let found = unsafe { AtomicU64::from_ptr(self.last()) }.load(Relaxed);
        let value = (found ^ self.base(secret)).wrapping_mul(GATHER);
        if planted(Bug::RedZoneUnchecked) {
            return Ok(Whole(found));
        }
        if found == secret.of(self.object) {
            return Err(Broken::ByFree);
        }
        let (size, turn, address) = (value >> SIZE, Turn::of_bits(value), address_of(self.object));
        // First of all: of an object that is another's nothing else is for who gives it back to know.
        let is_sound = size <= self.last_word() as u64;
        if let Some(expected) =
            self.turn.filter(|&expected| is_sound && expected != turn && !planted(Bug::TurnUnchecked))
        {
            return Err(Broken::Otherwise(Misuse::Stale { address, expected, found: turn }));
        }
        if size != self.size as u64 {
            return Err(Broken::Otherwise(if is_sound { self.of_other_size() } else { self.overwritten() }));
        }
        let [filler, ..] = self.base(secret).to_le_bytes();
        // SAFETY: inside the slot, and written when it was sealed with this size.
        let filling = unsafe { core::slice::from_raw_parts(self.filling(), self.last_word() - self.size) };
        let is_whole = filling.iter().all(|&byte| byte == filler);
        if is_whole { Ok(Whole(found)) } else { Err(Broken::Otherwise(self.overwritten())) }
    }

    /// Breaks a seal that was checked; false if another has broken it since then. Of all who give an object back at the same
    /// time, one does.
    ///
    /// # Safety
    ///
    /// As for [`check`](Self::check).
    pub(crate) unsafe fn break_open(self, secret: Secret, Whole(whole): Whole) -> bool {
        let broken = secret.of(self.object);
        // Relaxed: nothing is told by it but who was first.
        // SAFETY: as the caller promises; slots, and so their last words, are aligned to words.
        unsafe { AtomicU64::from_ptr(self.last()) }.compare_exchange(whole, broken, Relaxed, Relaxed).is_ok()
    }

    /// Writes the word of a seal that was broken.
    ///
    /// # Safety
    ///
    /// As for [`check`](Self::check), which found the seal whole, and nobody else has it.
    pub(crate) unsafe fn mend(self, Whole(whole): Whole) {
        // Relaxed, and atomic as in `check`.
        // SAFETY: as the caller promises.
        unsafe { AtomicU64::from_ptr(self.last()) }.store(whole, Relaxed);
    }

    fn of_other_size(self) -> Misuse {
        Misuse::WrongSize { address: address_of(self.object), size: self.size }
    }

    fn overwritten(self) -> Misuse {
        Misuse::WrittenBehind { address: address_of(self.object), size: self.size }
    }

    /// The last word of an object of this size and turn. What is a mark turned by some bits is none.
    fn word(self, secret: Secret) -> u64 {
        let value = (self.size as u64) << SIZE | self.turn.map_or(0, Turn::bits);
        self.base(secret) ^ value.wrapping_mul(SPREAD)
    }

    /// The last word of an object without size or turn.
    fn base(self, secret: Secret) -> u64 {
        secret.of(self.object).rotate_left(23)
    }

    const fn last_word(self) -> usize {
        self.slot - SEAL
    }

    const fn filling(self) -> *mut u8 {
        self.object.as_ptr().wrapping_add(self.size)
    }

    const fn last(self) -> *mut u64 {
        self.object.as_ptr().wrapping_add(self.last_word()).cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of an object of this size and turn, given back with these.
    fn given_back(size: usize, turn: u32, with_size: usize, with_turn: Option<u32>) -> Result<(), Misuse> {
        const SLOT: usize = 64;
        let (mut slot, secret) = ([0_u64; SLOT / 8], Secret(0x5eed));
        let object = NonNull::from(&mut slot).cast::<u8>();
        let sealed = |size, turn: Option<u32>| Sealed {
            object,
            size,
            slot: SLOT,
            turn: turn.map(|number| Turn::of_bits(number.into())),
        };
        // SAFETY: a slot of that size, which is this function's.
        unsafe { sealed(size, Some(turn)).write(secret) };
        // SAFETY: as above, and it was sealed.
        match unsafe { sealed(with_size, with_turn).check(secret) } {
            Ok(_) => Ok(()),
            Err(Broken::Otherwise(misuse)) => Err(misuse),
            Err(Broken::ByFree) => panic!("nobody gave it back"),
        }
    }

    #[test]
    fn sizes_and_turns_do_not_touch_each_other() {
        let turns = [0, 1, 1 << 16, 1 << 24, 1 << 31, u32::MAX];
        for size in [0, 1, 8, 55, 56] {
            for turn in turns {
                assert_eq!(given_back(size, turn, size, Some(turn)), Ok(()));
                assert_eq!(given_back(size, turn, size, None), Ok(()));
                let other = size ^ 1;
                let wrong_size = given_back(size, turn, other.min(56), None);
                assert!(other > 56 || matches!(wrong_size, Err(Misuse::WrongSize { .. })), "{size} {turn}");
                for stale in turns.into_iter().filter(|&stale| stale != turn) {
                    let refused = given_back(size, turn, size, Some(stale));
                    let numbers =
                        |expected: Turn, found: Turn| (expected.number(), found.number()) == (stale, turn);
                    let is_right = matches!(refused, Err(Misuse::Stale { expected, found, .. }) if numbers(expected, found));
                    assert!(is_right, "{size}, {turn}, {stale}: {refused:?}");
                }
            }
        }
    }
}
