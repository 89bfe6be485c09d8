//! The `check` command: everything that a change must pass, in order, until the first failure.
//!
//! Other tools' own output passes through: their summaries say what was checked. A tool that is missing is a
//! failure, never a reason to leave something out.

mod defmt_formats;
mod defmt_images;
mod steps;

use crate::board::{self, Board};
use crate::cli::Global;
use crate::commands::run;
use crate::setup::{Consent, ThisMachine, Tool, ensure};
use crate::units::Took;
use crate::workspace::Workspace;
use miette::Result;
use std::time::Instant;
use steps::{Kind, Step, Suite};

/// Runs every check; the exit code says whether all passed.
///
/// # Errors
///
/// When a board's file is not understood or a tool is missing.
pub(crate) fn check(workspace: &Workspace, global: &Global) -> Result<u8> {
    let began = Instant::now();
    let boards = checked_boards(workspace)?;
    let machine = ThisMachine { folder: workspace.root().to_owned() };
    ensure(&tools(workspace, &boards), &machine, Consent::from_terminal(global.yes))?;
    let steps = steps::all(&boards);
    for (done, step) in steps.iter().enumerate() {
        anstream::println!("\n== {} of {}: {}", done + 1, steps.len(), step.heading);
        let step_began = Instant::now();
        if let Some(code) = failure(workspace, global, step)? {
            anstream::println!("\n{done} passed, 1 failed, {} not run", steps.len() - done - 1);
            anstream::println!("CHECK FAILED: {}; to repeat it: {}", step.heading, step.repeat());
            return Ok(code);
        }
        anstream::println!("== {} of {} took {}", done + 1, steps.len(), Took(step_began.elapsed()));
    }
    anstream::println!("\n{} passed, 0 failed", steps.len());
    anstream::println!("check passed in {}", Took(began.elapsed()));
    Ok(0)
}

fn checked_boards(workspace: &Workspace) -> Result<Vec<Board>> {
    let mut boards = Vec::new();
    for name in board::names(workspace) {
        let board = Board::find(workspace, &name)?;
        if board.check.is_some() {
            boards.push(board);
        }
    }
    Ok(boards)
}

fn tools(workspace: &Workspace, boards: &[Board]) -> Vec<Tool> {
    let targets = boards.iter().map(|board| Tool::RustTarget(board.build.target.clone()));
    let mut tools: Vec<Tool> = targets.collect();
    tools.dedup();
    // The benchmarks build allocators to compare with; the tests of the way into a phone, into a debug port and into a farm speak to
    // the real programs, and the twin's device trees are compiled.
    tools.extend([
        Tool::Rustfmt,
        Tool::Clippy,
        Tool::Make,
        Tool::Qemu,
        Tool::Fastboot,
        Tool::Dtc,
        Tool::OpenOcd,
        Tool::labgrid(workspace),
    ]);
    tools
}

/// The exit code of a step that failed; none if it passed.
fn failure(workspace: &Workspace, global: &Global, step: &Step) -> Result<Option<u8>> {
    let code = match &step.kind {
        Kind::Cargo(cargo) => u8::from(!cargo.succeeds(workspace)),
        Kind::DefmtFormats => u8::from(!defmt_formats::all_fit(workspace)),
        Kind::DefmtImages(board) => {
            let board = Board::find(workspace, board)?;
            u8::from(!defmt_images::all_fit(workspace, &board, global)?)
        }
        Kind::Suite(suite) => run(workspace, &for_suite(global, suite), &suite.selection)?,
    };
    Ok((code != 0).then_some(code))
}

fn for_suite(global: &Global, suite: &Suite) -> Global {
    let (board, image) = (suite.board.clone(), suite.image.map(str::to_owned));
    Global { board, image, elf: None, fault_link: None, ..global.clone() }
}
