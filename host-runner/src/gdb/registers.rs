//! The registers of an AArch64 core, as a server sends them.

/// The registers that say where a core is.
///
/// In the order of the feature `org.gnu.gdb.aarch64.core`, which all servers begin with: x0 to x30, sp and pc of 64 bits each,
/// cpsr of 32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// x29, the frame pointer.
    pub frame_pointer: u64,
    /// x30, the link register.
    pub link: u64,
    /// sp.
    pub stack_pointer: u64,
    /// pc.
    pub pc: u64,
    /// PSTATE.
    pub pstate: u64,
}

impl Registers {
    /// From the bytes of the answer to `g`; none if there are too few.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let word = |number: usize| {
            let bytes = bytes.get(number * 8..number * 8 + 8)?;
            bytes.try_into().ok().map(u64::from_le_bytes)
        };
        let pstate = bytes.get(33 * 8..33 * 8 + 4)?;
        Some(Self {
            frame_pointer: word(29)?,
            link: word(30)?,
            stack_pointer: word(31)?,
            pc: word(32)?,
            pstate: u64::from(u32::from_le_bytes(pstate.try_into().ok()?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registers_stand_where_the_feature_has_them() {
        let mut bytes: Vec<u8> = (0..33_u64).flat_map(u64::to_le_bytes).collect();
        assert_eq!(Registers::from_bytes(&bytes), None);
        bytes.extend(0x3c5_u32.to_le_bytes());
        let expected = Registers { frame_pointer: 29, link: 30, stack_pointer: 31, pc: 32, pstate: 0x3c5 };
        assert_eq!(Registers::from_bytes(&bytes), Some(expected));
    }
}
