//! Building a test image of the firmware package with cargo.

use crate::board::Board;
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

/// Why there is no image.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BuildError {
    /// Cargo itself does not start.
    #[error("cannot start cargo: {0}")]
    #[diagnostic(help("`host-runner doctor` says what is missing"))]
    NoCargo(std::io::Error),
    /// Cargo says no; its own words are on stderr already.
    #[error("building the firmware's image `{image}` failed ({status})")]
    #[diagnostic(help("cargo's errors are above; to repeat it: {repeat}"))]
    Failed {
        /// Which image.
        image: String,
        /// The command.
        repeat: String,
        /// How cargo ended.
        status: ExitStatus,
    },
    /// Cargo is content but named no executable.
    #[error("cargo built no executable called `{image}`")]
    #[diagnostic(help("images are the `[[test]]` entries of firmware/Cargo.toml"))]
    NoExecutable {
        /// Which was wanted.
        image: String,
    },
}

/// Builds `image` for `board` and says where its ELF file lies. `log` is what defmt's macros keep.
///
/// # Errors
///
/// When cargo does not start, does not build, or builds something else.
pub fn build(workspace: &Workspace, board: &Board, image: &str, log: &str) -> Result<PathBuf, BuildError> {
    let target = &board.build.target;
    let arguments = ["-p", "firmware", "--test", image, "--target", target];
    build_with(workspace, &arguments, image, log)
}

/// Calls cargo with these arguments to build something for a board's target, and says where its ELF file lies.
pub(crate) fn build_with(
    workspace: &Workspace,
    arguments: &[&str],
    image: &str,
    log: &str,
) -> Result<PathBuf, BuildError> {
    let output = command(workspace, arguments, log)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(BuildError::NoCargo)?;
    if !output.status.success() {
        let (image, repeat) = (image.to_owned(), format!("cargo build --release {}", arguments.join(" ")));
        return Err(BuildError::Failed { image, repeat, status: output.status });
    }
    executable(&String::from_utf8_lossy(&output.stdout), image)
        .ok_or_else(|| BuildError::NoExecutable { image: image.to_owned() })
}

/// Cargo takes what the surrounding `cargo run` leaves in the environment as its own settings; what would change
/// the firmware's build is taken out.
fn command(workspace: &Workspace, arguments: &[&str], log: &str) -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(workspace.root())
        .args(["build", "--release"])
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .env("DEFMT_LOG", log)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// The executable of the test `image` among cargo's messages, one JSON object a line.
fn executable(messages: &str, image: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["target"]["name"] == image)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_taken_from_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"firmware"},"executable":null}
not json
{"reason":"compiler-artifact","target":{"name":"other"},"executable":"/t/other"}
{"reason":"compiler-artifact","target":{"name":"suite"},"executable":"/t/suite-1"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "suite"), Some(PathBuf::from("/t/suite-1")));
        assert_eq!(executable(messages, "missing"), None);
    }
}
