//! The `twin` command: the stand-in for a phone, in a terminal of its own.

use crate::board::{Board, Load};
use crate::cli::{Global, TwinArguments};
use crate::labgrid::Exported;
use crate::session::EXIT_INTERRUPTED;
use crate::setup::{Consent, ThisMachine, Tool, ensure};
use crate::stand_in::{Adapter, Button, InTwin, PowerSwitch, Settings, StandIn};
use crate::workspace::Workspace;
use miette::{IntoDiagnostic, Result, WrapErr};
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
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
        adapter: if arguments.exporter.is_some() { Adapter::OverTcp } else { Adapter::Here },
        inside: Box::new(inside),
    };
    let stand_in = StandIn::begin(settings).into_diagnostic().wrap_err("the stand-in does not start")?;
    let (person, ending) = channel();
    let interrupted = person.clone();
    ctrlc::set_handler(move || {
        // Whoever does not want to wait for the phone to be taken away presses twice.
        if interrupted.send(Wish::End(EXIT_INTERRUPTED)).is_err() {
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    })
    .into_diagnostic()?;
    if let Some(file) = &arguments.exporter {
        export(&stand_in, file)?;
    }
    say_where(&stand_in);
    thread::spawn(move || listen(&person));
    Ok(obey(&stand_in, &ending))
}

/// What the person at the phone wants.
enum Wish {
    Press(Button),
    /// Takes the phone away, and ends with this exit code.
    End(u8),
}

/// Switches its supply by HTTP from now on, and writes what an exporter needs.
fn export(stand_in: &StandIn, file: &Path) -> Result<()> {
    let power = PowerSwitch::of(stand_in).into_diagnostic().wrap_err("the power switch does not start")?;
    let exported = Exported {
        group: BOARD.to_owned(),
        fastboot: stand_in.address().to_string(),
        console: stand_in.port().clone(),
        power: power.url(),
    };
    let text = exported.file().map_err(|reason| miette::miette!("{reason}"))?;
    std::fs::write(file, text).into_diagnostic().wrap_err_with(|| format!("cannot write {}", file.display()))
}

fn say_where(stand_in: &StandIn) {
    let (device, port) = (stand_in.device(), stand_in.port());
    anstream::println!("a Pixel 6 in its boot loader, at {device}, its console at {port}");
    anstream::println!("cargo run -p host-runner -- --board pixel6 --device {device} --port {port}");
    if io::stdin().is_terminal() {
        anstream::println!("`reset` holds power and volume-down, `unplug` ends it");
    }
}

/// Hears what is typed.
fn listen(person: &Sender<Wish>) {
    for line in io::stdin().lock().lines().map_while(io::Result::ok) {
        let wish = match line.trim() {
            "" => continue,
            "reset" => Wish::Press(Button::BootLoader),
            "unplug" => Wish::End(0),
            other => {
                anstream::eprintln!("`{other}` is none of `reset` and `unplug`");
                continue;
            }
        };
        if person.send(wish).is_err() {
            return;
        }
    }
}

/// Presses what is wanted, until the phone is to be taken away; then its exit code. At the end of the input the phone stays
/// where it is: a script may have no more to say.
fn obey(stand_in: &StandIn, person: &Receiver<Wish>) -> u8 {
    for wish in person {
        match wish {
            Wish::Press(button) => stand_in.press(button),
            Wish::End(code) => return code,
        }
    }
    0
}
