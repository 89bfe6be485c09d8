//! ESR_EL1 in words (Arm ARM D24.2.40, "ESR_EL1, Exception Syndrome Register").

use core::fmt;

/// An exception syndrome that displays as words: `data abort on a write: permission fault, level 3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syndrome(pub u64);

impl Syndrome {
    /// The exception class, bits 31:26.
    #[must_use]
    pub const fn class(self) -> u8 {
        self.0.to_le_bytes()[3] >> 2
    }

    /// Whether FAR_EL1 holds the address that was touched: an abort whose FnV bit is clear, or a misaligned PC.
    #[must_use]
    pub const fn has_address(self) -> bool {
        let fault_not_valid = self.0 & (1 << 10) != 0;
        match self.class() {
            0x20 | 0x21 | 0x24 | 0x25 => !(fault_not_valid && self.fault_status() == 0x10),
            0x22 | 0x34 | 0x35 => true,
            _ => false,
        }
    }

    const fn fault_status(self) -> u8 {
        self.0.to_le_bytes()[0] & 0x3f
    }

    const fn is_write(self) -> bool {
        self.0 & (1 << 6) != 0
    }

    const fn class_name(self) -> &'static str {
        match self.class() {
            0x00 => "undefined instruction",
            0x01 => "trapped WFI or WFE",
            0x07 => "access to floating point or SIMD while it is off",
            0x0e => "illegal execution state",
            0x11 | 0x15 => "SVC",
            0x12 | 0x16 => "HVC",
            0x13 | 0x17 => "SMC",
            0x18 => "trapped system register access",
            0x19 => "access to SVE while it is off",
            0x20 | 0x21 => "instruction abort",
            0x22 => "misaligned program counter",
            0x24 | 0x25 => "data abort",
            0x26 => "misaligned stack pointer",
            0x2c => "trapped floating-point exception",
            0x2f => "SError",
            0x30 | 0x31 => "hardware breakpoint",
            0x32 | 0x33 => "software step",
            0x34 | 0x35 => "watchpoint",
            0x3c => "BRK instruction",
            _ => "unknown exception class",
        }
    }
}

impl fmt::Display for Syndrome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class_name())?;
        match self.class() {
            0x20 | 0x21 => write!(f, ": {}", FaultStatus(self.fault_status())),
            0x24 | 0x25 => {
                let direction = if self.is_write() { "write" } else { "read" };
                write!(f, " on a {direction}: {}", FaultStatus(self.fault_status()))
            }
            0x3c => write!(f, " {:#x}", self.0 & 0xffff),
            _ => Ok(()),
        }
    }
}

/// The fault status code of an abort, bits 5:0.
struct FaultStatus(u8);

impl fmt::Display for FaultStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = self.0 & 0b11;
        match self.0 {
            0x00..=0x03 => write!(f, "address size fault, level {level}"),
            0x04..=0x07 => write!(f, "translation fault, level {level} (nothing is mapped there)"),
            0x08..=0x0b => write!(f, "access flag fault, level {level}"),
            0x0c..=0x0f => write!(f, "permission fault, level {level}"),
            0x10 => f.write_str("synchronous external abort"),
            0x14..=0x17 => write!(f, "external abort on a table walk, level {level}"),
            0x21 => f.write_str("misaligned access"),
            0x30 => f.write_str("TLB conflict"),
            other => write!(f, "fault status {other:#04x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Syndrome;

    fn words(esr: u64) -> String {
        Syndrome(esr).to_string()
    }

    #[test]
    fn aborts_say_direction_kind_and_level() {
        assert_eq!(
            words(0x9600_0045),
            "data abort on a write: translation fault, level 1 (nothing is mapped there)"
        );
        assert_eq!(words(0x9600_000f), "data abort on a read: permission fault, level 3");
        assert_eq!(words(0x8600_000e), "instruction abort: permission fault, level 2");
        assert_eq!(words(0x9600_0061), "data abort on a write: misaligned access");
    }

    #[test]
    fn other_classes_are_named() {
        assert_eq!(words(0x0200_0000), "undefined instruction");
        assert_eq!(words(0xf200_03e8), "BRK instruction 0x3e8");
        assert_eq!(words(0xbe00_0011), "SError");
        assert_eq!(words(0xfc00_0000), "unknown exception class");
    }

    #[test]
    fn the_address_counts_only_where_the_manual_says_so() {
        assert!(Syndrome(0x9600_0045).has_address());
        assert!(!Syndrome(0x0200_0000).has_address());
        assert!(!Syndrome(0x9600_0410).has_address(), "FnV is set for a synchronous external abort");
    }
}
