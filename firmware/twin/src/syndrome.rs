//! What a trap says about the instruction that was trapped (Arm ARM D17.2.37, ESR_EL2).

/// An exception class that the monitor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `hvc`.
    Hvc,
    /// `smc`.
    Smc,
    /// A system register was read or written.
    SystemRegister,
    /// An instruction could not be fetched.
    Fetch,
    /// Data could not be read or written.
    Data,
    /// Anything else.
    Other,
}

/// ESR_EL2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syndrome(pub u64);

/// A load or store of one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The register; 31 is the one that is always zero.
    pub register: usize,
    /// How many bytes.
    pub bytes: u8,
    /// Whether the value's sign is extended.
    signed: bool,
    /// Whether it is extended to 64 bits rather than to 32.
    wide: bool,
}

impl Syndrome {
    /// Its class.
    #[must_use]
    pub const fn class(self) -> Class {
        match self.0 >> 26 & 0x3f {
            0x16 => Class::Hvc,
            0x17 => Class::Smc,
            0x18 => Class::SystemRegister,
            0x20 => Class::Fetch,
            0x24 => Class::Data,
            _ => Class::Other,
        }
    }

    /// Whether it is a store. A cache operation counts as one, and has no [`Self::transfer`].
    #[must_use]
    pub const fn is_write(self) -> bool {
        self.0 >> 6 & 1 == 1
    }

    /// Whether a translation table could not be walked.
    #[must_use]
    pub const fn is_walk(self) -> bool {
        self.0 >> 7 & 1 == 1
    }

    /// The load or store, if it is of one register.
    #[must_use]
    pub const fn transfer(self) -> Option<Transfer> {
        const VALID: u64 = 1 << 24;
        if self.0 & VALID == 0 {
            return None;
        }
        Some(Transfer {
            register: (self.0 >> 16 & 0x1f) as usize,
            bytes: 1 << (self.0 >> 22 & 3),
            signed: self.0 >> 21 & 1 == 1,
            wide: self.0 >> 15 & 1 == 1,
        })
    }

    /// Which system register, as the bits of its name in place; [`system_register`] makes the same.
    #[must_use]
    pub const fn system_register(self) -> u64 {
        self.0 & (0x3ff << 12 | 0x3 << 10 | 0xf << 1)
    }

    /// Which general register a system register is read into or written from.
    #[must_use]
    pub const fn register(self) -> usize {
        (self.0 >> 5 & 0x1f) as usize
    }

    /// Whether a system register is read.
    #[must_use]
    pub const fn is_system_read(self) -> bool {
        self.0 & 1 == 1
    }

    /// The same fault as the core's own level has it, as an external abort: this is ESR_EL1.
    #[must_use]
    pub const fn as_external_abort(self) -> u64 {
        const EXTERNAL: u64 = 0x10;
        const EXTERNAL_ON_WALK: u64 = 0x15;
        const IL: u64 = 1 << 25;
        // From the level itself rather than from one below: the class is one more.
        let class = (self.0 >> 26 & 0x3f) + 1;
        let status = if self.is_walk() { EXTERNAL_ON_WALK } else { EXTERNAL };
        class << 26 | IL | self.0 & (1 << 6) | status
    }
}

impl Transfer {
    /// A value that was read, as it is to stand in the register.
    #[must_use]
    pub const fn extended(self, value: u64) -> u64 {
        let unused = 64 - 8 * self.bytes as u32;
        let value = value << unused;
        if !self.signed {
            return value >> unused;
        }
        let value = (value.cast_signed() >> unused).cast_unsigned();
        if self.wide { value } else { value & 0xffff_ffff }
    }

    /// A value that is to be written, of what stands in the register.
    #[must_use]
    pub const fn cut(self, value: u64) -> u64 {
        let unused = 64 - 8 * self.bytes as u32;
        value << unused >> unused
    }
}

/// Names a system register as a trap does.
#[must_use]
pub const fn system_register(op0: u64, op1: u64, crn: u64, crm: u64, op2: u64) -> u64 {
    op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | crm << 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data abort of a load of `1 << size` bytes into x5.
    const fn load(size: u64, signed: u64, wide: u64) -> Syndrome {
        Syndrome(0x24 << 26 | 1 << 24 | size << 22 | signed << 21 | 5 << 16 | wide << 15 | 0b111)
    }

    #[test]
    fn what_is_loaded_fills_the_register_as_the_instruction_says() {
        let byte = load(0, 0, 0).transfer().unwrap();
        assert_eq!((byte.register, byte.bytes, byte.extended(0x1ff)), (5, 1, 0xff));
        assert_eq!(load(0, 1, 0).transfer().unwrap().extended(0x80), 0xffff_ff80);
        assert_eq!(load(1, 1, 1).transfer().unwrap().extended(0x8000), 0xffff_ffff_ffff_8000);
        assert_eq!(load(3, 0, 1).transfer().unwrap().extended(u64::MAX), u64::MAX);
        assert_eq!(load(2, 0, 0).transfer().unwrap().cut(u64::MAX), 0xffff_ffff);
    }

    #[test]
    fn what_cannot_be_told_is_no_transfer() {
        assert_eq!(Syndrome(0x24 << 26 | 0b111).transfer(), None);
    }

    #[test]
    fn a_fault_becomes_one_of_the_cores_own_level() {
        let write = Syndrome(0x24 << 26 | 1 << 25 | 1 << 6 | 0b111);
        assert_eq!(write.as_external_abort(), 0x25 << 26 | 1 << 25 | 1 << 6 | 0x10);
        let fetch = Syndrome(0x20 << 26 | 1 << 25 | 1 << 7 | 0b111);
        assert_eq!(fetch.as_external_abort(), 0x21 << 26 | 1 << 25 | 0x15);
    }

    #[test]
    fn a_system_register_is_known_by_its_name() {
        // `msr icc_sgi1r_el1, x3`: S3_0_C12_C11_5.
        let trap = Syndrome(0x18 << 26 | 1 << 25 | 3 << 20 | 5 << 17 | 12 << 10 | 3 << 5 | 11 << 1);
        assert_eq!(trap.class(), Class::SystemRegister);
        assert_eq!(trap.system_register(), system_register(3, 0, 12, 11, 5));
        assert_eq!((trap.register(), trap.is_system_read()), (3, false));
    }
}
