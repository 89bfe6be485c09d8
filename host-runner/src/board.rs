//! Boards are data: `boards/<name>/board.toml` says how one is built for, loaded, talked to and waited for.
//!
//! A new board of a known kind is a new file. A key or value that is not understood is an error that shows the
//! place in the file, never a default that was not asked for.

#[cfg(test)]
mod chips;
mod debugged;
mod emulated;
mod phone;
mod place;
#[cfg(test)]
mod tests;

pub use debugged::{GdbOptions, ServerTool};
pub use emulated::QemuOptions;
pub use phone::{FastbootOptions, Hooks, SerialOptions, StandInOptions};
pub use place::PlaceOptions;

use crate::link::Port;
use crate::session::Budgets;
use crate::units::parse_duration;
use crate::workspace::Workspace;
use miette::{Diagnostic, NamedSource, SourceSpan};
use serde::{Deserialize, Deserializer};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

/// One board as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// The folder's name.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// What the `check` command runs on it, if anything.
    pub check: Option<Check>,
    /// What is built for it.
    pub build: Build,
    /// How an image gets onto it.
    pub load: Load,
    /// How it is talked to.
    pub link: Link,
    /// What reaches it where the runner cannot.
    pub hooks: Hooks,
    /// The place of a farm that it is at; none for one that is reached from this machine.
    pub labgrid: Option<PlaceOptions>,
    /// How long it may take.
    pub budgets: Budgets,
}

/// How much of a board's image the `check` command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Every test.
    All,
    /// What every push must pass.
    Smoke,
}

/// What is built for a board.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The Rust target.
    pub target: String,
    /// The test image of the firmware package that runs unless another is asked for.
    pub image: String,
}

/// How an image gets onto a board and how the board is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// By starting `qemu-system-aarch64`.
    Qemu(QemuOptions),
    /// By the `fastboot` program.
    Fastboot(FastbootOptions),
    /// By the `fastboot` program, into a stand-in that this program brings with it.
    StandIn(StandInOptions),
    /// By a debug server.
    Gdb(GdbOptions),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LoadKind {
    Qemu,
    Fastboot,
    StandIn,
    Gdb,
}

/// How a board is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The first serial port of the QEMU that was started.
    QemuSerial,
    /// A serial port.
    Serial(SerialOptions),
    /// A debug server, and a ring in the board's memory.
    Gdb,
}

/// Why there is no such board, or why its file cannot be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum BoardError {
    /// A place was named for a board that is not on a farm.
    #[error("`{name}` is at no place of a farm, so none can be named for it")]
    #[diagnostic(help("`[labgrid]` in a board's file says that it is: docs/farm.md"))]
    AtNoPlace {
        /// Which board.
        name: String,
    },
    /// No folder of that name.
    #[error("there is no board `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        #[help]
        help: String,
    },
    /// The file is there and cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// The file says something that is not understood.
    #[error("the board file {} is not understood", file.name())]
    Invalid {
        /// The whole file.
        #[source_code]
        file: NamedSource<String>,
        /// What is wrong there.
        reason: String,
        /// Where.
        #[label("{reason}")]
        place: SourceSpan,
    },
}

/// The file; how the board is talked to depends on how it is loaded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoardFile<L, K> {
    name: toml::Spanned<String>,
    description: String,
    #[serde(default)]
    check: Option<Check>,
    build: Build,
    load: L,
    link: K,
    #[serde(default)]
    hooks: Hooks,
    #[serde(default)]
    labgrid: Option<toml::Spanned<PlaceOptions>>,
    budgets: BudgetTable,
}

/// Where in the file stands what may not fit the rest.
struct Places {
    name: Range<usize>,
    labgrid: Option<Range<usize>>,
}

/// `[link]` of a board that is a QEMU.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QemuLink {
    kind: QemuLinkKind,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum QemuLinkKind {
    QemuSerial,
    Gdb,
}

impl From<QemuLink> for Link {
    fn from(link: QemuLink) -> Self {
        match link.kind {
            QemuLinkKind::QemuSerial => Self::QemuSerial,
            QemuLinkKind::Gdb => Self::Gdb,
        }
    }
}

/// `[link]` of a board that a debug server loads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GdbLink {
    #[serde(rename = "kind")]
    _kind: GdbLinkKind,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum GdbLinkKind {
    Gdb,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetTable {
    #[serde(deserialize_with = "duration")]
    boot: Duration,
    #[serde(deserialize_with = "duration")]
    test: Duration,
    #[serde(deserialize_with = "duration")]
    silence: Duration,
    #[serde(deserialize_with = "duration")]
    total: Duration,
}

/// Only how the board is loaded. It is read first because serde loses the place in the file of what lies inside
/// a tagged enum, and the place is what makes the error useful.
#[derive(Deserialize)]
struct KindFile {
    load: KindTable,
}

#[derive(Deserialize)]
struct KindTable {
    kind: LoadKind,
}

impl Board {
    /// The board called `name`.
    ///
    /// # Errors
    ///
    /// When there is none, or its file is not understood.
    pub fn find(workspace: &Workspace, name: &str) -> Result<Self, BoardError> {
        let path = workspace.boards().join(name).join("board.toml");
        if !names(workspace).iter().any(|known| known == name) {
            return Err(BoardError::Unknown {
                name: name.to_owned(),
                help: suggest(name, &names(workspace)),
            });
        }
        let shown = workspace.relative(&path).display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(name, &shown, &text),
            Err(error) => Err(BoardError::Unreadable { path: shown, reason: error.to_string() }),
        }
    }

    /// Says at which place of its farm the board is to be, where that is not as its file says.
    ///
    /// # Errors
    ///
    /// When the board is at none.
    pub fn settle(&mut self, place: Option<&str>) -> Result<(), BoardError> {
        match (&mut self.labgrid, place) {
            (_, None) => Ok(()),
            (None, Some(_)) => Err(BoardError::AtNoPlace { name: self.name.clone() }),
            (Some(options), Some(place)) => {
                place.clone_into(&mut options.place);
                Ok(())
            }
        }
    }

    /// Says how the board is reached on this machine, where that is not as its file says.
    pub fn reach(&mut self, device: Option<&str>, port: Option<&Port>, reset: Option<&str>) {
        if let (Load::Fastboot(load), Some(device)) = (&mut self.load, device) {
            load.device = Some(device.to_owned());
        }
        // What presses a phone's buttons is of no use to a board without, and would come between another run and its phone.
        if let (Load::Fastboot(_), Some(reset)) = (&self.load, reset) {
            self.hooks.reset = Some(reset.to_owned());
        }
        if let (Link::Serial(link), Some(port)) = (&mut self.link, port) {
            link.port = Some(port.clone());
        }
    }

    fn parse(folder: &str, path: &str, text: &str) -> Result<Self, BoardError> {
        let invalid = |reason: &str, place: SourceSpan| BoardError::Invalid {
            file: NamedSource::new(path, text.to_owned()).with_language("toml"),
            reason: reason.to_owned(),
            place,
        };
        let from_toml =
            |error: toml::de::Error| invalid(error.message(), error.span().unwrap_or_default().into());
        let (board, places) = match toml::from_str::<KindFile>(text).map_err(from_toml)?.load.kind {
            LoadKind::Qemu => board_of(text, Load::Qemu, <Link as From<QemuLink>>::from),
            LoadKind::Fastboot => board_of(text, Load::Fastboot, Link::Serial),
            LoadKind::Gdb => board_of(text, Load::Gdb, |_: GdbLink| Link::Gdb),
            LoadKind::StandIn => board_of(text, Load::StandIn, Link::Serial),
        }
        .map_err(from_toml)?;
        if board.name != folder {
            return Err(invalid(&format!("the folder is called `{folder}`"), places.name.into()));
        }
        match places.labgrid.zip(board.contradicts_a_place()) {
            Some((place, reason)) => Err(invalid(reason, place.into())),
            None => Ok(board),
        }
    }

    /// Why the board cannot be at a place of a farm, if it cannot.
    fn contradicts_a_place(&self) -> Option<&'static str> {
        match (&self.load, &self.link) {
            (Load::Fastboot(_), Link::Serial(link)) if link.usb.is_empty() => None,
            (Load::Fastboot(_), _) => Some("the console belongs to the place: no `usb` in [link]"),
            _ => Some("a place has a board that is loaded by fastboot: `kind` in [load]"),
        }
    }
}

/// The board, and where in the file things stand.
fn board_of<'a, L: Deserialize<'a>, K: Deserialize<'a>>(
    text: &'a str,
    load: impl FnOnce(L) -> Load,
    link: impl FnOnce(K) -> Link,
) -> Result<(Board, Places), toml::de::Error> {
    let file = toml::from_str::<BoardFile<L, K>>(text)?;
    Ok(file.into_board(load, link))
}

impl<L, K> BoardFile<L, K> {
    /// The board, and where in the file things stand.
    fn into_board(self, load: impl FnOnce(L) -> Load, link: impl FnOnce(K) -> Link) -> (Board, Places) {
        let BudgetTable { boot, test, silence, total } = self.budgets;
        let places =
            Places { name: self.name.span(), labgrid: self.labgrid.as_ref().map(toml::Spanned::span) };
        let board = Board {
            name: self.name.into_inner(),
            description: self.description,
            check: self.check,
            build: self.build,
            load: load(self.load),
            link: link(self.link),
            hooks: self.hooks,
            labgrid: self.labgrid.map(toml::Spanned::into_inner),
            budgets: Budgets { boot, test, silence, total },
        };
        (board, places)
    }
}

/// The names of all boards, sorted.
#[must_use]
pub fn names(workspace: &Workspace) -> Vec<String> {
    let has_file = |folder: &Path| folder.join("board.toml").is_file();
    let mut names: Vec<String> = std::fs::read_dir(workspace.boards())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| has_file(folder))
        .filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

fn suggest(wanted: &str, names: &[String]) -> String {
    let near = |name: &&String| strsim::damerau_levenshtein(wanted, name) <= 3;
    let distance = |name: &&String| strsim::damerau_levenshtein(wanted, name);
    let boards = format!("boards: {}", names.join(", "));
    match names.iter().filter(near).min_by_key(distance) {
        Some(name) => format!("did you mean `{name}`? {boards}"),
        None => format!("{boards}; a new one is a file boards/<name>/board.toml"),
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
