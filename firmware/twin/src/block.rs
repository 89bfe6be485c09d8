//! The two blocks of memory through which the host runner and the monitor know of each other.
//!
//! Both are words of 64 bits, little-endian, at addresses that [`crate::map`] names. The host writes the first before
//! the machine starts. The monitor writes the second; the host may look at it at any time, also when the machine is
//! gone.

use core::ops::Range;

/// The first word of both; another version has another one.
pub const MAGIC: u64 = u64::from_le_bytes(*b"FKTWIN02");

/// The most ranges that may be kept out of the RAM.
pub const MAX_CARVE_OUTS: usize = 32;

/// The most stray accesses that are described; the others are counted.
pub const MAX_STRAYS: usize = 16;

/// Words in [`Options`].
pub const OPTION_WORDS: usize = 16 + 2 * MAX_CARVE_OUTS;

/// Words in [`Record`].
pub const RECORD_WORDS: usize = 16 + STRAY_WORDS * MAX_STRAYS;

const STRAY_WORDS: usize = 6;

/// What the host wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the image is entered.
    pub entry: u64,
    /// Where the device tree lies.
    pub device_tree: u64,
    /// The line's rate in bits a second; 0 is one without a limit.
    pub baud: u64,
    /// After this many bytes of the board's the serial port says and hears nothing any more.
    pub uart_dies_after: u64,
    /// For how long the first watchdog counts before it bites; 0 if it does not run.
    pub watchdog_ms: u64,
    /// RST_STAT of the power management unit: what the last reset was.
    pub reset_status: u32,
    /// SYSIP_DAT0 of the power management unit: what the last boot has left there.
    pub boot_mode: u32,
    carve_outs: [Carve; MAX_CARVE_OUTS],
    carve_out_count: usize,
}

/// A range by its ends: `Range` is no `Copy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Carve {
    start: u64,
    end: u64,
}

impl Options {
    /// A phone at rest: this image, this device tree, and nothing unusual.
    #[must_use]
    pub const fn new(entry: u64, device_tree: u64) -> Self {
        Self {
            entry,
            device_tree,
            baud: 0,
            uart_dies_after: u64::MAX,
            watchdog_ms: 0,
            reset_status: 0,
            boot_mode: 0,
            carve_outs: [Carve { start: 0, end: 0 }; MAX_CARVE_OUTS],
            carve_out_count: 0,
        }
    }

    /// Keeps a range out of the RAM; false if there is no room for another one.
    #[must_use]
    pub fn carve_out(&mut self, range: Range<u64>) -> bool {
        let Some(place) = self.carve_outs.get_mut(self.carve_out_count) else { return false };
        *place = Carve { start: range.start, end: range.end };
        self.carve_out_count += 1;
        true
    }

    /// What is kept out of the RAM.
    pub fn carve_outs(&self) -> impl Iterator<Item = Range<u64>> {
        self.carve_outs.iter().take(self.carve_out_count).map(|carve| carve.start..carve.end)
    }

    /// As words.
    #[must_use]
    pub fn to_words(&self) -> [u64; OPTION_WORDS] {
        let mut words = [0; OPTION_WORDS];
        let head = [
            MAGIC,
            self.entry,
            self.device_tree,
            self.baud,
            self.uart_dies_after,
            self.watchdog_ms,
            u64::from(self.reset_status),
            u64::from(self.boot_mode),
            self.carve_out_count as u64,
        ];
        let ranges = self.carve_outs.iter().flat_map(|carve| [carve.start, carve.end]);
        put(&mut words, 0, head);
        put(&mut words, 16, ranges);
        words
    }

    /// From words; none if they are another version's.
    #[must_use]
    pub fn from_words(words: &[u64; OPTION_WORDS]) -> Option<Self> {
        let &[
            MAGIC,
            entry,
            device_tree,
            baud,
            uart_dies_after,
            watchdog_ms,
            reset_status,
            boot_mode,
            count,
            ..,
        ] = words
        else {
            return None;
        };
        let mut options = Self::new(entry, device_tree);
        (options.baud, options.uart_dies_after, options.watchdog_ms) = (baud, uart_dies_after, watchdog_ms);
        options.reset_status = u32::try_from(reset_status).ok()?;
        options.boot_mode = u32::try_from(boot_mode).ok()?;
        let (pairs, _) = words.get(16..)?.as_chunks::<2>();
        for &[start, end] in pairs.get(..usize::try_from(count).ok()?)? {
            if !options.carve_out(start..end) {
                return None;
            }
        }
        Some(options)
    }
}

/// What the monitor has noted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// How the machine has ended, if it has.
    pub end: Option<End>,
    /// How many accesses were stray.
    pub strays: u64,
    /// The first of them.
    pub first: [Option<Stray>; MAX_STRAYS],
    /// Bytes that the board has sent.
    pub sent: u64,
    /// Bytes that it has taken.
    pub taken: u64,
    /// Bytes that it sent to a full FIFO, and that are lost.
    pub overrun: u64,
    /// SYSIP_DAT0 of the power management unit.
    pub boot_mode: u32,
    /// Which watchdogs counted as of the last look, a bit each.
    pub watchdogs: u64,
}

/// How a machine has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Switched off by PSCI.
    PsciOff,
    /// Reset by PSCI.
    PsciReset,
    /// Reset by the power management unit; RAM keeps what it holds.
    WarmReset,
    /// Switched off by the power management unit.
    PowerOff,
    /// A watchdog was not fed.
    Watchdog(u8),
    /// The monitor cannot go on: the last stray access is what it cannot handle, or it panicked.
    Monitor,
}

/// An access to what is neither RAM nor a device that the twin knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stray {
    /// By which core.
    pub core: u8,
    /// What it was.
    pub kind: StrayKind,
    /// How many bytes, where that is known.
    pub bytes: u8,
    /// Where the core was.
    pub pc: u64,
    /// The physical address, as the phone has it.
    pub address: u64,
    /// The virtual address.
    pub virtual_address: u64,
    /// The syndrome of the trap (ESR_EL2).
    pub syndrome: u64,
}

/// What a stray access was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrayKind {
    /// A load or store that is too narrow or too wide for the device.
    Narrow,
    /// A load.
    Read,
    /// A store.
    Write,
    /// The fetch of an instruction.
    Fetch,
    /// The walk of a translation table.
    Walk,
    /// An access by more than one register, or the like: it cannot be told what it was.
    Other,
}

const KINDS: [StrayKind; 6] = [
    StrayKind::Narrow,
    StrayKind::Read,
    StrayKind::Write,
    StrayKind::Fetch,
    StrayKind::Walk,
    StrayKind::Other,
];

const ENDS: [End; 7] = [
    End::PsciOff,
    End::PsciReset,
    End::WarmReset,
    End::PowerOff,
    End::Watchdog(0),
    End::Watchdog(1),
    End::Monitor,
];

impl Record {
    /// Notes a stray access.
    pub fn note(&mut self, stray: Stray) {
        if let Some(place) = self.first.iter_mut().find(|place| place.is_none()) {
            *place = Some(stray);
        }
        self.strays += 1;
    }

    /// As words.
    #[must_use]
    pub fn to_words(&self) -> [u64; RECORD_WORDS] {
        let mut words = [0; RECORD_WORDS];
        let end = self.end.and_then(|end| ENDS.iter().position(|&known| known == end));
        let head = [
            MAGIC,
            end.map_or(0, |end| end as u64 + 1),
            self.strays,
            self.sent,
            self.taken,
            self.overrun,
            u64::from(self.boot_mode),
            self.watchdogs,
        ];
        put(&mut words, 0, head);
        put(&mut words, 16, self.first.iter().flatten().flat_map(|stray| stray.to_words()));
        words
    }

    /// From words; none if no monitor of this version has written them.
    #[must_use]
    pub fn from_words(words: &[u64; RECORD_WORDS]) -> Option<Self> {
        let &[MAGIC, end, strays, sent, taken, overrun, boot_mode, watchdogs, ..] = words else {
            return None;
        };
        let mut record = Self { strays, sent, taken, overrun, watchdogs, ..Self::default() };
        record.boot_mode = u32::try_from(boot_mode).ok()?;
        if let Some(end) = end.checked_sub(1) {
            record.end = Some(*ENDS.get(usize::try_from(end).ok()?)?);
        }
        let (described, _) = words.get(16..)?.as_chunks::<STRAY_WORDS>();
        for (place, words) in record.first.iter_mut().zip(described).take(usize::try_from(strays).ok()?) {
            *place = Some(Stray::from_words(words)?);
        }
        Some(record)
    }
}

impl Stray {
    fn to_words(self) -> [u64; STRAY_WORDS] {
        let kind = KINDS.iter().position(|&kind| kind == self.kind).unwrap_or_default() as u64;
        let what = kind << 16 | u64::from(self.bytes) << 8 | u64::from(self.core);
        [what, self.pc, self.address, self.virtual_address, self.syndrome, 0]
    }

    fn from_words(&[what, pc, address, virtual_address, syndrome, _]: &[u64; STRAY_WORDS]) -> Option<Self> {
        let [core, bytes, kind, ..] = what.to_le_bytes();
        let kind = *KINDS.get(usize::from(kind))?;
        Some(Self { core, kind, bytes, pc, address, virtual_address, syndrome })
    }
}

fn put(words: &mut [u64], from: usize, values: impl IntoIterator<Item = u64>) {
    for (place, value) in words.iter_mut().skip(from).zip(values) {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_as_they_were() {
        let mut options = Options::new(0x8000_0000, 0x8a00_0000);
        (options.baud, options.uart_dies_after, options.watchdog_ms) = (3_000_000, 77, 500);
        (options.reset_status, options.boot_mode) = (1, 0xfc);
        for number in 0..MAX_CARVE_OUTS as u64 {
            assert!(options.carve_out(number << 12..(number + 1) << 12));
        }
        assert!(!options.carve_out(0..1), "there is no room for another");
        assert_eq!(Options::from_words(&options.to_words()), Some(options.clone()));
        assert_eq!(options.carve_outs().count(), MAX_CARVE_OUTS);
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let stray = Stray {
            core: 7,
            kind: StrayKind::Write,
            bytes: 8,
            pc: 0xc000_1234,
            address: 0x1_0000_0000,
            virtual_address: 0xffff_0001_0000_0000,
            syndrome: 0x9200_0046,
        };
        let mut record = Record {
            end: Some(End::Watchdog(1)),
            sent: 5,
            boot_mode: 0xfc,
            watchdogs: 2,
            ..Record::default()
        };
        for core in 0..MAX_STRAYS as u8 + 3 {
            record.note(Stray { core, ..stray });
        }
        let back = Record::from_words(&record.to_words()).unwrap();
        assert_eq!(back, record);
        assert_eq!((back.strays, back.first.iter().flatten().count()), (MAX_STRAYS as u64 + 3, MAX_STRAYS));
    }

    #[test]
    fn words_of_somebody_else_are_nothing() {
        assert_eq!(Record::from_words(&[0; RECORD_WORDS]), None);
        assert_eq!(Options::from_words(&[0; OPTION_WORDS]), None);
        let mut words = Record::default().to_words();
        words[1] = 99;
        assert_eq!(Record::from_words(&words), None, "no such end");
    }
}
