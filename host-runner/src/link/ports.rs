//! Which serial port is meant: the one that was named, or the only one whose adapter has one of the board's USB ids.

use super::Port;
use serde::{Deserialize, Deserializer};
use serialport::{SerialPortInfo, SerialPortType, available_ports};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// What a kind of USB device calls itself: `0403:6015`, vendor and product in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsbId {
    /// `idVendor`.
    pub vendor: u16,
    /// `idProduct`.
    pub product: u16,
}

impl FromStr for UsbId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = |text: &str| (text.len() == 4).then(|| u16::from_str_radix(text, 16).ok()).flatten();
        let id = text
            .split_once(':')
            .and_then(|(vendor, product)| Some(Self { vendor: digits(vendor)?, product: digits(product)? }));
        id.ok_or_else(|| format!("`{text}` is no USB id; write \"0403:6015\""))
    }
}

impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.product)
    }
}

impl<'de> Deserialize<'de> for UsbId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why no serial port is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The named one is not there.
    #[error("there is no serial port {}; is the adapter plugged in?", path.display())]
    Missing {
        /// As it was named.
        path: PathBuf,
    },
    /// No adapter of a known kind.
    #[error(
        "no serial adapter with the USB id {} is plugged in; name its port with --port PATH",
        either(ids)
    )]
    NoAdapter {
        /// Those that the board's file names.
        ids: Vec<UsbId>,
    },
    /// More than one.
    #[error("several serial adapters could be meant: {}; name one with --port PATH", ports.join(", "))]
    Several {
        /// Their ports.
        ports: Vec<String>,
    },
    /// The system does not say which there are.
    #[error("the serial ports cannot be listed: {reason}; name one with --port PATH")]
    Unlisted {
        /// Why.
        reason: String,
    },
}

/// The port called `named`, else the only one whose adapter has one of `ids`.
///
/// # Errors
///
/// When there is none, or more than one.
pub fn find_port(named: Option<&Port>, ids: &[UsbId]) -> Result<Port, PortError> {
    match named {
        Some(Port::Device(path)) if !path.exists() => return Err(PortError::Missing { path: path.clone() }),
        // Whether somebody listens at an address is found out by connecting.
        Some(port) => return Ok(port.clone()),
        None => {}
    }
    let ports = available_ports().map_err(|error| PortError::Unlisted { reason: error.to_string() })?;
    choose(&ports, ids).map(Port::Device)
}

fn choose(ports: &[SerialPortInfo], ids: &[UsbId]) -> Result<PathBuf, PortError> {
    let fits = |port: &&SerialPortInfo| match &port.port_type {
        SerialPortType::UsbPort(usb) => ids.contains(&UsbId { vendor: usb.vid, product: usb.pid }),
        _ => false,
    };
    let mut fitting: Vec<_> = ports.iter().filter(fits).map(|port| port.port_name.clone()).collect();
    match fitting.as_slice() {
        [] => Err(PortError::NoAdapter { ids: ids.to_vec() }),
        [port] => Ok(PathBuf::from(port)),
        _ => {
            fitting.sort();
            Err(PortError::Several { ports: fitting })
        }
    }
}

fn either(ids: &[UsbId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serialport::UsbPortInfo;

    const FTDI: UsbId = UsbId { vendor: 0x0403, product: 0x6015 };

    fn port(name: &str, id: Option<UsbId>) -> SerialPortInfo {
        let usb = |id: UsbId| UsbPortInfo {
            vid: id.vendor,
            pid: id.product,
            serial_number: None,
            manufacturer: None,
            product: None,
        };
        let port_type = id.map_or(SerialPortType::PciPort, |id| SerialPortType::UsbPort(usb(id)));
        SerialPortInfo { port_name: name.to_owned(), port_type }
    }

    #[test]
    fn the_only_adapter_of_a_known_kind_is_taken() {
        let other = UsbId { vendor: 1, product: 2 };
        let ports =
            [port("/dev/ttyS0", None), port("/dev/ttyUSB0", Some(other)), port("/dev/ttyUSB1", Some(FTDI))];
        assert_eq!(choose(&ports, &[FTDI]), Ok("/dev/ttyUSB1".into()));
    }

    #[test]
    fn none_and_several_are_errors_that_name_the_way_out() {
        let none = choose(&[port("/dev/ttyS0", None)], &[FTDI]).unwrap_err().to_string();
        assert!(none.contains("0403:6015") && none.contains("--port"), "{none}");
        let two = [port("/dev/ttyUSB1", Some(FTDI)), port("/dev/ttyUSB0", Some(FTDI))];
        let several = choose(&two, &[FTDI]).unwrap_err().to_string();
        assert!(several.contains("/dev/ttyUSB0, /dev/ttyUSB1"), "{several}");
    }

    #[test]
    fn a_named_port_must_be_there() {
        let there = Port::Device("/dev/null".into());
        assert_eq!(find_port(Some(&there), &[]), Ok(there));
        let nowhere = Port::Device("/dev/nowhere".into());
        assert!(matches!(find_port(Some(&nowhere), &[]), Err(PortError::Missing { .. })));
    }

    #[test]
    fn usb_ids_are_four_and_four_digits() {
        assert_eq!("0403:6015".parse(), Ok(FTDI));
        for wrong in ["0403", "403:6015", "0403:6015:1", "04g3:6015", ""] {
            assert!(wrong.parse::<UsbId>().is_err(), "{wrong}");
        }
    }
}
