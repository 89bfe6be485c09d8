//! What a trap interrupted, as the vectors save it.

/// The image's registers.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Frame {
    pub(crate) x: [u64; 31],
    pub(crate) pc: u64,
    pub(crate) pstate: u64,
    pub(crate) syndrome: u64,
    fpsr: u64,
    fpcr: u64,
    q: [u128; 32],
}

// The vectors have these as numbers.
const _: () = assert!(size_of::<Frame>() == 800 && core::mem::offset_of!(Frame, q) == 288);

impl Frame {
    /// A register as an instruction names it: number 31 is zero.
    pub(crate) fn register(&self, number: usize) -> u64 {
        self.x.get(number).copied().unwrap_or_default()
    }

    pub(crate) fn set_register(&mut self, number: usize, value: u64) {
        if let Some(place) = self.x.get_mut(number) {
            *place = value;
        }
    }

    /// Goes on behind the instruction that was trapped.
    pub(crate) fn skip(&mut self) {
        self.pc += 4;
    }
}
