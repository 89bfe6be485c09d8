//! The folders that runs leave behind: recording, ELF file, and what the report needs beside them.
//!
//! They are numbered, each in turn, so that the latest is known without a clock, and a number names one. Only the last few
//! are kept, for each holds a copy of its ELF file: of those that passed as many as of the others, so that hundreds of runs of one
//! test each, which is what nextest makes, do not take the place of the one that failed. One whose run is under way is locked,
//! and stays.

use crate::workspace::Workspace;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// How many runs that passed are kept, and how many that did not.
const KEPT: usize = 20;

const NOTES: &str = "report.json";
const LOCK: &str = "lock";
const PASSED: &str = "passed";

/// The folder of one run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Locked as long as the run is under way; none of a run that was.
    _lock: Option<File>,
}

/// What a report needs beside the recording and the ELF file, and what neither of them says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// The command that runs one test again, up to the test's name.
    pub repeat: String,
    /// Where the project lay: its files are named without that.
    #[serde(default)]
    pub root: PathBuf,
    /// What the order of the tests was drawn from, where it was.
    #[serde(default)]
    pub shuffle_seed: Option<u64>,
    /// Whether it is the last trial of a search, of which the tests are only some.
    #[serde(default)]
    pub is_trial: bool,
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
        // Until it is dropped nobody else draws a number.
        let _turn = lock(&all)?;
        let before = existing(&all);
        let folders = before.iter().rev().map(|(_, name)| all.join(name));
        let (passed, other): (Vec<_>, Vec<_>) = folders.partition(|folder| folder.join(PASSED).exists());
        let old = passed.iter().skip(KEPT - 1).chain(other.iter().skip(KEPT - 1));
        for old in old.filter(|folder| !is_under_way(folder)) {
            // A run that is being looked at may stay.
            let _ = std::fs::remove_dir_all(old);
        }
        let next = before.last().map_or(1, |last| last.0 + 1);
        let path = all.join(format!("{next:04}-{board}"));
        std::fs::create_dir(&path)?;
        Ok(Self { _lock: Some(lock(&path)?), path })
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
            return Ok(Self { path: workspace.runs().join(name), _lock: None });
        }
        // A path as a report prints it is relative to the project.
        for path in [PathBuf::from(wanted), workspace.root().join(wanted)] {
            if path.join(NOTES).is_file() {
                return Ok(Self { path, _lock: None });
            }
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

    /// Remembers that nothing was wrong with it.
    pub fn note_passed(&self) {
        // What is not noted is only kept for longer.
        let _ = File::create(self.path.join(PASSED));
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

fn lock(folder: &Path) -> io::Result<File> {
    let lock = File::create(folder.join(LOCK))?;
    lock.lock()?;
    Ok(lock)
}

/// Whether a runner has locked a folder. One that was made a moment ago may not be locked yet, but is none of the old ones.
fn is_under_way(folder: &Path) -> bool {
    let lock = File::open(folder.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
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
        Some((_, name)) => format!("the latest is `{name}`; they lie in target/hil"),
        None => "nothing was run yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Barrier, thread};

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
        let find = |wanted| RunFolder::find(&workspace, wanted).unwrap().path;
        assert_eq!(
            [find("latest"), find("1"), find("0001-b")],
            [&second.path, &first.path, &first.path].map(Clone::clone)
        );
        assert!(RunFolder::find(&workspace, "9").is_err());
    }

    #[test]
    fn no_two_runs_at_once_have_a_number() {
        let (_root, workspace) = workspace();
        let together = Barrier::new(KEPT);
        let create = |board: usize| {
            together.wait();
            RunFolder::create(&workspace, &format!("b{board}")).unwrap()
        };
        let _folders: Vec<_> = thread::scope(|scope| {
            let all: Vec<_> = (0..KEPT).map(|board| scope.spawn(move || create(board))).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let numbers: Vec<_> = existing(&workspace.runs()).into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, (1..=KEPT as u32).collect::<Vec<_>>());
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
    fn the_last_that_failed_stay_however_many_pass() {
        let (_root, workspace) = workspace();
        let failed: Vec<_> =
            (0..KEPT).map(|_| RunFolder::create(&workspace, "b").unwrap().path().to_owned()).collect();
        for _ in 0..3 * KEPT {
            RunFolder::create(&workspace, "b").unwrap().note_passed();
        }
        assert!(
            failed[1..].iter().all(|folder| folder.is_dir()),
            "but the first, whose place the next might take"
        );
        assert_eq!(existing(&workspace.runs()).len(), 2 * KEPT - 1);
    }

    #[test]
    fn a_run_that_is_under_way_stays() {
        let (_root, workspace) = workspace();
        let under_way = RunFolder::create(&workspace, "b").unwrap();
        for _ in 0..KEPT + 5 {
            RunFolder::create(&workspace, "b").unwrap();
        }
        assert!(under_way.path().is_dir());
        let path = under_way.path().to_owned();
        drop(under_way);
        RunFolder::create(&workspace, "b").unwrap();
        assert!(!path.is_dir());
    }

    #[test]
    fn notes_are_read_back() {
        let (_root, workspace) = workspace();
        let folder = RunFolder::create(&workspace, "b").unwrap();
        let notes =
            Notes { repeat: "run".into(), root: "/project".into(), shuffle_seed: Some(7), is_trial: true };
        folder.write_notes(&notes).unwrap();
        assert_eq!(folder.read_notes().unwrap(), notes);
    }
}
