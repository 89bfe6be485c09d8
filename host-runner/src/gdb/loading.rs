//! Putting an image into a board's memory, and the board to its beginning.

use super::{Client, GdbError};
use wire::ram::host::Memory;

/// x0 and pc, as servers number them.
const X0: u32 = 0;
const PC: u32 = 32;

/// What a board is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loading {
    /// What the server's own command line is told first, to bring the board into a state in which it can be loaded.
    pub monitor: Vec<String>,
    /// The arm64 `Image`, and where it goes.
    pub image: (u64, Vec<u8>),
    /// The device tree, and where it goes.
    pub tree: (u64, Vec<u8>),
}

impl Client {
    /// Loads a board that is stopped, so that it begins when it is resumed: as a boot loader hands over, with the device tree
    /// in x0 and zeros in x1 to x3 (Linux, Documentation/arch/arm64/booting.rst).
    ///
    /// # Errors
    ///
    /// When the server refuses any of it.
    pub fn load(&mut self, loading: &Loading) -> Result<(), GdbError> {
        self.select_first()?;
        for command in &loading.monitor {
            self.monitor(command)?;
        }
        for (address, bytes) in [&loading.image, &loading.tree] {
            self.write(*address, bytes)?;
        }
        let arguments = [loading.tree.0, 0, 0, 0];
        for (number, value) in (X0..).zip(arguments).chain([(PC, loading.image.0)]) {
            self.set_register(number, value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::Server;
    use super::*;

    fn loading(monitor: &[&str]) -> Loading {
        let monitor = monitor.iter().map(|&command| command.to_owned()).collect();
        Loading { monitor, image: (0x1000, vec![1; 700]), tree: (0x1800, vec![2; 5]) }
    }

    #[test]
    fn a_board_is_loaded_as_a_boot_loader_hands_over() {
        let server = Server::new();
        let mut client = server.client();
        client.load(&loading(&["reset halt"])).unwrap();
        assert_eq!(client.read(0x1000, 700).unwrap(), [1; 700]);
        assert_eq!(client.read(0x1800, 5).unwrap(), [2; 5]);
        let requests = server.requests();
        let at = |text: &str| requests.iter().position(|request| request.starts_with(text)).unwrap();
        assert!(at("qRcmd,72657365742068616c74") < at("M1000"), "{requests:?}");
        let registers: Vec<_> = requests.iter().filter(|request| request.starts_with('P')).collect();
        let (tree, image) = ("P0=0018000000000000", "P20=0010000000000000");
        let zero = |number| format!("P{number}=0000000000000000");
        assert_eq!(registers, [tree, &zero(1), &zero(2), &zero(3), image]);
    }

    #[test]
    fn what_the_server_refuses_is_told() {
        let error = Server::new().client().load(&loading(&["explode"])).unwrap_err().to_string();
        assert!(error.contains("refuses `explode`"), "{error}");
    }
}
