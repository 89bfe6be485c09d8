//! The folders that runs leave behind: recording, ELF file, and what the report needs beside them.
//!
//! They are numbered, so that two runs at once never share one and the latest is known without a clock. Only the
//! last few are kept: each holds a copy of its ELF file.

use crate::workspace::Workspace;
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// How many runs are kept.
const KEPT: usize = 20;

const NOTES: &str = "report.json";

/// The folder of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// What a report needs beside the recording and the ELF file, and what neither of them says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// The command that runs one test again, up to the test's name.
    pub repeat: String,
}

/// There is no such run.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("there is no recorded run `{wanted}`")]
#[diagnostic(help("{help}"))]
pub struct UnknownRun {
    wanted: String,
    help: String,
}

impl RunFolder {
    /// A new folder for a run on `board`, numbered after the last one.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn create(workspace: &Workspace, board: &str) -> io::Result<Self> {
        let all = workspace.runs();
        std::fs::create_dir_all(&all)?;
        let before = existing(&all);
        for old in before.iter().rev().skip(KEPT - 1) {
            // A run that is being looked at may stay.
            let _ = std::fs::remove_dir_all(all.join(&old.1));
        }
        let next = before.last().map_or(1, |last| last.0 + 1);
        (next..)
            .find_map(|number| Self::try_create(all.join(format!("{number:04}-{board}"))))
            .unwrap_or_else(|| Err(io::Error::other("bug: the numbers of runs have run out")))
    }

    fn try_create(path: PathBuf) -> Option<io::Result<Self>> {
        match std::fs::create_dir(&path) {
            Ok(()) => Some(Ok(Self { path })),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// The folder of the run called `wanted`: its name, its number, `latest`, or a path.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn find(workspace: &Workspace, wanted: &str) -> Result<Self, UnknownRun> {
        let runs = existing(&workspace.runs());
        let named = runs.iter().find(|(number, name)| name == wanted || number.to_string() == wanted);
        let run = if wanted == "latest" { runs.last() } else { named };
        if let Some((_, name)) = run {
            return Ok(Self { path: workspace.runs().join(name) });
        }
        let path = PathBuf::from(wanted);
        if path.join(NOTES).is_file() {
            return Ok(Self { path });
        }
        Err(UnknownRun { wanted: wanted.to_owned(), help: what_there_is(&runs) })
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its copy of the ELF file lies.
    #[must_use]
    pub fn elf(&self) -> PathBuf {
        self.path.join("image.elf")
    }

    /// Where its arm64 `Image` lies.
    #[must_use]
    pub fn kernel(&self) -> PathBuf {
        self.path.join("Image")
    }

    /// Keeps what the report needs.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_notes(&self, notes: &Notes) -> io::Result<()> {
        std::fs::write(self.path.join(NOTES), serde_json::to_string_pretty(notes)?)
    }

    /// What the report needs.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read_notes(&self) -> io::Result<Notes> {
        Ok(serde_json::from_str(&std::fs::read_to_string(self.path.join(NOTES))?)?)
    }
}

/// Every run's number and name, by number.
fn existing(runs: &Path) -> Vec<(u32, String)> {
    let numbered = |name: String| {
        let number = name.split('-').next()?.parse().ok()?;
        Some((number, name))
    };
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.filter_map(|entry| numbered(entry.file_name().into_string().ok()?)).collect();
    found.sort();
    found
}

fn what_there_is(runs: &[(u32, String)]) -> String {
    match runs.last() {
        Some((_, name)) => format!("the latest is `{name}`; they lie in target/host-runner/runs"),
        None => "nothing was run yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> (tempfile::TempDir, Workspace) {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("boards")).unwrap();
        std::fs::write(root.path().join("Cargo.toml"), "").unwrap();
        let workspace = Workspace::around(root.path()).unwrap();
        (root, workspace)
    }

    #[test]
    fn runs_are_numbered_and_found() {
        let (_root, workspace) = workspace();
        let first = RunFolder::create(&workspace, "b").unwrap();
        let second = RunFolder::create(&workspace, "b").unwrap();
        assert!(first.path().ends_with("0001-b") && second.path().ends_with("0002-b"));
        assert_eq!(RunFolder::find(&workspace, "latest").unwrap(), second);
        assert_eq!(RunFolder::find(&workspace, "1").unwrap(), first);
        assert_eq!(RunFolder::find(&workspace, "0001-b").unwrap(), first);
        assert!(RunFolder::find(&workspace, "9").is_err());
    }

    #[test]
    fn old_runs_go() {
        let (_root, workspace) = workspace();
        for _ in 0..KEPT + 5 {
            RunFolder::create(&workspace, "b").unwrap();
        }
        assert_eq!(existing(&workspace.runs()).len(), KEPT);
    }

    #[test]
    fn notes_are_read_back() {
        let (_root, workspace) = workspace();
        let folder = RunFolder::create(&workspace, "b").unwrap();
        let notes = Notes { repeat: "run".into() };
        folder.write_notes(&notes).unwrap();
        assert_eq!(folder.read_notes().unwrap(), notes);
    }
}
