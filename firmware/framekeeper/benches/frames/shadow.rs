//! Which frames are out, kept by the benchmark itself: what an allocator says about itself is not asked.

use crate::subject::{FRAME, Made};

/// A bit for every frame, set while nobody has it.
#[derive(Debug)]
pub(crate) struct Shadow {
    base: u64,
    free: Vec<bool>,
}

impl Shadow {
    /// Nobody has anything.
    pub(crate) fn new<S>(made: &Made<'_, S>) -> Self {
        Self { base: made.base, free: vec![true; made.frames() as usize] }
    }

    /// Notes a block as out.
    ///
    /// # Panics
    ///
    /// It was out already, is no such block or lies outside: such an allocator need not be measured.
    pub(crate) fn take(&mut self, address: u64, order: u8) {
        let block = self.block(address, order);
        assert!(block.iter().all(|&free| free), "{address:#x}, order {order}: handed out twice");
        block.fill(false);
    }

    /// Notes a block as given back.
    pub(crate) fn give(&mut self, address: u64, order: u8) {
        self.block(address, order).fill(true);
    }

    /// How many blocks of `order` nobody has a frame of.
    pub(crate) fn blocks(&self, order: u8) -> usize {
        self.free.chunks_exact(1 << order).filter(|block| block.iter().all(|&free| free)).count()
    }

    /// The share of free memory that lies in whole blocks of `order`, in percent.
    pub(crate) fn in_blocks_percent(&self, order: u8) -> f64 {
        let free = self.free.iter().filter(|&&free| free).count();
        100.0 * (self.blocks(order) << order) as f64 / free.max(1) as f64
    }

    fn block(&mut self, address: u64, order: u8) -> &mut [bool] {
        let offset = address.wrapping_sub(self.base);
        assert!(offset.is_multiple_of(FRAME << order), "{address:#x}, order {order}: misaligned");
        let first = (offset / FRAME) as usize;
        self.free.get_mut(first..first + (1 << order)).expect("a block inside the memory")
    }
}
