//! Where things lie: boards, firmware and recorded runs are all found from the workspace's root.

use std::path::{Path, PathBuf};

/// The root of a Framekeeper workspace: a folder with a `Cargo.toml` and a `boards` folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
}

/// No workspace was found.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("neither {} nor any folder above it holds a `Cargo.toml` beside a `boards` folder", from.display())]
#[diagnostic(help("run host-runner inside a checkout of Framekeeper"))]
pub struct NotFound {
    from: PathBuf,
}

impl Workspace {
    /// The workspace around the working directory, else the one that this program was built in.
    ///
    /// # Errors
    ///
    /// When there is neither.
    pub fn find() -> Result<Self, NotFound> {
        let from = std::env::current_dir().unwrap_or_default();
        Self::around(&from)
            .or_else(|| Self::around(Path::new(env!("CARGO_MANIFEST_DIR"))))
            .ok_or(NotFound { from })
    }

    pub(crate) fn around(folder: &Path) -> Option<Self> {
        let is_root = |at: &&Path| at.join("Cargo.toml").is_file() && at.join("boards").is_dir();
        folder.ancestors().find(is_root).map(|root| Self { root: root.to_owned() })
    }

    /// The root itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where every board has its folder.
    #[must_use]
    pub fn boards(&self) -> PathBuf {
        self.root.join("boards")
    }

    /// Where every run leaves its recording.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.root.join("target").join("hil")
    }

    /// `path` as people type it from the root; unchanged if it lies elsewhere.
    #[must_use]
    pub fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_from_below() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("firmware").join("src");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::create_dir(root.path().join("boards")).unwrap();
        assert_eq!(Workspace::around(&deep), None, "a boards folder alone is no workspace");
        std::fs::write(root.path().join("Cargo.toml"), "[workspace]").unwrap();
        assert_eq!(Workspace::around(&deep).unwrap().root(), root.path());
    }

    #[test]
    fn paths_inside_are_shown_relative() {
        let workspace = Workspace { root: PathBuf::from("/src") };
        assert_eq!(workspace.relative(Path::new("/src/firmware/src/a.rs")), Path::new("firmware/src/a.rs"));
        assert_eq!(workspace.relative(Path::new("/rustc/x.rs")), Path::new("/rustc/x.rs"));
    }
}
