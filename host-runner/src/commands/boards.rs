//! The `boards` command: every board, whether it is there, and who has it.

use crate::board::{self, Board, FastbootOptions, Link, Load};
use crate::cli::Global;
use crate::fastboot::{Fastboot, FastbootError, Sighting, is_address};
use crate::labgrid::Tenancy;
use crate::lease::{Before, Place, State, now};
use crate::link::find_port;
use crate::setup::{ThisMachine, Tool};
use crate::units::Took;
use crate::workspace::Workspace;
use miette::{IntoDiagnostic, Result};
use std::io::Write;
use std::time::Duration;

/// What is said of a board for which all tools are there.
const READY: &str = "ready";

/// How long somebody is looked for at an address.
const KNOCK: Duration = Duration::from_millis(500);

/// Lists the boards.
///
/// # Errors
///
/// When a board's file is not understood.
pub(super) fn boards(workspace: &Workspace, global: &Global) -> Result<u8> {
    let mut out = anstream::stdout();
    let machine = ThisMachine { folder: workspace.root().to_owned() };
    for name in board::names(workspace) {
        let board = match name == global.board {
            true => super::board(workspace, global)?,
            false => Board::find(workspace, &name)?,
        };
        writeln!(out, "{name:<20} {}", board.description).into_diagnostic()?;
        for line in states(workspace, &board, &machine) {
            writeln!(out, "{:<20}   {line}", "").into_diagnostic()?;
        }
    }
    Ok(0)
}

fn states(workspace: &Workspace, board: &Board, machine: &ThisMachine) -> Vec<String> {
    if let Some(place) = &board.labgrid {
        let state = ready(&[Tool::Fastboot, Tool::labgrid(workspace)], machine);
        return match state.as_str() {
            READY => vec![Tenancy::new(workspace, place).state()],
            _ => vec![state],
        };
    }
    match &board.load {
        Load::Gdb(load) if !load.is_emulated() => {
            vec![ready(&Tool::of_loader(&board.load), machine), user(&board.name)]
        }
        Load::Qemu(_) | Load::StandIn(_) | Load::Gdb(_) => {
            vec![ready(&Tool::of_loader(&board.load), machine)]
        }
        Load::Fastboot(load) => {
            let mut lines = vec![phone(load)];
            if let Link::Serial(link) = &board.link {
                lines.push(match find_port(link.port.as_ref(), &link.usb) {
                    Ok(port) => format!("console: {port}"),
                    Err(error) => format!("console: {error}"),
                });
            }
            lines.push(user(load.device.as_deref().unwrap_or(&board.name)));
            lines
        }
    }
}

/// Whether a board that is made by tools is there.
fn ready(tools: &[Tool], machine: &ThisMachine) -> String {
    match tools.iter().find(|tool| tool.found(machine).is_none()) {
        Some(tool) => format!("not ready: {} is missing, see `doctor`", tool.name()),
        None => READY.to_owned(),
    }
}

/// Whether a phone is in its boot loader.
fn phone(load: &FastbootOptions) -> String {
    if let Some(address) = load.device.as_deref().filter(|device| is_address(device)) {
        return format!("phone: {address} {}", at_address(address, load));
    }
    let seen = match Fastboot::sightings() {
        Ok(seen) => seen,
        Err(error) => return format!("phone: {error}; {}", error.advice()),
    };
    let words = seen.iter().map(|sighting| match sighting {
        Sighting::Ready(seen) => {
            let names: Vec<_> = seen.names().collect();
            format!("{}, in its boot loader; {}", names.join(" at "), user(&seen.device))
        }
        Sighting::Forbidden(said) => format!("one that this user may not open ({said})"),
    });
    let words: Vec<_> = words.collect();
    if words.is_empty() {
        return "phone: none in its boot loader at the USB".to_owned();
    }
    format!("phone: {}", words.join("; "))
}

/// Whether a phone is there. Only a question tells, which would come between another user and it.
fn at_address(address: &str, load: &FastbootOptions) -> String {
    if let Ok(Before::InUse(_)) = Place::of(address).look() {
        return "is not asked while somebody uses it".to_owned();
    }
    let (product, find, send) = (load.product.clone(), KNOCK, KNOCK);
    match (Fastboot { device: None, product, find, send }).product(address) {
        Ok(product) => format!("is in its boot loader, and calls itself `{product}`"),
        Err(FastbootError::NoDevice { .. }) => "does not answer: it is not in its boot loader".to_owned(),
        Err(error) => format!("cannot be used: {error}; {}", error.advice()),
    }
}

/// Who has the phone called `key`.
fn user(key: &str) -> String {
    let now = now();
    let ago = |since: u64| Took(Duration::from_secs(now.saturating_sub(since)));
    match Place::of(key).look() {
        Ok(Before::Free) => "free".to_owned(),
        Ok(Before::InUse(record)) => {
            let (user, pid, since) = (record.user, record.pid, ago(record.since));
            let end = match record.until.checked_sub(now) {
                Some(left) => format!("for at most {} more", Took(Duration::from_secs(left))),
                None => format!("its time was over {} ago: it hangs", ago(record.until)),
            };
            format!("in use by {user} (process {pid}) for {since}, and {end}")
        }
        Ok(Before::Abandoned(record)) => {
            format!("left in use {} ago by a runner of {} that died", ago(record.since), record.user)
        }
        Ok(Before::Wedged(record)) => {
            let reason = match record.state {
                State::Wedged(reason) => reason,
                State::Held => "no reason was given".to_owned(),
            };
            format!("wedged since a run of {} {} ago: {reason}", record.user, ago(record.since))
        }
        Err(error) => error.to_string(),
    }
}
