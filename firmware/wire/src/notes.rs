//! What is noted where no host hears it: lines of text in memory that outlives a reset.
//!
//! The memory is laid out as Linux lays out its own (fs/pstore/ram_core.c, without error correction), so that Android shows
//! it as a file after its next start: a signature, where in the ring the next byte goes, how many bytes of the ring are
//! text, the ring. Each line ends with its checksum: what a reset cut off, or left in a cache, is not taken for a result.

use core::fmt::{self, Write};

use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// The longest text of a note, in bytes.
pub const MAX_NOTE: usize = 120;

/// A space, a star, eight digits and the end of the line.
const TAIL: usize = 11;
const MAX_LINE: usize = MAX_NOTE + TAIL;

/// "DBGC", little-endian.
const SIGNATURE: u32 = 0x4347_4244;
const HEADER_WORDS: usize = 3;

const CRC32: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// Words of memory that outlives a reset. Bytes lie in them from the lowest up.
pub trait Words {
    /// How many.
    fn count(&self) -> usize;
    /// The word at a place below [`Self::count`].
    fn load(&self, place: usize) -> u32;
    /// Changes it.
    fn store(&mut self, place: usize, value: u32);
}

impl Words for &mut [u32] {
    fn count(&self) -> usize {
        self.len()
    }

    fn load(&self, place: usize) -> u32 {
        self.get(place).copied().unwrap_or_default()
    }

    fn store(&mut self, place: usize, value: u32) {
        if let Some(word) = self.get_mut(place) {
            *word = value;
        }
    }
}

/// The notes in some memory.
#[derive(Debug)]
pub struct Notes<M> {
    memory: M,
}

impl<M: Words> Notes<M> {
    /// Takes over what is noted in `memory`; begins anew if it cannot be notes.
    pub fn open(memory: M) -> Self {
        let mut notes = Self { memory };
        let (next, used) = (notes.next(), notes.used());
        let is_sound = notes.memory.load(0) == SIGNATURE && next <= used && used <= notes.capacity();
        if !is_sound {
            notes.clear();
        }
        notes
    }

    /// Forgets all notes.
    pub fn clear(&mut self) {
        self.memory.store(0, SIGNATURE);
        self.memory.store(1, 0);
        self.memory.store(2, 0);
    }

    /// Whether nothing is noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used() == 0
    }

    /// Notes a line, over the oldest ones if there is no room. Text that is too long is cut; a line in it becomes a space.
    pub fn add(&mut self, text: fmt::Arguments<'_>) {
        let mut line = Line::new();
        // `write_str` cuts, and never fails.
        let _ = line.write_fmt(text);
        line.finish();
        for &byte in line.as_bytes() {
            self.push(byte);
        }
    }

    /// Shows every note whose checksum is right, the oldest first.
    pub fn for_each(&self, mut show: impl FnMut(&str)) {
        let (mut line, mut length) = ([0; MAX_LINE], 0);
        for byte in self.bytes() {
            if byte != b'\n' {
                if let Some(slot) = line.get_mut(length) {
                    *slot = byte;
                }
                length += 1;
                continue;
            }
            // What is too long for a line is none.
            if let Some(text) = line.get(..core::mem::take(&mut length)).and_then(checked) {
                show(text);
            }
        }
    }

    fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        let (next, used, capacity) = (self.next(), self.used(), self.capacity());
        // A ring that is not full begins at its first byte.
        let oldest = if used == capacity { next } else { 0 };
        (0..used).map(move |offset| (oldest + offset) % capacity.max(1)).map(|at| self.byte(at))
    }

    fn byte(&self, at: usize) -> u8 {
        let [b0, b1, b2, b3] = self.memory.load(HEADER_WORDS + at / 4).to_le_bytes();
        match at % 4 {
            0 => b0,
            1 => b1,
            2 => b2,
            _ => b3,
        }
    }

    /// The byte first, and then that it is there.
    fn push(&mut self, byte: u8) {
        let (next, used, capacity) = (self.next(), self.used(), self.capacity());
        let at = if next < capacity { next } else { 0 };
        if at >= capacity {
            return;
        }
        let (place, shift) = (HEADER_WORDS + at / 4, at % 4 * 8);
        let word = self.memory.load(place) & !(0xff << shift) | u32::from(byte) << shift;
        self.memory.store(place, word);
        self.memory.store(2, word_of(used.saturating_add(1).min(capacity)));
        self.memory.store(1, word_of(at.saturating_add(1)));
    }

    fn next(&self) -> usize {
        self.memory.load(1) as usize
    }

    fn used(&self) -> usize {
        self.memory.load(2) as usize
    }

    /// Bytes in the ring.
    fn capacity(&self) -> usize {
        self.memory.count().saturating_sub(HEADER_WORDS).saturating_mul(4)
    }
}

/// Sizes are those of a ring, which is far smaller than 4 GiB.
fn word_of(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// The text of a line whose checksum is right.
fn checked(line: &[u8]) -> Option<&str> {
    let (text, checksum) = str::from_utf8(line).ok()?.rsplit_once(" *")?;
    let checksum = (checksum.len() == 8).then(|| u32::from_str_radix(checksum, 16).ok())??;
    (checksum == CRC32.checksum(text.as_bytes())).then_some(text)
}

/// A line that is being written.
struct Line {
    bytes: [u8; MAX_LINE],
    length: usize,
    /// How long it may become.
    limit: usize,
}

impl Line {
    const fn new() -> Self {
        Self { bytes: [0; MAX_LINE], length: 0, limit: MAX_NOTE }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Adds the checksum of what was written so far.
    fn finish(&mut self) {
        let checksum = CRC32.checksum(self.as_bytes());
        self.limit = MAX_LINE;
        let _ = write!(self, " *{checksum:08x}");
        self.push(b'\n');
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fitting = text.floor_char_boundary(self.limit - self.length);
        for byte in text.bytes().take(fitting) {
            self.push(if byte == b'\n' { b' ' } else { byte });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(memory: &mut [u32]) -> Vec<String> {
        let mut lines = Vec::new();
        Notes::open(memory).for_each(|line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn notes_are_there_after_a_reset() {
        let mut memory = [0xdead_beef; 64];
        let mut notes = Notes::open(&mut memory[..]);
        assert!(notes.is_empty());
        notes.add(format_args!("test {} passed", 1));
        notes.add(format_args!("two\nlines * are one"));
        assert_eq!(read(&mut memory), ["test 1 passed", "two lines * are one"]);
        assert_eq!(read(&mut memory), ["test 1 passed", "two lines * are one"], "reading changes nothing");
    }

    #[test]
    fn they_are_laid_out_as_linux_reads_them() {
        let mut memory = [0; 64];
        Notes::open(&mut memory[..]).add(format_args!("ok"));
        let bytes: Vec<u8> = memory.iter().flat_map(|word| word.to_le_bytes()).collect();
        let line = b"ok *79dcdd47\n";
        assert_eq!(&bytes[..4], b"DBGC");
        assert_eq!((memory[1], memory[2]), (13, 13));
        assert_eq!(&bytes[12..12 + line.len()], line);
    }

    #[test]
    fn the_oldest_give_way_to_the_newest() {
        let mut memory = [0; 32];
        let mut notes = Notes::open(&mut memory[..]);
        (0..100).for_each(|number| notes.add(format_args!("note {number}")));
        let lines = read(&mut memory);
        assert_eq!(lines.last().map(String::as_str), Some("note 99"));
        let numbers: Vec<u32> = lines.iter().map(|line| line[5..].parse().unwrap()).collect();
        assert!(numbers.len() >= 5 && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    }

    #[test]
    fn long_text_is_cut_and_still_checked() {
        let mut memory = [0; 128];
        Notes::open(&mut memory[..]).add(format_args!("{}", "ä".repeat(100)));
        assert_eq!(read(&mut memory), ["ä".repeat(60)]);
    }

    #[test]
    fn forgotten_notes_are_gone() {
        let mut memory = [0; 64];
        let mut notes = Notes::open(&mut memory[..]);
        notes.add(format_args!("one"));
        notes.clear();
        assert!(notes.is_empty());
        assert!(read(&mut memory).is_empty());
    }

    #[test]
    fn no_memory_holds_no_notes() {
        for words in 0..=3 {
            let mut memory = vec![0; words];
            Notes::open(&mut memory[..]).add(format_args!("lost"));
            assert!(read(&mut memory).is_empty(), "{words} words");
        }
    }

    proptest! {
        /// Whatever a reset makes of the memory, what is shown was noted, in that order.
        #[test]
        fn damage_is_never_shown(place in 0_usize..64, bits in 1_u32.., count in 1_u32..20) {
            let mut memory = [0; 64];
            let mut notes = Notes::open(&mut memory[..]);
            (0..count).for_each(|number| notes.add(format_args!("result {number}")));
            memory[place] ^= bits;
            let shown = read(&mut memory);
            let noted: Vec<String> = (0..count).map(|number| format!("result {number}")).collect();
            prop_assert!(shown.iter().all(|line| noted.contains(line)), "{shown:?}");
        }
    }
}
