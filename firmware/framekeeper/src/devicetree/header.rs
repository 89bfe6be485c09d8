//! The header: which bytes of the blob are which block (Devicetree Specification 0.4 §5.2).

#![deny(clippy::arithmetic_side_effects)]

use super::{
    bytes::{u32_at, u64_at},
    error::{Block, ErrorKind, TreeError},
};
use core::ops::Range;

const MAGIC: u32 = 0xd00d_feed;
/// The size of a header of version 16, which does not tell the size of the structure block.
const SHORT_HEADER: usize = 36;
const LONG_HEADER: usize = 40;
/// Bytes in an entry of the reservation block.
const RESERVATION: usize = 16;

/// Offsets of the fields.
mod field {
    pub(super) const MAGIC: usize = 0;
    pub(super) const TOTAL_SIZE: usize = 4;
    pub(super) const STRUCTURE: usize = 8;
    pub(super) const STRINGS: usize = 12;
    pub(super) const RESERVATIONS: usize = 16;
    pub(super) const VERSION: usize = 20;
    pub(super) const LAST_COMPATIBLE: usize = 24;
    pub(super) const STRINGS_SIZE: usize = 32;
    pub(super) const STRUCTURE_SIZE: usize = 36;
}

/// Where the blocks are. They lie inside the blob, aligned, and share no byte.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// How many bytes of the blob are the tree's.
    pub(super) total: usize,
    /// The reservations, without the end mark.
    pub(super) reservations: Range<usize>,
    pub(super) structure: Range<usize>,
    pub(super) strings: Range<usize>,
    /// Whether the header tells where the structure block ends.
    pub(super) tells_structure_size: bool,
}

impl Header {
    pub(super) fn read(blob: &[u8]) -> Result<Self, TreeError> {
        let (blob, header) = cut_to_total(blob)?;
        let reservations = reservations(blob, &header)?;
        let strings = sized(blob, Block::Strings, field::STRINGS, field::STRINGS_SIZE)?;
        let start = word(blob, field::STRUCTURE)?;
        if !start.is_multiple_of(4) {
            let kind = ErrorKind::Misaligned { block: Block::Structure, start };
            return Err(TreeError { offset: field::STRUCTURE, kind });
        }
        let tells_structure_size = header.end == LONG_HEADER;
        let structure = if tells_structure_size {
            sized(blob, Block::Structure, field::STRUCTURE, field::STRUCTURE_SIZE)?
        } else {
            up_to_the_next(blob, start, &[&reservations, &strings])?
        };
        Self::refuse_overlaps(&[
            (Block::Header, 0, &header),
            (Block::Reservations, field::RESERVATIONS, &reservations),
            (Block::Structure, field::STRUCTURE, &structure),
            (Block::Strings, field::STRINGS, &strings),
        ])?;
        let reservations = reservations.start..reservations.end.saturating_sub(RESERVATION);
        Ok(Self { total: blob.len(), reservations, structure, strings, tells_structure_size })
    }

    fn refuse_overlaps(blocks: &[(Block, usize, &Range<usize>); 4]) -> Result<(), TreeError> {
        for (earlier, &(second, offset, b)) in blocks.iter().enumerate() {
            for &(first, _, a) in blocks.iter().take(earlier) {
                if a.start.max(b.start) < a.end.min(b.end) {
                    return Err(TreeError { offset, kind: ErrorKind::BlocksOverlap { first, second } });
                }
            }
        }
        Ok(())
    }
}

fn word(blob: &[u8], offset: usize) -> Result<u32, TreeError> {
    u32_at(blob, offset).ok_or(TreeError { offset, kind: ErrorKind::TooShort { length: blob.len() } })
}

/// The bytes that are the tree's, and those of them that are the header's.
fn cut_to_total(blob: &[u8]) -> Result<(&[u8], Range<usize>), TreeError> {
    let length = blob.len();
    let found = word(blob, field::MAGIC)?;
    if found != MAGIC {
        return Err(TreeError { offset: field::MAGIC, kind: ErrorKind::BadMagic { found } });
    }
    if length < SHORT_HEADER {
        return Err(TreeError { offset: length, kind: ErrorKind::TooShort { length } });
    }
    let header = 0..header_size(blob)?;
    if length < header.end {
        return Err(TreeError { offset: length, kind: ErrorKind::TooShort { length } });
    }
    let total = word(blob, field::TOTAL_SIZE)?;
    if (total as usize) < header.end {
        return Err(TreeError { offset: field::TOTAL_SIZE, kind: ErrorKind::SmallerThanHeader { total } });
    }
    let blob = blob
        .get(..total as usize)
        .ok_or(TreeError { offset: field::TOTAL_SIZE, kind: ErrorKind::LargerThanBlob { total, length } })?;
    Ok((blob, header))
}

fn header_size(blob: &[u8]) -> Result<usize, TreeError> {
    let version = word(blob, field::VERSION)?;
    let last_compatible = word(blob, field::LAST_COMPATIBLE)?;
    if version < 16 || last_compatible > 17 || last_compatible > version {
        let kind = ErrorKind::UnsupportedVersion { version, last_compatible };
        return Err(TreeError { offset: field::VERSION, kind });
    }
    Ok(if version == 16 { SHORT_HEADER } else { LONG_HEADER })
}

/// A block of which the header tells start and size.
fn sized(blob: &[u8], block: Block, start_at: usize, size_at: usize) -> Result<Range<usize>, TreeError> {
    let start = word(blob, start_at)? as usize;
    let size = word(blob, size_at)? as usize;
    let outside = |offset| TreeError { offset, kind: ErrorKind::OutsideBlob { block } };
    if start > blob.len() {
        return Err(outside(start_at));
    }
    match start.checked_add(size) {
        Some(end) if end <= blob.len() => Ok(start..end),
        _ => Err(outside(size_at)),
    }
}

/// A block that goes on until another one starts.
fn up_to_the_next(blob: &[u8], start: u32, others: &[&Range<usize>; 2]) -> Result<Range<usize>, TreeError> {
    let start = start as usize;
    if start > blob.len() {
        let kind = ErrorKind::OutsideBlob { block: Block::Structure };
        return Err(TreeError { offset: field::STRUCTURE, kind });
    }
    let starts = others.iter().map(|other| other.start);
    Ok(start..starts.filter(|&other| other > start).min().unwrap_or(blob.len()))
}

/// Pairs of address and size, ended by two zeros (§5.3), with the zeros.
fn reservations(blob: &[u8], header: &Range<usize>) -> Result<Range<usize>, TreeError> {
    let start = word(blob, field::RESERVATIONS)?;
    let error = |kind| TreeError { offset: field::RESERVATIONS, kind };
    if !start.is_multiple_of(8) {
        return Err(error(ErrorKind::Misaligned { block: Block::Reservations, start }));
    }
    let start = start as usize;
    if start < header.end {
        // To look for the end would be to look at something else.
        let (first, second) = (Block::Header, Block::Reservations);
        return Err(error(ErrorKind::BlocksOverlap { first, second }));
    }
    let block = blob.get(start..).ok_or(error(ErrorKind::OutsideBlob { block: Block::Reservations }))?;
    let is_end = |pair: &[u8]| u64_at(pair, 0) == Some(0) && u64_at(pair, 8) == Some(0);
    let count = block.chunks_exact(RESERVATION).position(is_end);
    let end = count.and_then(|count| count.checked_add(1)?.checked_mul(RESERVATION)?.checked_add(start));
    let end = end.ok_or(TreeError { offset: start, kind: ErrorKind::ReservationsUnterminated })?;
    Ok(start..end)
}
