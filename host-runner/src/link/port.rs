//! Where a board's console is: a serial port of this machine, or one of another machine's that passes it on over TCP.

use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// How a console is named that another machine passes on, byte for byte.
const RAW: &str = "tcp:";

/// The same by telnet with options for serial ports, by the name of what describes them.
const TELNET: &str = "rfc2217:";

/// Where a board's console is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// A serial port of this machine.
    Device(PathBuf),
    /// `HOST:PORT`, where its bytes pass as they are. The machine there sets the speed.
    Network(String),
    /// `HOST:PORT`, where telnet is spoken, which also sets the speed.
    Telnet(String),
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of = |prefix: &str, kind: fn(String) -> Self| {
            text.strip_prefix(prefix).map(|address| match is_address(address) {
                true => Ok(kind(address.to_owned())),
                false => Err(format!("`{text}` is no address; write {prefix}HOST:PORT")),
            })
        };
        let port = of(RAW, Self::Network).or_else(|| of(TELNET, Self::Telnet));
        port.unwrap_or_else(|| Ok(Self::Device(text.into())))
    }
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(path) => write!(f, "{}", path.display()),
            Self::Network(address) => write!(f, "{RAW}{address}"),
            Self::Telnet(address) => write!(f, "{TELNET}{address}"),
        }
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_path_or_an_address_and_is_written_as_it_is_read() {
        for (text, port) in [
            ("/dev/ttyUSB0", Port::Device("/dev/ttyUSB0".into())),
            ("tcp:lab-1:4001", Port::Network("lab-1:4001".into())),
            ("tcp:[::1]:4001", Port::Network("[::1]:4001".into())),
            ("rfc2217:lab-1:4001", Port::Telnet("lab-1:4001".into())),
        ] {
            assert_eq!(text.parse(), Ok(port.clone()));
            assert_eq!(port.to_string(), text);
        }
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for wrong in ["tcp:", "tcp:lab-1", "tcp::4001", "tcp:lab-1:70000", "tcp:lab-1:"] {
            assert!(wrong.parse::<Port>().unwrap_err().contains("tcp:HOST:PORT"), "{wrong}");
            assert!(wrong.replace("tcp", "rfc2217").parse::<Port>().is_err(), "{wrong}");
        }
    }
}
