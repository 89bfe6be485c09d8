//! Starting the board and the debug server, and being the wires between them.

use super::board::Board;
use super::bus::Bus;
use super::glasgow::Probe;
use super::jtag::Wires;
use super::port::Port;
use crate::gdb::Address;
use miette::{IntoDiagnostic, Result, WrapErr, bail};
use nix::poll::{PollFd, PollFlags, poll};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};

/// The machine behind the port.
const QEMU: &str = "qemu-system-aarch64";
const MACHINE: [&str; 13] = [
    "-machine",
    "virt,gic-version=3",
    "-cpu",
    "cortex-a72",
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-serial",
    "none",
    "-S",
    "-no-reboot",
    "-smp",
];

/// How often it is looked whether a server that does not come has ended.
const GLANCE_MS: u16 = 100;

/// How the debug server moves the wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Wiring {
    /// Four wires, as OpenOCD's `remote_bitbang` does.
    RemoteBitbang,
    /// Two wires, as probe-rs does with a Glasgow.
    Glasgow,
}

/// One of them.
enum Wired {
    Bits(Wires),
    Transfers(Probe),
}

/// Starts a board with so many cores and so much memory, and the debug server that `command` is. It finds the wires at the
/// socket that `FRAMEKEEPER_WIRES` names. Ends when the server does, or the board.
///
/// # Errors
///
/// When one of them cannot be started, or the board ends.
pub fn serve(wiring: Wiring, cores: u32, memory: u64, command: &[String]) -> Result<()> {
    let folder = tempfile::tempdir().into_diagnostic().wrap_err("no folder for sockets can be made")?;
    let (socket, wires) = (folder.path().join("gdb"), folder.path().join("wires"));
    let gdb = format!("unix:{},server=on,wait=off", socket.display());
    let mut qemu = Command::new(QEMU);
    qemu.args(MACHINE).args([&cores.to_string(), "-m", &format!("{}M", memory >> 20), "-gdb", &gdb]);
    let mut qemu = Guarded(spawn(&mut qemu, QEMU)?);
    let client = Address::Socket(socket).connect(|| qemu.has_ended()).into_diagnostic()?;
    let listener = UnixListener::bind(&wires).into_diagnostic()?;
    let Some((program, arguments)) = command.split_first() else { bail!("no debug server is named") };
    let mut server =
        Guarded(spawn(Command::new(program).args(arguments).env("FRAMEKEEPER_WIRES", &wires), program)?);
    let port = Port::new(Bus::new(Board::new(client).into_diagnostic()?));
    let mut wired = match wiring {
        Wiring::RemoteBitbang => Wired::Bits(Wires::new(port)),
        Wiring::Glasgow => Wired::Transfers(Probe::new(port)),
    };
    wired.carry(accept(&listener, &mut server)?)
}

/// The server's connection, unless it ends before it makes one.
fn accept(listener: &UnixListener, server: &mut Guarded) -> Result<UnixStream> {
    listener.set_nonblocking(true).into_diagnostic()?;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).into_diagnostic()?;
                return Ok(stream);
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error).into_diagnostic(),
            Err(_) if server.has_ended() => bail!("the debug server has ended and has not moved a wire"),
            Err(_) => {
                let mut coming = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
                poll(&mut coming, GLANCE_MS).into_diagnostic()?;
            }
        }
    }
}

fn spawn(command: &mut Command, name: &str) -> Result<Child> {
    command.stdin(Stdio::null()).spawn().into_diagnostic().wrap_err_with(|| format!("cannot start {name}"))
}

impl Wired {
    /// Until the other end is gone.
    fn carry(&mut self, mut stream: UnixStream) -> Result<()> {
        let (mut buffer, mut answers) = (vec![0; 1 << 16], Vec::new());
        loop {
            let length = stream.read(&mut buffer).into_diagnostic()?;
            for &byte in buffer.get(..length).unwrap_or_default() {
                let goes_on = match self {
                    Self::Bits(wires) => wires.take(byte, &mut answers).into_diagnostic()?,
                    Self::Transfers(probe) => {
                        probe.take(byte, &mut answers).map(|()| true).into_diagnostic()?
                    }
                };
                if !goes_on {
                    return Ok(());
                }
            }
            if length == 0 {
                return Ok(());
            }
            stream.write_all(&answers).into_diagnostic()?;
            answers.clear();
        }
    }
}

/// A program that was started. Dropping it ends it.
struct Guarded(Child);

impl Guarded {
    fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
