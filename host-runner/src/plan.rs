//! What is to be run: the tests that an image's ELF file lists.

use std::collections::BTreeMap;
use std::time::Duration;
use wire::BuildId;

/// The tests of one image, in the order in which they run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    /// Which image they belong to; a board that runs another one is refused.
    pub build: BuildId,
    /// Every test, ignored and deselected ones included.
    pub tests: Vec<Test>,
    /// What becomes of tests that fail.
    #[serde(default)]
    pub again: Again,
    /// Tests whose failures fail no run, by name, and why.
    #[serde(default)]
    pub quarantine: BTreeMap<String, String>,
}

impl Plan {
    /// These tests, once each.
    #[must_use]
    pub fn new(build: BuildId, tests: Vec<Test>) -> Self {
        Self { build, tests, again: Again::default(), quarantine: BTreeMap::new() }
    }
}

/// What becomes of a test that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Again {
    /// It is run so many times more, until it passes.
    pub retries: u32,
    /// One that passes then is as good as one that passed at once.
    pub flaky_passes: bool,
}

/// One test as the image describes it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Test {
    /// Module path without the crate, and name: `boot::entry_level_is_known`.
    pub name: String,
    /// The link address of its entry function.
    pub entry: u64,
    /// It passes if it panics.
    pub should_panic: bool,
    /// Its own time limit.
    pub timeout: Option<Duration>,
    /// Whether it is to be run.
    pub selected: Selected,
}

/// Whether a planned test is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Selected {
    /// It runs.
    Yes,
    /// It is marked `#[ignore]`; it is reported as ignored.
    Ignored,
    /// The user's filters leave it out; it is not reported.
    Filtered,
}
