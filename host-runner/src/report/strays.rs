//! Accesses to what is neither RAM nor a known device, in words.

use crate::image::Symbols;
use crate::twin::Stray;

/// A line for each that is described, and one for the others.
pub(super) fn lines(symbols: &Symbols, count: u64, described: &[Stray]) -> Vec<String> {
    let mut lines: Vec<_> = described.iter().map(|stray| line(symbols, stray)).collect();
    match count.saturating_sub(described.len() as u64) {
        0 => {}
        more => lines.push(format!("and {more} more stray accesses")),
    }
    lines
}

fn line(symbols: &Symbols, stray: &Stray) -> String {
    let Stray { core, pc, address, what } = stray;
    let place = symbols.at(*pc).first().map(|place| format!(", {place}")).unwrap_or_default();
    format!("stray access: core {core} at {pc:#x}{place}: {what} at {address:#x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_place_and_address_are_told_and_what_is_not_described_is_counted() {
        let what = "a load of 8 bytes".to_owned();
        let stray = Stray { core: 3, pc: 0xc000_1000, address: 0x1_0000_0000, what };
        let lines = lines(&Symbols::none(), 5, &[stray]);
        assert!(lines[0].starts_with("stray access: core 3 at 0xc0001000"), "{lines:?}");
        assert!(lines[0].ends_with("a load of 8 bytes at 0x100000000"), "{lines:?}");
        assert_eq!(lines[1], "and 4 more stray accesses");
    }
}
