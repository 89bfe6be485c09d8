//! Reading a dump, which may be cut off or damaged.

#![deny(clippy::arithmetic_side_effects)]

use core::fmt;

use super::{Block, FRAMES, MAGIC, VERSION, control, kind};
use crate::{
    cpu::Core,
    frame::{Frame, Order},
    word::{Owner, PoolId},
};

/// So many blocks of one kind, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where the first starts.
    pub first: Frame,
    /// What each is.
    pub block: Block,
    /// How many.
    pub count: u64,
}

impl Run {
    /// The frame behind the last one.
    #[must_use]
    pub const fn end(&self) -> Frame {
        self.first.plus(self.count.saturating_mul(self.block.frames()))
    }
}

/// Why a dump cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpError {
    /// It does not begin as a dump does.
    NoDump,
    /// It is of a version that is not known here.
    UnknownVersion {
        /// Which.
        version: u8,
    },
    /// It ends before its end.
    CutOff {
        /// How many bytes there are.
        length: usize,
    },
    /// No dump has this byte there.
    Unexpected {
        /// Where.
        offset: usize,
        /// The byte.
        byte: u8,
    },
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDump => f.write_str("this is no dump of a frame map"),
            Self::UnknownVersion { version } => write!(f, "a dump of version {version}, which is not known"),
            Self::CutOff { length } => write!(f, "the dump is cut off behind byte {length}"),
            Self::Unexpected { offset, byte } => write!(f, "no dump has {byte:#04x} at byte {offset}"),
        }
    }
}

impl core::error::Error for DumpError {}

/// The runs of a dump, in rising order. After an error there is no more.
///
/// # Example
///
/// ```
/// # use framekeeper::*;
/// # use std::sync::atomic::{AtomicU32, AtomicU64};
/// use framekeeper::dump::{Block, Dump};
/// # let mut ram = RegionSet::<1>::new();
/// # ram.add(PhysRange::new(PhysAddr(0x8000_0000), PhysAddr(0x8800_0000)))?;
/// # let needs = MapLayout::of(&ram)?.needs();
/// # let mut words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(0)).collect();
/// # let mut index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(0)).collect();
/// # let storage = Storage { words: &mut words, index: &mut index };
/// # let frames = FrameAllocator::new(&ram, &ram, storage, &[], Uncached)?;
///
/// let mut bytes = Vec::new();
/// frames.dump(|piece| bytes.extend(piece));
/// for run in Dump::new(&bytes)? {
///     let run = run?;
///     assert!(matches!(run.block, Block::Free { .. }), "{run:?}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dump<'b> {
    bytes: &'b [u8],
    offset: usize,
    /// The frame behind the last run.
    next: Frame,
    who: u8,
    is_over: bool,
}

impl<'b> Dump<'b> {
    /// What `bytes` are a dump of.
    ///
    /// # Errors
    ///
    /// They are none, or one of another version.
    pub fn new(bytes: &'b [u8]) -> Result<Self, DumpError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(DumpError::NoDump)?;
        match rest.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(DumpError::UnknownVersion { version }),
            None => return Err(DumpError::CutOff { length: bytes.len() }),
        }
        let offset = MAGIC.len().saturating_add(1);
        Ok(Self { bytes, offset, next: Frame::new(0), who: 0, is_over: false })
    }

    /// The next run; none at the end.
    fn run(&mut self) -> Result<Option<Run>, DumpError> {
        let (kind, low) = loop {
            match split(self.byte()?) {
                (kind::CONTROL, control::GAP) => self.next = self.next.plus(self.number()?),
                (kind::CONTROL, control::WHO) => self.who = self.byte()?,
                (kind::CONTROL, control::END) => return Ok(None),
                (kind, low) => break (kind, low),
            }
        };
        let block = self.block(kind, low)?;
        let run = Run { first: self.next, block, count: self.again()?.saturating_add(1) };
        self.next = run.end();
        Ok(Some(run))
    }

    /// The block of which the first byte says this.
    fn block(&mut self, kind: u8, low: u8) -> Result<Block, DumpError> {
        let order = Order::new(low);
        Ok(match (kind, low, order) {
            (kind::HOLE, 0, _) => Block::Hole,
            (kind::RESERVED, 0, _) => Block::Reserved,
            (kind::FREE, _, Some(order)) => Block::Free { order },
            (kind::CACHED, _, Some(order)) => Block::Cached { order, core: Core::new(self.who) },
            (kind::ALLOCATED, ..) => {
                Block::Allocated { frames: self.frames(low)?, owner: Owner::new(self.who) }
            }
            (kind::PENDING, ..) => Block::Pending { frames: self.frames(low)? },
            (kind::ODD, 0, _) => Block::Changing { frames: self.frames(FRAMES)? },
            (kind::ODD, 1, _) => {
                let word = u32::try_from(self.number()?).map_err(|_| self.unexpected())?;
                Block::Damaged { word }
            }
            (kind::ODD, 2, _) => {
                let pool = u16::try_from(self.number()?).ok().and_then(PoolId::new);
                Block::Slab { pool: pool.ok_or_else(|| self.unexpected())? }
            }
            _ => return Err(self.unexpected()),
        })
    }

    /// How many frames a block has, of whose first byte these are the lower bits.
    fn frames(&mut self, low: u8) -> Result<u64, DumpError> {
        let frames = match Order::new(low) {
            Some(order) => order.frames(),
            None if low == FRAMES => self.number()?,
            None => 0,
        };
        let is_right = (1..=Order::MAX.frames()).contains(&frames);
        if is_right { Ok(frames) } else { Err(self.unexpected()) }
    }

    /// How often the last block comes again.
    fn again(&mut self) -> Result<u64, DumpError> {
        match self.bytes.get(self.offset).map(|&byte| split(byte)) {
            Some((kind::CONTROL, low)) if low < control::MOST_AGAIN => {
                self.byte()?;
                Ok(u64::from(low).saturating_add(1))
            }
            Some((kind::CONTROL, control::AGAIN)) => {
                self.byte()?;
                self.number()
            }
            _ => Ok(0),
        }
    }

    fn number(&mut self) -> Result<u64, DumpError> {
        let mut number = 0;
        // Frames have 52 bits: eight groups suffice, and nothing that is made of them passes 64.
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.unexpected())
    }

    fn byte(&mut self) -> Result<u8, DumpError> {
        let byte = self.bytes.get(self.offset).ok_or(DumpError::CutOff { length: self.bytes.len() })?;
        self.offset = self.offset.saturating_add(1);
        Ok(*byte)
    }

    /// The byte that was last read is wrong.
    fn unexpected(&self) -> DumpError {
        let offset = self.offset.saturating_sub(1);
        DumpError::Unexpected { offset, byte: self.bytes.get(offset).copied().unwrap_or(0) }
    }
}

impl Iterator for Dump<'_> {
    type Item = Result<Run, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let run = self.run();
        self.is_over = !matches!(run, Ok(Some(_)));
        run.transpose()
    }
}

/// A byte's upper three bits and lower five.
const fn split(byte: u8) -> (u8, u8) {
    (byte >> 5, byte & 0b1_1111)
}
