//! Android boot images, version 4: what `fastboot boot` sends to a phone.
//!
//! A header of one page, then the kernel, each padded to whole pages. Neither ramdisk nor device tree nor signature is in
//! it: the phone brings its own tree, and an unlocked one asks for no signature. The kernel is the arm64 `Image` as it
//! is, uncompressed. The layout is that of `boot_img_hdr_v4` (AOSP `system/tools/mkbootimg`, `include/bootimg/bootimg.h`).
//!
//! [`BootImage::read`] is what the stand-in for a phone's boot loader believes; it refuses what it would have to guess.

const MAGIC: &[u8; 8] = b"ANDROID!";
const VERSION: u32 = 4;
const PAGE: usize = 4096;

/// The room for the command line, its closing NUL included.
const COMMAND_LINE_BYTES: usize = 1536;

/// The longest command line.
pub const MAX_COMMAND_LINE: usize = COMMAND_LINE_BYTES - 1;

const KERNEL_SIZE_AT: usize = 8;
const RAMDISK_SIZE_AT: usize = 12;
const HEADER_SIZE_AT: usize = 20;
const VERSION_AT: usize = 40;
const COMMAND_LINE_AT: usize = 44;
const SIGNATURE_SIZE_AT: usize = COMMAND_LINE_AT + COMMAND_LINE_BYTES;
const HEADER_BYTES: usize = SIGNATURE_SIZE_AT + 4;

/// `ARM\x64`, at offset 56 of every arm64 `Image` (Linux `Documentation/arch/arm64/booting.rst`).
const KERNEL_MAGIC: &[u8] = b"ARM\x64";
const KERNEL_MAGIC_AT: usize = 56;

/// What a boot image holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootImage {
    /// Words for the kernel. The phone's boot loader puts them into `/chosen/bootargs`, beside its own.
    pub command_line: String,
    /// The arm64 `Image`.
    pub kernel: Vec<u8>,
}

/// Why something is no boot image, or makes none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BootImageError {
    /// More words than there is room for.
    #[error("the command line has {length} bytes, and the header has room for {MAX_COMMAND_LINE}")]
    CommandLineTooLong {
        /// Without the closing NUL.
        length: usize,
    },
    /// The words are not plain text.
    #[error("the command line holds bytes that are no printable ASCII")]
    CommandLineNotText,
    /// The kernel is not what a boot loader starts.
    #[error("the kernel is no uncompressed arm64 Image: at offset 56 stands {found:02x?}")]
    NotAnImage {
        /// What stands where the magic should.
        found: Vec<u8>,
    },
    /// The kernel's size does not fit the header.
    #[error("the kernel has {length} bytes, more than a header can say")]
    KernelTooLarge {
        /// Its bytes.
        length: usize,
    },
    /// It does not begin as a boot image does.
    #[error("it begins with {found:02x?}, not with \"ANDROID!\"")]
    Magic {
        /// What it begins with.
        found: Vec<u8>,
    },
    /// Another version of the header.
    #[error("its header has version {found}; version 4 is understood")]
    Version {
        /// Which.
        found: u32,
    },
    /// A header of another size.
    #[error("its header says that it has {found} bytes; one of version 4 has {HEADER_BYTES}")]
    HeaderSize {
        /// What it says.
        found: u32,
    },
    /// It has a part that only a phone with a stock system needs.
    #[error("it holds a {part} of {bytes} bytes, which nothing here starts")]
    Extra {
        /// Which part.
        part: &'static str,
        /// Its size.
        bytes: u32,
    },
    /// It ends too early.
    #[error("it has {found} bytes, and by its header {wanted}")]
    CutOff {
        /// By the header.
        wanted: usize,
        /// There are.
        found: usize,
    },
}

impl BootImage {
    /// The bytes that a phone takes.
    ///
    /// # Errors
    ///
    /// When the kernel is no arm64 `Image`, or the command line does not fit.
    pub fn write(&self) -> Result<Vec<u8>, BootImageError> {
        check_kernel(&self.kernel)?;
        check_command_line(self.command_line.as_bytes())?;
        let length = self.kernel.len();
        let kernel_size = u32::try_from(length).map_err(|_| BootImageError::KernelTooLarge { length })?;
        let mut bytes = Vec::with_capacity(PAGE + pages(length));
        bytes.extend_from_slice(MAGIC);
        // The ramdisk's size and the system's version are 0.
        for word in [kernel_size, 0, 0, HEADER_BYTES as u32, 0, 0, 0, 0, VERSION] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(self.command_line.as_bytes());
        bytes.resize(PAGE, 0);
        bytes.extend_from_slice(&self.kernel);
        bytes.resize(PAGE + pages(length), 0);
        Ok(bytes)
    }

    /// What a phone finds in `bytes`.
    ///
    /// # Errors
    ///
    /// When a phone would not start it, or would do more than start a kernel.
    pub fn read(bytes: &[u8]) -> Result<Self, BootImageError> {
        let found = part(bytes, 0, MAGIC.len());
        if found != MAGIC {
            return Err(BootImageError::Magic { found: found.to_vec() });
        }
        if bytes.len() < PAGE {
            return Err(BootImageError::CutOff { wanted: PAGE, found: bytes.len() });
        }
        check_header(bytes)?;
        let kernel_size = word(bytes, KERNEL_SIZE_AT) as usize;
        let kernel = part(bytes, PAGE, kernel_size);
        if kernel.len() < kernel_size {
            return Err(BootImageError::CutOff { wanted: PAGE + kernel_size, found: bytes.len() });
        }
        check_kernel(kernel)?;
        Ok(Self { command_line: command_line(bytes)?, kernel: kernel.to_vec() })
    }
}

fn check_header(bytes: &[u8]) -> Result<(), BootImageError> {
    // The version stands at the same place in every version, and says where everything else does.
    match word(bytes, VERSION_AT) {
        VERSION => {}
        found => return Err(BootImageError::Version { found }),
    }
    match word(bytes, HEADER_SIZE_AT) {
        found if found as usize == HEADER_BYTES => {}
        found => return Err(BootImageError::HeaderSize { found }),
    }
    for (part, at) in [("ramdisk", RAMDISK_SIZE_AT), ("signature", SIGNATURE_SIZE_AT)] {
        match word(bytes, at) {
            0 => {}
            bytes => return Err(BootImageError::Extra { part, bytes }),
        }
    }
    Ok(())
}

fn check_kernel(kernel: &[u8]) -> Result<(), BootImageError> {
    match part(kernel, KERNEL_MAGIC_AT, KERNEL_MAGIC.len()) {
        KERNEL_MAGIC => Ok(()),
        found => Err(BootImageError::NotAnImage { found: found.to_vec() }),
    }
}

fn check_command_line(text: &[u8]) -> Result<(), BootImageError> {
    if text.len() > MAX_COMMAND_LINE {
        return Err(BootImageError::CommandLineTooLong { length: text.len() });
    }
    let printable = text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    if printable { Ok(()) } else { Err(BootImageError::CommandLineNotText) }
}

/// The command line up to its NUL.
fn command_line(bytes: &[u8]) -> Result<String, BootImageError> {
    let room = part(bytes, COMMAND_LINE_AT, COMMAND_LINE_BYTES);
    let text = room.split(|byte| *byte == 0).next().unwrap_or_default();
    check_command_line(text)?;
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// `length` rounded up to whole pages.
const fn pages(length: usize) -> usize {
    length.next_multiple_of(PAGE)
}

/// Up to `length` bytes from `at`, as many as there are.
fn part(bytes: &[u8], at: usize, length: usize) -> &[u8] {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.get(..length).unwrap_or(rest)
}

/// The little-endian word at `at`; the header is whole where this is used.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kernel(length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
        bytes[56..60].copy_from_slice(KERNEL_MAGIC);
        bytes
    }

    fn image(command_line: &str, length: usize) -> BootImage {
        BootImage { command_line: command_line.into(), kernel: kernel(length) }
    }

    #[test]
    fn every_byte_stands_where_the_format_has_it() {
        let bytes = image("framekeeper.seed=7", 5000).write().unwrap();
        assert_eq!(bytes.len(), 3 * 4096);
        assert_eq!(&bytes[..8], b"ANDROID!");
        assert_eq!(&bytes[8..12], &[0x88, 0x13, 0, 0], "the kernel's size");
        assert_eq!(&bytes[12..20], &[0; 8], "no ramdisk, no version of a system");
        assert_eq!(&bytes[20..24], &[0x30, 0x06, 0, 0], "1584, the header's size");
        assert_eq!(&bytes[24..40], &[0; 16], "reserved");
        assert_eq!(&bytes[40..44], &[4, 0, 0, 0], "the version");
        assert_eq!(&bytes[44..63], b"framekeeper.seed=7\0");
        assert!(bytes[63..4096].iter().all(|byte| *byte == 0), "no signature, and padding");
        assert_eq!(&bytes[4096..4096 + 5000], kernel(5000));
        assert!(bytes[4096 + 5000..].iter().all(|byte| *byte == 0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(words in "[ -~]{0,1535}", length in 60_usize..20_000) {
            let image = image(&words, length);
            let bytes = image.write().unwrap();
            prop_assert_eq!(bytes.len() % 4096, 0);
            prop_assert_eq!(BootImage::read(&bytes), Ok(image));
        }

        #[test]
        fn nothing_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
            let _ = BootImage::read(&[MAGIC.as_slice(), &bytes].concat());
            prop_assert!(BootImage::read(&bytes).is_err());
        }
    }

    #[test]
    fn what_cannot_be_started_is_not_written() {
        assert_eq!(
            image(&"x".repeat(1536), 64).write(),
            Err(BootImageError::CommandLineTooLong { length: 1536 })
        );
        assert_eq!(image("a\nb", 64).write(), Err(BootImageError::CommandLineNotText));
        let lz4 = BootImage { command_line: String::new(), kernel: vec![2, 0x21, 0x4c, 0x18] };
        assert_eq!(lz4.write(), Err(BootImageError::NotAnImage { found: vec![] }));
    }

    #[test]
    fn what_a_phone_would_not_start_is_refused() {
        let good = image("", 5000).write().unwrap();
        let with = |at: usize, value: u32| {
            let mut bytes = good.clone();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            BootImage::read(&bytes).unwrap_err()
        };
        assert_eq!(with(40, 2), BootImageError::Version { found: 2 });
        assert_eq!(with(20, 1580), BootImageError::HeaderSize { found: 1580 });
        assert_eq!(with(12, 9), BootImageError::Extra { part: "ramdisk", bytes: 9 });
        assert_eq!(with(1580, 8), BootImageError::Extra { part: "signature", bytes: 8 });
        assert_eq!(with(8, 8193), BootImageError::CutOff { wanted: 4096 + 8193, found: good.len() });
        assert_eq!(
            with(8, u32::MAX),
            BootImageError::CutOff { wanted: 4096 + u32::MAX as usize, found: good.len() }
        );
        assert_eq!(with(4096 + 56, 0), BootImageError::NotAnImage { found: vec![0; 4] });
        assert!(matches!(with(0, 0), BootImageError::Magic { .. }));
        assert_eq!(with(44, 0xff), BootImageError::CommandLineNotText);
        let short = BootImage::read(&good[..100]).unwrap_err();
        assert_eq!(short, BootImageError::CutOff { wanted: 4096, found: 100 });
    }
}
