//! The build id: by it a board proves that it runs the image that was planned, not one left from before.

use super::{Elf, ImageError};
use object::Object;
use wire::BuildId;

/// The GNU build id of `elf`, padded with zeros.
///
/// # Errors
///
/// When there is none, or it is longer than a SHA-1, which a message could not carry.
pub(super) fn read(elf: &Elf<'_>) -> Result<BuildId, ImageError> {
    let id = elf.build_id().ok().flatten().ok_or(ImageError::NoBuildId)?;
    let mut padded = [0; 20];
    padded.get_mut(..id.len()).ok_or(ImageError::NoBuildId)?.copy_from_slice(id);
    Ok(BuildId(padded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixture::Fixture;

    #[test]
    fn a_short_id_is_padded() {
        let bytes = Fixture { build_id: vec![1, 2, 3], ..Fixture::default() }.elf();
        let mut expected = [0; 20];
        expected[..3].copy_from_slice(&[1, 2, 3]);
        assert_eq!(read(&Elf::parse(&*bytes).unwrap()).unwrap(), BuildId(expected));
    }

    #[test]
    fn an_image_without_id_is_refused() {
        for build_id in [Vec::new(), vec![7; 32]] {
            let bytes = Fixture { build_id, ..Fixture::default() }.elf();
            assert!(matches!(read(&Elf::parse(&*bytes).unwrap()), Err(ImageError::NoBuildId)));
        }
    }
}
