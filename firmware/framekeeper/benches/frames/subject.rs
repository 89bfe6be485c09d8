//! What is measured, and what measures it.

use std::time::Duration;

pub(crate) use crate::arena::{FRAME, GIB, MIB};

/// An allocator of frames. The measured loops are generic over it: a call through a vtable would cost as much as the
/// fastest of them.
pub(crate) trait Subject: Sync {
    /// Hands out 2^order frames, aligned to their size.
    fn alloc(&self, order: u8) -> Option<u64>;

    /// Takes back what [`Self::alloc`] handed out with this order. Who knows the order himself ignores it.
    fn free(&self, address: u64, order: u8);

    /// Gives what this core's cache holds back to where all cores see it.
    fn settle(&self) {}
}

/// An allocator with fresh memory.
#[derive(Debug)]
pub(crate) struct Made<'a, S> {
    pub(crate) subject: &'a S,
    /// The first frame that can be handed out.
    pub(crate) base: u64,
    /// Bytes that can be handed out, in one piece from `base` on.
    pub(crate) size: u64,
    /// How long bringing it up took.
    pub(crate) bring_up: Duration,
    /// Bytes that it needs beside the frames, right after bringing it up.
    pub(crate) metadata: u64,
}

impl<S> Made<'_, S> {
    pub(crate) const fn frames(&self) -> u64 {
        self.size / FRAME
    }
}

/// One turn of one allocator.
pub(crate) trait Workload {
    /// Bytes of memory that the allocator gets.
    fn size(&self) -> u64 {
        GIB
    }

    /// The figures, always as many and in the same order.
    fn measure<S: Subject>(&self, made: &Made<'_, S>) -> Vec<f64>;
}
