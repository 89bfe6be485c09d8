//! The phone's end of its line: at an adapter that is plugged into this machine, or at one that another machine passes on.

use super::network::Network;
use super::terminal::Terminal;
use crate::link::Port;
use std::io;
use std::time::Duration;

/// How a stand-in's UART is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// As a serial port of this machine.
    Here,
    /// Over TCP, at a port that is free.
    OverTcp,
}

/// A line that was made so.
#[derive(Debug)]
pub(super) enum Console {
    Here(Terminal),
    OverTcp(Network),
}

impl Console {
    /// A new line. Nobody has its other end yet.
    pub(super) fn open(adapter: Adapter) -> io::Result<Self> {
        Ok(match adapter {
            Adapter::Here => Self::Here(Terminal::open()?),
            Adapter::OverTcp => Self::OverTcp(Network::open()?),
        })
    }

    /// Where a runner finds it.
    pub(super) fn port(&self) -> Port {
        match self {
            Self::Here(terminal) => Port::Device(terminal.path().to_owned()),
            Self::OverTcp(network) => Port::Network(network.address().to_string()),
        }
    }

    /// Says `bytes`. They are lost if nobody listens.
    pub(super) fn write(&self, bytes: &[u8]) {
        match self {
            Self::Here(terminal) => terminal.write(bytes),
            Self::OverTcp(network) => network.write(bytes),
        }
    }

    /// What the other end has sent, waiting for it at most `within`.
    pub(super) fn read(&self, within: Duration) -> Option<Vec<u8>> {
        match self {
            Self::Here(terminal) => terminal.read(within),
            Self::OverTcp(network) => network.read(within),
        }
    }
}
