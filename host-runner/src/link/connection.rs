//! An open way to a board's console, whatever stands behind it: reads wait for a moment, and writes are tried again.

use super::Port;
use super::telnet::{Ear, HELLO, IAC, set_baud};
use nix::sys::socket::{setsockopt, sockopt};
use serialport::{ClearBuffer, SerialPort, SerialPortBuilder, TTYPort};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long a read waits: as long as a line may take to notice that its boot is over.
const GLANCE: Duration = Duration::from_millis(50);

/// How long a port that was closed may still be taken.
const CLOSING: Duration = Duration::from_secs(1);

/// How long another machine may take to answer.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long what speaks telnet for a serial port may take to listen.
const STARTING: Duration = Duration::from_secs(5);

/// A console that is open.
#[derive(Debug)]
pub(super) enum Connection {
    Device(TTYPort),
    Network(TcpStream),
    Telnet(TcpStream, Ear),
}

impl Connection {
    /// Opens `port`, with the speed `baud` where that is set here. What lay in its buffer is dropped.
    ///
    /// # Errors
    ///
    /// When it cannot be opened: why, and what to do about it.
    pub(super) fn open(port: &Port, baud: u32) -> Result<Self, String> {
        match port {
            Port::Device(path) => {
                open_device(path, baud).map(Self::Device).map_err(|error| cannot_open(path, &error))
            }
            Port::Network(address) => {
                connect(address).map(Self::Network).map_err(|error| silent(address, &error))
            }
            Port::Telnet(address) => greet(address, baud)
                .map(|stream| Self::Telnet(stream, Ear::default()))
                .map_err(|error| silent(address, &error)),
        }
    }

    /// The same connection, for another thread.
    pub(super) fn try_clone(&self) -> Result<Self, String> {
        match self {
            Self::Device(port) => {
                port.try_clone_native().map(Self::Device).map_err(|error| error.to_string())
            }
            Self::Network(stream) => stream.try_clone().map(Self::Network).map_err(|error| error.to_string()),
            Self::Telnet(stream, _) => stream
                .try_clone()
                .map(|stream| Self::Telnet(stream, Ear::default()))
                .map_err(|error| error.to_string()),
        }
    }

    /// Sets another speed. An adapter that cannot do it is told by the board's silence.
    pub(super) fn set_baud(&mut self, baud: u32) {
        match self {
            Self::Device(port) => {
                let _ = port.set_baud_rate(baud);
            }
            Self::Telnet(stream, _) => {
                let _ = stream.write_all(&set_baud(baud));
            }
            // Whoever passes it on sets it.
            Self::Network(_) => {}
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Device(port) => port.read(buffer),
            Self::Network(stream) => stream.read(buffer).map_err(as_timeout),
            Self::Telnet(stream, ear) => read_telnet(stream, ear, buffer).map_err(as_timeout),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Device(port) => port.write(bytes),
            Self::Network(stream) => stream.write(bytes).map_err(as_timeout),
            Self::Telnet(stream, _) => write_telnet(stream, bytes).map_err(as_timeout),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Device(port) => port.flush(),
            Self::Network(stream) | Self::Telnet(stream, _) => stream.flush(),
        }
    }
}

/// Linux says of a socket whose time is over that it would have to wait.
fn as_timeout(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}

/// A machine that lost its power, or the way to it, says nothing, as does a board that hangs: after seven seconds the line has ended.
fn end_when_unreachable(stream: &TcpStream) -> io::Result<()> {
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &3)?;
    setsockopt(stream, sockopt::TcpKeepInterval, &2)?;
    setsockopt(stream, sockopt::TcpKeepCount, &2)?;
    Ok(())
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(ErrorKind::NotFound);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECTING) {
            Ok(stream) => {
                end_when_unreachable(&stream)?;
                stream.set_read_timeout(Some(GLANCE))?;
                stream.set_write_timeout(Some(GLANCE))?;
                // An order is a few bytes, and the board waits for all of them.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Connects and says what both sides of a serial port have to agree on. An exporter starts who listens there when its place is
/// acquired, and does not wait for it.
fn greet(address: &str, baud: u32) -> io::Result<TcpStream> {
    let deadline = Instant::now() + STARTING;
    let mut stream = loop {
        match connect(address) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused && Instant::now() < deadline => {
                thread::sleep(GLANCE);
            }
            connected => break connected?,
        }
    };
    stream.write_all(&HELLO)?;
    if baud != 0 {
        stream.write_all(&set_baud(baud))?;
    }
    Ok(stream)
}

/// What was only telnet's is as if nothing had been said.
fn read_telnet(stream: &mut TcpStream, ear: &mut Ear, buffer: &mut [u8]) -> io::Result<usize> {
    let length = stream.read(buffer)?;
    if length == 0 {
        return Ok(0);
    }
    let (mut data, mut answer) = (Vec::new(), Vec::new());
    ear.hear(buffer.get(..length).unwrap_or_default(), &mut data, &mut answer);
    // One that finds no room is not missed: what it refuses is not used. What the board has said is.
    let _ = stream.write_all(&answer);
    if data.is_empty() {
        return Err(ErrorKind::Interrupted.into());
    }
    // Data are never more than the bytes that they came in.
    if let Some(heard) = buffer.get_mut(..data.len()) {
        heard.copy_from_slice(&data);
    }
    Ok(data.len())
}

/// Up to the next byte that is doubled, or that byte.
fn write_telnet(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match bytes.iter().position(|byte| *byte == IAC) {
        Some(0) => write_doubled(stream).map(|()| 1),
        Some(plain) => stream.write(bytes.get(..plain).unwrap_or_default()),
        None => stream.write(bytes),
    }
}

/// One of the two alone would be another word: once begun, the second is waited for.
fn write_doubled(stream: &mut TcpStream) -> io::Result<()> {
    if stream.write(&[IAC, IAC])? == 2 {
        return Ok(());
    }
    let deadline = Instant::now() + CONNECTING;
    loop {
        match stream.write_all(&[IAC]).map_err(as_timeout) {
            Err(error) if error.kind() == ErrorKind::TimedOut && Instant::now() < deadline => {}
            written => return written,
        }
    }
}

fn silent(address: &str, error: &io::Error) -> String {
    format!("the console at {address} does not answer: {error}; is what passes it on running there?")
}

fn open_device(path: &Path, baud: u32) -> serialport::Result<TTYPort> {
    let port = open_soon(&serialport::new(path.to_string_lossy(), baud).timeout(GLANCE))?;
    port.clear(ClearBuffer::Input)?;
    Ok(port)
}

/// Opens a port that may have been closed just now: a process that is being started at that moment holds it open, too,
/// until it runs its own program.
fn open_soon(port: &SerialPortBuilder) -> serialport::Result<TTYPort> {
    let deadline = Instant::now() + CLOSING;
    loop {
        match TTYPort::open(port) {
            Err(error) if error.kind() == serialport::ErrorKind::NoDevice && Instant::now() < deadline => {
                thread::sleep(GLANCE);
            }
            opened => return opened,
        }
    }
}

fn cannot_open(path: &Path, error: &serialport::Error) -> String {
    let advice = match error.kind() {
        serialport::ErrorKind::NoDevice => "another program has it open, or the adapter is gone",
        serialport::ErrorKind::Io(ErrorKind::PermissionDenied) => {
            "join the group that owns it (`dialout` on Debian) and log in again"
        }
        _ => "does another program use it?",
    };
    format!("cannot open the serial port {}: {error}; {advice}", path.display())
}
