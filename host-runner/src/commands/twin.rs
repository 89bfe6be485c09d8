//! The `twin` command: the stand-in for a phone, in a terminal of its own.

use crate::board::{Board, Load};
use crate::cli::{Global, TwinArguments};
use crate::processes::kill_all;
use crate::session::EXIT_INTERRUPTED;
use crate::setup::{Consent, ThisMachine, Tool, ensure};
use crate::stand_in::{Button, InTwin, Settings, StandIn};
use crate::workspace::Workspace;
use miette::{IntoDiagnostic, Result, WrapErr};
use std::io::{self, BufRead, IsTerminal};
use std::thread;

/// The board whose twin it is.
const BOARD: &str = "pixel6-twin";

/// Runs the stand-in until it is unplugged. Each line of the standard input is a button.
///
/// # Errors
///
/// When it cannot be started.
pub(super) fn twin(workspace: &Workspace, global: &Global, arguments: &TwinArguments) -> Result<u8> {
    let Load::StandIn(load) = Board::find(workspace, BOARD)?.load else {
        miette::bail!("bug: the board {BOARD} is no stand-in");
    };
    let machine = ThisMachine { folder: workspace.root().to_owned() };
    ensure(&[Tool::Qemu, Tool::Dtc], &machine, Consent::from_terminal(global.yes))?;
    let inside =
        InTwin::new(workspace, arguments.tree.unwrap_or(load.tree))?.with(arguments.troubles.clone());
    let settings = Settings {
        product: load.product,
        fault: arguments.fault,
        port: arguments.listen,
        inside: Box::new(inside),
    };
    let stand_in = StandIn::begin(settings).into_diagnostic().wrap_err("the stand-in does not start")?;
    // Nothing that it has started may stay behind.
    ctrlc::set_handler(|| {
        kill_all();
        std::process::exit(i32::from(EXIT_INTERRUPTED));
    })
    .into_diagnostic()?;
    say_where(&stand_in);
    obey(&stand_in);
    Ok(0)
}

fn say_where(stand_in: &StandIn) {
    let (device, port) = (stand_in.device(), stand_in.terminal().display());
    anstream::println!("a Pixel 6 in its boot loader, at {device}, its console at {port}");
    anstream::println!("cargo run -p host-runner -- --board pixel6 --device {device} --port {port}");
    if io::stdin().is_terminal() {
        anstream::println!("`reset` holds power and volume-down, `unplug` ends it");
    }
}

/// Presses what is typed. At the end of the input the phone stays where it is: a script may have no more to say.
fn obey(stand_in: &StandIn) {
    for line in io::stdin().lock().lines().map_while(io::Result::ok) {
        match line.trim() {
            "" => {}
            "reset" => stand_in.press(Button::BootLoader),
            "unplug" => return,
            other => anstream::eprintln!("`{other}` is none of `reset` and `unplug`"),
        }
    }
    loop {
        thread::park();
    }
}
