//! The `run` command: everything from a board's name to a verdict.

use crate::board::{Board, Link};
use crate::cli::{Flaky, Format, Global, Selection};
use crate::command_line;
use crate::digests;
use crate::drive::{Drive, drive};
use crate::firmware;
use crate::image::Image;
use crate::interrupt;
use crate::loader::{Loader, Task};
use crate::parameters::{limits, parameters, random, scale_own_limits};
use crate::plan::{Again, Plan, Selected};
use crate::quarantine::Quarantine;
use crate::record::{FORMAT, Header, Recorder};
use crate::repeat::repeat;
use crate::report::{Context, Report, Screen};
use crate::runs::{Notes, RunFolder};
use crate::selection::{select, shuffle};
use crate::session::{EXIT_INFRA, EXIT_PASSED, Oracle, Session, Summary};
use crate::setup::{Consent, ThisMachine, Tool, ensure};
use crate::workspace::Workspace;
use miette::{IntoDiagnostic, Result, WrapErr};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::SystemTime;
use wire::Parameters;

/// Runs the tests and reports them; the exit code says how they went.
///
/// # Errors
///
/// When there is no run at all: a missing board, tool, image or test.
pub(crate) fn run(workspace: &Workspace, global: &Global, selection: &Selection) -> Result<u8> {
    let board = super::board(workspace, global)?;
    check_dumps(&board, global)?;
    let elf = elf(workspace, &board, global)?;
    let mut image = Image::open(&elf, workspace.root())?;
    select(&mut image.plan, selection)?;
    ensure_loader(workspace, &board, global)?;
    image.plan.again = Again { retries: selection.retries, flaky_passes: selection.flaky == Flaky::Pass };
    image.plan.quarantine = quarantined(workspace, &board)?;
    let parameters = parameters(global, selection);
    let shuffle_seed = selection.order(&parameters);
    if let Some(seed) = shuffle_seed {
        shuffle(&mut image.plan, seed);
        anstream::eprintln!("in an order drawn from {seed}: --shuffle-seed {seed}");
    }
    let root = workspace.root().to_owned();
    let notes = Notes { repeat: repeat(global, selection, &parameters), root, shuffle_seed, is_trial: false };
    let folder = furnish(workspace, &board, &elf, &image.kernel, &notes)
        .into_diagnostic()
        .wrap_err("the run's folder cannot be made")?;
    let header = header(&board, global, parameters, image.plan.clone());
    let context = Context::new(workspace, &folder, notes, &header, image);
    run_image(workspace, &board, global, &folder, &header, context).map(|(_, code)| code)
}

/// Whether memory can be kept of this board, if it is to be.
pub(super) fn check_dumps(board: &Board, global: &Global) -> Result<()> {
    if global.dump.is_empty() || board.link == Link::Gdb {
        return Ok(());
    }
    Err(miette::miette!(
        help = "a board with `kind = \"gdb\"` in its [link] has one: qemu-virt-gdb, say",
        "--dump reads memory by a debug link, and {} has none",
        board.name
    ))
}

/// The tests in the board's quarantine. One whose time is up counts again, and is named.
fn quarantined(workspace: &Workspace, board: &Board) -> Result<BTreeMap<String, String>> {
    let file = workspace.root().join("boards").join(&board.name).join("quarantine.toml");
    let Quarantine { tests, over } = Quarantine::read(&file, SystemTime::now())?;
    for (name, words) in over {
        anstream::eprintln!("{name} counts again: it was {words}");
    }
    Ok(tests)
}

/// A folder with everything that QEMU and a later replay need.
pub(super) fn furnish(
    workspace: &Workspace,
    board: &Board,
    elf: &Path,
    kernel: &[u8],
    notes: &Notes,
) -> io::Result<RunFolder> {
    // Before a new folder takes the place of an old one: it may lie there.
    let program = std::fs::read(elf)?;
    let folder = RunFolder::create(workspace, &board.name)?;
    std::fs::write(folder.elf(), program)?;
    std::fs::write(folder.kernel(), kernel)?;
    folder.write_notes(notes)?;
    Ok(folder)
}

/// What the recording says about the run.
pub(super) fn header(board: &Board, global: &Global, parameters: Parameters, mut plan: Plan) -> Header {
    scale_own_limits(&mut plan, &parameters);
    Header {
        format: FORMAT,
        // Always new, whatever the tests draw from: a frame of an earlier run must not be taken for one of this run.
        nonces: random(),
        parameters,
        budgets: limits(board.budgets, &parameters),
        plan,
        keeps_memory: !global.dump.is_empty(),
        is_lent: board.labgrid.is_some(),
        board: board.name.clone(),
        command: std::env::args().collect(),
    }
}

/// Runs what `header` describes and reports it; how it went, and the exit code for that and for the reports in files.
///
/// # Errors
///
/// As [`Stage`].
pub(super) fn run_image(
    workspace: &Workspace,
    board: &Board,
    global: &Global,
    folder: &RunFolder,
    header: &Header,
    context: Context,
) -> Result<(Summary, u8)> {
    let stage = Stage::new(workspace, board, folder, header, &context)?;
    let shown = header.plan.tests.iter().filter(|test| test.selected != Selected::Filtered).count();
    let screen = match global.format {
        Format::Text | Format::Terse => Screen::live(shown),
        Format::Json | Format::Libtest => Screen::stdout(),
    };
    let mut report = Report::new(global.format, context, screen);
    let word = global.files.keep_from_github();
    let driven = stage.play(&mut report, global);
    // Also what the board has said last in a run that could not go on, and before other words mean anything again.
    let settled = report.settle().into_diagnostic();
    if let Some(word) = word {
        anstream::eprintln!("::{word}::");
    }
    // Also of a run that could not go on: what ran until then is recorded.
    let written = match global.files.are_wanted() {
        true => super::report::write_new(workspace, folder, &global.files),
        false => Ok(EXIT_PASSED),
    };
    let summary = driven?;
    settled?;
    let code = match (summary.exit_code(), written) {
        (code, Ok(slower)) => code.max(slower),
        (code, Err(error)) => {
            anstream::eprintln!("{error:?}");
            if code == EXIT_PASSED { EXIT_INFRA } else { code }
        }
    };
    if code == EXIT_PASSED {
        folder.note_passed();
    }
    Ok((summary, code))
}

/// Everything that a run needs is there: it can begin.
pub(super) struct Stage {
    loader: Loader,
    recorder: Recorder,
    session: Session,
}

impl Stage {
    /// For the run that `header` describes; its recording is the one in `folder`.
    ///
    /// # Errors
    ///
    /// When the board cannot be had, or the folder takes no recording.
    pub(super) fn new(
        workspace: &Workspace,
        board: &Board,
        folder: &RunFolder,
        header: &Header,
        context: &Context,
    ) -> Result<Self> {
        let command_line = command_line::words(&header.parameters, &header.plan);
        let task = Task { command_line, total: header.budgets.total };
        let loader = Loader::new(workspace, board, folder.kernel(), Rc::clone(&context.symbols), &task)?;
        let recorder = Recorder::create(folder.path(), header).into_diagnostic()?;
        let session = Session::new(header.setup(Oracle::Host(digests::expected)));
        Ok(Self { loader, recorder, session })
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// When the recording or the report cannot be written.
    pub(super) fn play(self, report: &mut Report, global: &Global) -> Result<Summary> {
        let Self { loader, recorder, session } = self;
        report.begin().into_diagnostic()?;
        let (outside, inbox) = channel();
        interrupt::listen(outside.clone());
        // Before the run's time begins.
        loader.prepare();
        let (faults, dumps) = (global.fault_link, global.dump.clone());
        Ok(drive(Drive { session, loader: &loader, recorder, report, inbox, outside, faults, dumps })?)
    }
}

/// The ELF file that is to run, built unless one is given.
pub(super) fn elf(workspace: &Workspace, board: &Board, global: &Global) -> Result<PathBuf> {
    if let Some(elf) = &global.elf {
        return Ok(elf.clone());
    }
    let target = Tool::RustTarget(board.build.target.clone());
    ensure(&[target], &machine(workspace), Consent::from_terminal(global.yes))?;
    let image = global.image.as_deref().unwrap_or(&board.build.image);
    Ok(firmware::build(workspace, board, image, &global.log)?)
}

pub(super) fn ensure_loader(workspace: &Workspace, board: &Board, global: &Global) -> Result<()> {
    let mut tools = Tool::of_loader(&board.load);
    tools.extend(board.labgrid.as_ref().map(|_| Tool::labgrid(workspace)));
    Ok(ensure(&tools, &machine(workspace), Consent::from_terminal(global.yes))?)
}

fn machine(workspace: &Workspace) -> ThisMachine {
    ThisMachine { folder: workspace.root().to_owned() }
}
