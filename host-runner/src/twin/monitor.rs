//! Building the monitor, as firmware is built.

use crate::firmware::{self, BuildError};
use crate::workspace::Workspace;
use std::path::PathBuf;

/// Builds it and says where its ELF file lies.
///
/// # Errors
///
/// When cargo does not start, does not build, or builds something else.
pub fn build(workspace: &Workspace) -> Result<PathBuf, BuildError> {
    const TARGET: &str = "aarch64-unknown-none";
    let arguments = ["-p", "twin", "--bin", "monitor", "--features", "monitor", "--target", TARGET];
    firmware::build_with(workspace, &arguments, "monitor", "error")
}
