//! The twin's RAM: a file without a name, as large as QEMU's RAM and empty where nothing was written.

use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use twin::block::{OPTION_WORDS, Options, RECORD_WORDS, Record};
use twin::map::{OPTIONS, QEMU_RAM, RECORD};

/// The RAM. It is gone when this and every QEMU that uses it are.
#[derive(Debug)]
pub struct Ram(File);

impl Ram {
    /// RAM full of zeros, of which the host has none to spend yet.
    ///
    /// # Errors
    ///
    /// When the system has no such files.
    pub fn new() -> io::Result<Self> {
        let file = File::from(memfd_create("twin", MFdFlags::MFD_CLOEXEC)?);
        file.set_len(Self::size())?;
        Ok(Self(file))
    }

    /// How large it is.
    #[must_use]
    pub const fn size() -> u64 {
        QEMU_RAM.end - QEMU_RAM.start
    }

    /// By which name another process of this user opens it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()))
    }

    /// Writes at a physical address.
    ///
    /// # Errors
    ///
    /// When there is no RAM, or the host has none left.
    pub fn write(&self, address: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset(address, bytes.len())?)
    }

    /// Reads there.
    ///
    /// # Errors
    ///
    /// When there is no RAM.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(bytes, offset(address, bytes.len())?)
    }

    /// Tells the monitor what is wanted, and forgets what it noted before.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn set_options(&self, options: &Options) -> io::Result<()> {
        let words: [u64; OPTION_WORDS] = options.to_words();
        self.write(RECORD, &[0; 8 * RECORD_WORDS])?;
        self.write(OPTIONS, &words.map(u64::to_le_bytes).concat())
    }

    /// What the monitor has noted; none if it did not get as far.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        let mut bytes = [0; 8 * RECORD_WORDS];
        self.read(RECORD, &mut bytes).ok()?;
        let (words, _) = bytes.as_chunks::<8>();
        let words = words.iter().map(|word| u64::from_le_bytes(*word)).collect::<Vec<_>>();
        Record::from_words(words.as_slice().try_into().ok()?)
    }
}

fn offset(address: u64, length: usize) -> io::Result<u64> {
    let end = address.checked_add(length as u64);
    match end {
        Some(end) if address >= QEMU_RAM.start && end <= QEMU_RAM.end => Ok(address - QEMU_RAM.start),
        _ => Err(io::Error::other(format!("{length} bytes at {address:#x} are not in the twin's RAM"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_by_whoever_opens_it() {
        let ram = Ram::new().unwrap();
        ram.write(0x9_ffff_fff8, b"the last").unwrap();
        let other = File::open(ram.path()).unwrap();
        let mut bytes = [0; 8];
        other.read_exact_at(&mut bytes, Ram::size() - 8).unwrap();
        assert_eq!(&bytes, b"the last");
        ram.read(0x9_0000_0000, &mut bytes).unwrap();
        assert_eq!(bytes, [0; 8]);
    }

    #[test]
    fn what_is_not_ram_is_an_error() {
        let ram = Ram::new().unwrap();
        assert!(ram.write(0x3fff_fffc, &[0; 8]).is_err());
        assert!(ram.write(0x9_ffff_fffc, &[0; 8]).is_err());
        assert!(ram.write(u64::MAX, &[0; 8]).is_err());
    }

    #[test]
    fn there_is_no_record_before_a_monitor_has_left_one() {
        let ram = Ram::new().unwrap();
        ram.set_options(&Options::new(0, 0)).unwrap();
        assert_eq!(ram.record(), None);
        let record = Record { sent: 7, ..Record::default() };
        ram.write(RECORD, &record.to_words().map(u64::to_le_bytes).concat()).unwrap();
        assert_eq!(ram.record(), Some(record));
    }
}
