//! What labgrid's exporter is told of a board that it offers.

use crate::link::Port;

/// A board whose boot loader, console and supply are all reached over a network.
#[derive(Clone, Debug)]
pub struct Exported {
    /// What its resources are called together.
    pub group: String,
    /// Where its boot loader listens for fastboot: `HOST:PORT`.
    pub fastboot: String,
    /// Where its console is.
    pub console: Port,
    /// The switch of its supply, of the model `rest`.
    pub power: String,
}

impl Exported {
    /// The exporter's file.
    ///
    /// # Errors
    ///
    /// When one of the addresses is none.
    pub fn file(&self) -> Result<String, String> {
        let Port::Network(console) = &self.console else {
            return Err(format!(
                "{} is a port of this machine: an exporter passes such on by itself",
                self.console
            ));
        };
        let [(boot_host, boot_port), (line_host, line_port)] = [split(&self.fastboot)?, split(console)?];
        let Self { group, power, .. } = self;
        Ok(format!(
            "{group}:\n  \
               AndroidNetFastboot:\n    address: '{boot_host}'\n    port: {boot_port}\n    protocol: tcp\n  \
               NetworkSerialPort:\n    host: '{line_host}'\n    port: {line_port}\n    protocol: raw\n  \
               NetworkPowerPort:\n    model: rest\n    host: '{power}'\n    index: 0\n"
        ))
    }
}

fn split(address: &str) -> Result<(&str, u16), String> {
    let parts = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    parts.ok_or_else(|| format!("`{address}` is no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_that_is_reached_over_a_network_can_be_exported() {
        let exported = Exported {
            group: "twin".into(),
            fastboot: "127.0.0.1:5554".into(),
            console: Port::Network("127.0.0.1:4001".into()),
            power: "http://127.0.0.1:4002/power".into(),
        };
        let file = exported.file().unwrap();
        assert!(
            file.starts_with("twin:\n  AndroidNetFastboot:\n    address: '127.0.0.1'\n    port: 5554\n"),
            "{file}"
        );
        assert!(
            file.contains(
                "\n  NetworkSerialPort:\n    host: '127.0.0.1'\n    port: 4001\n    protocol: raw\n"
            )
        );
        assert!(file.ends_with("\n    host: 'http://127.0.0.1:4002/power'\n    index: 0\n"));
        let here = Exported { console: Port::Device("/dev/ttyUSB0".into()), ..exported };
        assert!(here.file().unwrap_err().contains("/dev/ttyUSB0"));
    }
}
