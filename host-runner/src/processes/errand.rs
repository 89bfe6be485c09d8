//! What is to be done when this program has ended without having done it itself.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the names of errands begin with: the keeper runs every file in its folder that is called so.
pub(super) const PREFIX: &str = "errand.";

/// Tells errands apart.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A line of a shell's that the keeper runs after this program's end, unless this is dropped before.
#[derive(Debug)]
pub(crate) struct Errand(PathBuf);

impl Errand {
    /// Leaves word.
    pub(crate) fn leave(line: &str) -> Result<Self, String> {
        // Relaxed: the number stands for itself.
        let name = format!("{PREFIX}{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let path = super::folder()?.join(name);
        fs::write(&path, format!("{line}\n")).map_err(|error| format!("cannot leave word: {error}"))?;
        Ok(Self(path))
    }

    /// It is run, come what may.
    pub(crate) fn stand(mut self) {
        self.0 = PathBuf::new();
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
