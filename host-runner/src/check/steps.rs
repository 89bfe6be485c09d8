//! The steps of `check`, in the order in which a failure is cheapest to find.

use crate::board::{Board, Check, Load};
use crate::cli::Selection;
use crate::environment;
use crate::workspace::Workspace;
use std::process::Command;

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) heading: String,
    pub(super) kind: Kind,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// It runs cargo.
    Cargo(Cargo),
    /// It looks for formats that defmt truncates.
    DefmtFormats,
    /// It looks for values that defmt truncates in the images built for the board of this name.
    DefmtImages(String),
    /// It runs an image on a board.
    Suite(Suite),
}

/// A run of an image.
#[derive(Clone, Debug)]
pub(super) struct Suite {
    pub(super) board: String,
    /// The image, if not the board's own.
    pub(super) image: Option<&'static str>,
    pub(super) selection: Selection,
}

impl Suite {
    /// All tests of the board's own image.
    fn all(board: &Board) -> Self {
        Self { board: board.name.clone(), image: None, selection: Selection::default() }
    }

    fn repeat(&self) -> String {
        let image = self.image.map(|image| format!(" --image {image}")).unwrap_or_default();
        let smoke = if self.selection.smoke { " run --smoke" } else { "" };
        format!("cargo run -p host-runner -- --board {}{image}{smoke}", self.board)
    }
}

/// One call of cargo.
#[derive(Clone, Debug)]
pub(super) struct Cargo {
    arguments: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
}

impl Cargo {
    fn new(arguments: &str) -> Self {
        Self { arguments: arguments.split(' ').map(str::to_owned).collect(), environment: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    pub(super) fn succeeds(&self, workspace: &Workspace) -> bool {
        let mut command = Command::new("cargo");
        environment::remove_twins(&mut command);
        command.args(&self.arguments).envs(self.environment.iter().copied()).current_dir(workspace.root());
        match command.status() {
            Ok(status) => status.success(),
            Err(error) => {
                anstream::eprintln!("cannot start cargo: {error}");
                false
            }
        }
    }
}

impl Step {
    /// What a user types to repeat it.
    pub(super) fn repeat(&self) -> String {
        match &self.kind {
            Kind::Cargo(cargo) => {
                let set = |(name, value): &(&str, &str)| format!("{name}=\"{value}\" ");
                let environment: String = cargo.environment.iter().map(set).collect();
                format!("{environment}cargo {}", cargo.arguments.join(" "))
            }
            Kind::DefmtFormats | Kind::DefmtImages(_) => "cargo run -p host-runner -- check".to_owned(),
            Kind::Suite(suite) => suite.repeat(),
        }
    }
}

/// What the twin's monitor is built with.
const MONITOR: &str = "-p twin --features monitor --release --target aarch64-unknown-none";

/// Every step.
pub(super) fn all(boards: &[Board]) -> Vec<Step> {
    let cargo = |heading: &str, cargo| Step { heading: heading.to_owned(), kind: Kind::Cargo(cargo) };
    let host = "--workspace --exclude firmware";
    let firmware = "-p firmware --release --target aarch64-unknown-none";
    let docs =
        |packages: &str| Cargo::new(&format!("doc --no-deps {packages}")).with("RUSTDOCFLAGS", "-D warnings");
    let mut steps = vec![
        cargo("format", Cargo::new("fmt --all --check")),
        Step { heading: "log formats".to_owned(), kind: Kind::DefmtFormats },
        cargo(
            "lints, host",
            Cargo::new(&format!("clippy {host} --all-targets --features suites/planted -- -D warnings")),
        ),
        cargo("lints, firmware", Cargo::new(&format!("clippy {firmware} --tests -- -D warnings"))),
        cargo("lints, twin", Cargo::new(&format!("clippy {MONITOR} -- -D warnings"))),
        cargo("docs, host", docs(host)),
        cargo("docs, firmware", docs("-p firmware --target aarch64-unknown-none")),
        // More than there are processors: those that attack the runner mostly wait until something takes too long.
        cargo("host tests", Cargo::new(&format!("test {host}")).with("RUST_TEST_THREADS", "4")),
        cargo("interleavings of cores", models("interleavings", "--cfg loom", "target/loom")),
        cargo("schedules of cores", models("schedules", "--cfg shuttle", "target/shuttle")),
    ];
    let images = |board: &Board| Step {
        heading: "logged values".to_owned(),
        kind: Kind::DefmtImages(board.name.clone()),
    };
    steps.extend(boards.first().map(images));
    steps.extend(suites(boards).map(|suite| Step {
        heading: format!("{} on {}", suite.image.unwrap_or("suite"), suite.board),
        kind: Kind::Suite(suite),
    }));
    steps
}

/// What runs on boards, as their files say. What operations cost is measured where instructions are counted, so that what
/// measures it does not rot.
fn suites(boards: &[Board]) -> impl Iterator<Item = Suite> {
    boards.iter().flat_map(|board| {
        let smoke = board.check == Some(Check::Smoke);
        let own = Suite { selection: Selection { smoke, ..Selection::default() }, ..Suite::all(board) };
        let counts = matches!(&board.load, Load::Qemu(machine) if machine.counts_instructions);
        let bench = counts.then(|| Suite { image: Some("bench"), ..Suite::all(board) });
        [own].into_iter().chain(bench)
    })
}

/// The allocators with another crate's atomics, which decide what happens when. A folder of their own: the flags would
/// throw away all that was built without them.
fn models(tests: &str, flags: &'static str, folder: &'static str) -> Cargo {
    let cargo = Cargo::new(&format!("test -p framekeeper --release --lib {tests} -- --nocapture"));
    cargo.with("RUSTFLAGS", flags).with("CARGO_TARGET_DIR", folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board;

    #[test]
    fn the_cheap_checks_come_first_and_every_board_that_wants_it_last() {
        let workspace = Workspace::find().unwrap();
        let boards: Vec<_> =
            board::names(&workspace).iter().map(|b| Board::find(&workspace, b).unwrap()).collect();
        let headings: Vec<_> = all(&boards).into_iter().map(|step| step.heading).collect();
        assert_eq!(headings[0], "format");
        assert!(headings.contains(&"suite on qemu-virt".to_owned()));
        assert!(headings.contains(&"bench on qemu-virt-icount".to_owned()));
    }

    #[test]
    fn a_step_can_be_repeated_by_hand() {
        let docs = &all(&[])[5];
        assert_eq!(
            docs.repeat(),
            "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps --workspace --exclude firmware"
        );
    }
}
