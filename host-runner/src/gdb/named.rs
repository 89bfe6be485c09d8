//! Registers beyond those that say where a core is: all in their server's own form, and single ones by name.

use super::client::{bad_answer, from_hex};
use super::{Client, GdbError};
use std::collections::BTreeMap;

/// What system registers there are, as QEMU describes them.
const DESCRIPTION: &str = "system-registers.xml";
/// How much of it is asked for at once.
const PIECE: usize = 0x180;

impl Client {
    /// All registers of the core that was selected, as the server sends them.
    ///
    /// # Errors
    ///
    /// When the server does not tell them.
    pub fn register_bytes(&mut self) -> Result<Vec<u8>, GdbError> {
        let answer = self.ask("g")?;
        from_hex(&answer).ok_or_else(|| bad_answer("g", &answer))
    }

    /// One register of the core that was selected; none if the server has none by this number.
    ///
    /// # Errors
    ///
    /// When the server is of no use any more.
    pub fn register(&mut self, number: u32) -> Result<Option<u64>, GdbError> {
        let answer = self.ask(&format!("p{number:x}"))?;
        let bytes = from_hex(&answer).filter(|bytes| (1..=8).contains(&bytes.len()));
        Ok(bytes.map(|bytes| bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))))
    }

    /// The numbers of system registers by their names, as QEMU has them.
    ///
    /// # Errors
    ///
    /// When the server does not describe them.
    pub fn system_registers(&mut self) -> Result<BTreeMap<String, u32>, GdbError> {
        let (mut text, mut goes_on) = (String::new(), true);
        while goes_on {
            let request = format!("qXfer:features:read:{DESCRIPTION}:{:x},{PIECE:x}", text.len());
            let answer = self.ask(&request)?;
            match answer.split_first() {
                Some((b'm', piece)) => text += &String::from_utf8_lossy(piece),
                Some((b'l', piece)) => {
                    text += &String::from_utf8_lossy(piece);
                    goes_on = false;
                }
                _ => return Err(bad_answer(&request, &answer)),
            }
        }
        Ok(numbers(&text))
    }
}

fn numbers(description: &str) -> BTreeMap<String, u32> {
    let registers = description.split("<reg ").skip(1);
    registers
        .filter_map(|text| {
            Some((attribute(text, "name")?.to_owned(), attribute(text, "regnum")?.parse().ok()?))
        })
        .collect()
}

fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = text.split_once(&format!("{name}=\""))?;
    behind.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_found_by_name_in_a_description() {
        let text = r#"<?xml version="1.0"?><feature name="f"><reg name="MIDR_EL1" bitsize="64" regnum="70"/>
            <reg name="SCTLR" bitsize="64" regnum="71" group="cp_regs"/></feature>"#;
        let found = numbers(text);
        assert_eq!(found, [("MIDR_EL1".to_owned(), 70), ("SCTLR".to_owned(), 71)].into());
    }
}
