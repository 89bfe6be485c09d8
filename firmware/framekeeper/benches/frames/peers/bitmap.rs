//! `bitmap-allocator`: a tree of bitmaps behind a spin lock. It comes in sizes by factors of 16: 4 GiB, and for more
//! than that 64 GiB.

use crate::{
    memory::BASE,
    subject::{FRAME, Made, Subject, Workload},
};
use bitmap_allocator::{BitAlloc, BitAlloc1M, BitAlloc16M};
use spin::Mutex;
use std::time::Instant;

struct Locked<B>(Mutex<B>);

impl<B: BitAlloc + Send> Subject for Locked<B> {
    #[inline]
    fn alloc(&self, order: u8) -> Option<u64> {
        let mut bits = self.0.lock();
        let bit = match order {
            0 => bits.alloc(),
            _ => bits.alloc_contiguous(None, 1 << order, usize::from(order)),
        };
        Some(BASE + bit? as u64 * FRAME)
    }

    #[inline]
    fn free(&self, address: u64, order: u8) {
        let bit = ((address - BASE) / FRAME) as usize;
        let mut bits = self.0.lock();
        let freed = match order {
            0 => bits.dealloc(bit),
            _ => bits.dealloc_contiguous(bit, 1 << order),
        };
        debug_assert!(freed, "what was handed out can be given back");
    }
}

pub(crate) fn on_fresh<W: Workload>(size: u64, workload: &W) -> Vec<f64> {
    if size / FRAME <= BitAlloc1M::CAP as u64 {
        with::<BitAlloc1M, W>(size, workload)
    } else {
        with::<BitAlloc16M, W>(size, workload)
    }
}

fn with<B: BitAlloc + Send, W: Workload>(size: u64, workload: &W) -> Vec<f64> {
    // A kernel has it in a static, which is not there to be brought up.
    let subject = Box::new(Locked(Mutex::new(B::DEFAULT)));
    let began = Instant::now();
    subject.0.lock().insert(0..(size / FRAME) as usize);
    let bring_up = began.elapsed();
    workload.measure(&Made {
        subject: &*subject,
        base: BASE,
        size,
        bring_up,
        metadata: size_of::<B>() as u64,
    })
}
