//! What the program does about each command.

mod bisect;
mod boards;
mod replay;
mod report;
mod run;
mod twin;

use crate::board::Board;
use crate::check;
use crate::cli::{Cli, Color, Command, DebugPortArguments, Exec, Format, Global, Selection};
use crate::debug_port;
use crate::digests;
use crate::environment;
use crate::image::Image;
use crate::plan::Selected;
use crate::report::libtest;
use crate::selection::select;
use crate::session::{EXIT_INFRA, EXIT_PASSED};
use crate::setup::{ThisMachine, Tool, doctor};
use crate::workspace::Workspace;
use clap::{CommandFactory, Parser};
use miette::{IntoDiagnostic, Result, miette};
use serde_json::json;
use std::io::Write;
use std::process::ExitCode;
use wire::Parameters;

pub(crate) use run::run;

/// Does what the command line asks for, and says how it went by the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| environment::with_variables(error).exit());
    set_colours(cli.global.color);
    match dispatch(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(report) => {
            anstream::eprintln!("{report:?}");
            ExitCode::from(EXIT_INFRA)
        }
    }
}

fn dispatch(cli: &Cli) -> Result<u8> {
    let workspace = Workspace::find()?;
    match &cli.command {
        None => run(&workspace, &cli.global, &Selection::default()),
        Some(Command::Run(selection)) => run(&workspace, &cli.global, selection),
        Some(Command::List(selection)) => list(&workspace, &cli.global, selection),
        Some(Command::Bisect(wanted)) => bisect::bisect(&workspace, &cli.global, wanted),
        Some(Command::Exec(exec)) => execute(&workspace, &cli.global, exec),
        Some(Command::Check) => check::check(&workspace, &cli.global),
        Some(Command::Doctor) => diagnose(&workspace, &cli.global),
        Some(Command::Boards) => boards::boards(&workspace, &cli.global),
        Some(Command::Twin(arguments)) => twin::twin(&workspace, &cli.global, arguments),
        Some(Command::DebugPort(arguments)) => {
            let DebugPortArguments { wiring, cores, ram, server } = arguments;
            debug_port::serve(*wiring, *cores, *ram, server).map(|()| EXIT_PASSED)
        }
        Some(Command::Completions { shell }) => {
            clap_complete::generate(*shell, &mut Cli::command(), "host-runner", &mut std::io::stdout());
            Ok(EXIT_PASSED)
        }
        Some(Command::Digest { scenario, arguments }) => digest(scenario, arguments),
        Some(Command::Replay { run }) => replay::replay(&workspace, &cli.global, run),
        Some(Command::Diff { before, after }) => report::diff(&workspace, before, after),
        Some(Command::Report { run }) => report::report(&workspace, &cli.global, run),
    }
}

fn digest(scenario: &str, arguments: &[String]) -> Result<u8> {
    let parameters = Parameters::from_arguments(arguments.iter().map(String::as_str))
        .map_err(|error| miette!("no parameter: {}", error.word))?;
    anstream::println!("{}", digests::answer(scenario, parameters));
    Ok(0)
}

/// The streams decide whether colours are wanted, by the terminal and by `NO_COLOR` and `CLICOLOR_FORCE`; errors
/// are always drawn with colours and go through such a stream too.
fn set_colours(color: Color) {
    let choice = match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
    // It fails when a hook is set already; nothing else sets one.
    let _ = miette::set_hook(Box::new(|_| Box::new(miette::MietteHandlerOpts::new().color(true).build())));
}

/// The tests' names, one a line, for people and scripts.
fn list(workspace: &Workspace, global: &Global, selection: &Selection) -> Result<u8> {
    let board = Board::find(workspace, &global.board)?;
    let elf = run::elf(workspace, &board, global)?;
    let mut image = Image::open(&elf, workspace.root())?;
    select(&mut image.plan, selection)?;
    let mut out = anstream::stdout();
    if global.format == Format::Libtest {
        return libtest::listed(&image.plan)
            .iter()
            .try_for_each(|line| writeln!(out, "{line}"))
            .map(|()| EXIT_PASSED)
            .into_diagnostic();
    }
    for test in image.plan.tests.iter().filter(|test| test.selected != Selected::Filtered) {
        let ignored = test.selected == Selected::Ignored;
        let line = match global.format {
            Format::Text if ignored => format!("{} (ignored)", test.name),
            Format::Text => test.name.clone(),
            Format::Terse => format!("{}: test", test.name),
            Format::Json | Format::Libtest => {
                json!({"name": test.name, "ignored": ignored, "should_panic": test.should_panic}).to_string()
            }
        };
        writeln!(out, "{line}").into_diagnostic()?;
    }
    Ok(0)
}

/// What cargo or nextest ask a test program for.
fn execute(workspace: &Workspace, global: &Global, exec: &Exec) -> Result<u8> {
    let format = if exec.is_libtest(global.format) { Format::Libtest } else { global.format };
    let global = Global { elf: Some(exec.program.clone()), image: None, format, ..global.clone() };
    let mut image = Image::open(&exec.program, workspace.root())?;
    // Cargo gives one filter to many programs, most of which have no such test.
    if let Err(nothing) = select(&mut image.plan, &exec.selection) {
        anstream::eprintln!("{nothing}");
        if format == Format::Libtest {
            let lines = match exec.list {
                true => libtest::listed(&image.plan),
                false => libtest::nothing(image.plan.tests.len()),
            };
            lines.iter().for_each(|line| anstream::println!("{line}"));
        }
        return Ok(EXIT_PASSED);
    }
    if exec.list {
        list(workspace, &global, &exec.selection)
    } else {
        run(workspace, &global, &exec.selection)
    }
}

/// The board that was asked for, as it is to be reached on this machine.
fn board(workspace: &Workspace, global: &Global) -> Result<Board> {
    let mut board = Board::find(workspace, &global.board)?;
    board.settle(global.place.as_deref())?;
    board.reach(global.device.as_deref(), global.port.as_ref(), global.reset.as_deref());
    Ok(board)
}

fn diagnose(workspace: &Workspace, global: &Global) -> Result<u8> {
    let board = Board::find(workspace, &global.board)?;
    let machine = ThisMachine { folder: workspace.root().to_owned() };
    let mut tools = Tool::all(&board.build.target);
    tools.extend(board.labgrid.map(|_| Tool::labgrid(workspace)));
    let healthy = doctor(&tools, &machine, &mut anstream::stdout()).into_diagnostic()?;
    Ok(if healthy { 0 } else { EXIT_INFRA })
}
