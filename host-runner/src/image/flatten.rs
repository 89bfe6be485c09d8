//! From an ELF file to the arm64 `Image` that boot loaders take: the segments' bytes, placed by physical address.
//!
//! What a segment has in memory beyond its file bytes is zeroed by the image itself at its start; the header's
//! `image_size` tells the boot loader to keep that room free (Linux `Documentation/arch/arm64/booting.rst`).

use super::{Elf, ImageError};
use object::LittleEndian as LE;
use object::elf::{PT_LOAD, ProgramHeader64};
use object::read::elf::ProgramHeader;

/// `ARM\x64`, at offset 56 of every arm64 `Image`.
const MAGIC: &[u8; 4] = b"ARM\x64";
const MAGIC_AT: usize = 56;

/// Far more than any image; a stray segment address would otherwise ask for gigabytes.
const MOST_BYTES: u64 = 256 << 20;

/// The bytes of the `Image`.
///
/// # Errors
///
/// When there is nothing to load, segments lie too far apart, or the result is no arm64 `Image`.
pub(super) fn flatten(elf: &Elf<'_>) -> Result<Vec<u8>, ImageError> {
    let segments = loaded_segments(elf)?;
    let lowest =
        segments.iter().map(|segment| segment.start).min().ok_or_else(|| not_bootable("it loads nothing"))?;
    let mut image = Vec::new();
    for segment in &segments {
        place(&mut image, segment.start - lowest, segment.bytes)?;
    }
    match image.get(MAGIC_AT..MAGIC_AT + MAGIC.len()) {
        Some(magic) if magic == MAGIC => Ok(image),
        found => Err(not_bootable(&format!("at offset 56 it has {found:02x?}, not the magic \"ARM\\x64\""))),
    }
}

struct Segment<'a> {
    start: u64,
    bytes: &'a [u8],
}

fn loaded_segments<'a>(elf: &Elf<'a>) -> Result<Vec<Segment<'a>>, ImageError> {
    let loaded = |header: &&ProgramHeader64<LE>| header.p_type(LE) == PT_LOAD && header.p_filesz(LE) > 0;
    let segment = |header: &ProgramHeader64<LE>| {
        let bytes =
            header.data(LE, elf.data()).map_err(|()| not_bootable("a segment lies outside of the file"))?;
        Ok(Segment { start: header.p_paddr(LE), bytes })
    };
    elf.elf_program_headers().iter().filter(loaded).map(segment).collect()
}

fn place(image: &mut Vec<u8>, offset: u64, bytes: &[u8]) -> Result<(), ImageError> {
    let end = offset.checked_add(bytes.len() as u64).filter(|&end| end <= MOST_BYTES);
    let (Some(end), Ok(start)) = (end.and_then(|end| usize::try_from(end).ok()), usize::try_from(offset))
    else {
        return Err(not_bootable("its segments lie more than 256 MiB apart"));
    };
    if image.len() < end {
        image.resize(end, 0);
    }
    if let Some(room) = image.get_mut(start..end) {
        room.copy_from_slice(bytes);
    }
    Ok(())
}

fn not_bootable(reason: &str) -> ImageError {
    ImageError::NotBootable(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixture::{Fixture, LOAD, Segment};

    fn flatten_bytes(segments: Vec<Segment>) -> Result<Vec<u8>, ImageError> {
        let bytes = Fixture { segments, ..Fixture::default() }.elf();
        flatten(&Elf::parse(&*bytes).unwrap())
    }

    fn header() -> Vec<u8> {
        let mut header = vec![0; 64];
        header[56..60].copy_from_slice(MAGIC);
        header
    }

    #[test]
    fn segments_are_placed_by_physical_address() {
        let far = Segment { virtual_address: 0, physical_address: LOAD + 80, bytes: vec![9, 8] };
        let first = Segment { virtual_address: 0x9000_0000, physical_address: LOAD, bytes: header() };
        let image = flatten_bytes(vec![far, first]).unwrap();
        assert_eq!(image.len(), 82);
        assert_eq!(
            (&image[..64], &image[64..]),
            (&*header(), [[0_u8; 16].as_slice(), &[9, 8]].concat().as_slice())
        );
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let reason = |segments| flatten_bytes(segments).unwrap_err().to_string();
        let at = |physical_address, bytes| Segment { virtual_address: 0, physical_address, bytes };
        assert!(reason(vec![]).contains("loads nothing"));
        assert!(reason(vec![at(LOAD, vec![0; 64])]).contains("magic"));
        assert!(reason(vec![at(LOAD, vec![0; 8])]).contains("magic"));
        assert!(reason(vec![at(0, header()), at(LOAD, vec![1])]).contains("256 MiB apart"));
    }
}
