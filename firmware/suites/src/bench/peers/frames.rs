//! `buddy_system_allocator`: its frame allocator behind a spin lock. It keeps sets of frame numbers in memory of the
//! global allocator, so who that is has a part in its figures: in the image it is Framekeeper's heap.

use core::{alloc::Layout, ptr::NonNull};

use buddy_system_allocator::FrameAllocator;
use framekeeper::{FRAME_SIZE, PhysAddr, slabs::DirectMap};
use spin::Mutex;

use super::{
    super::{Stand, Subject, Turn, Workload},
    memory,
};

struct Locked<M> {
    frames: Mutex<FrameAllocator>,
    map: M,
}

impl<M: DirectMap + Sync> Subject for Locked<M> {
    fn alloc(&self, layout: Layout) -> Option<NonNull<u8>> {
        let first = self.frames.lock().alloc(layout.size() / FRAME_SIZE as usize)?;
        Some(self.map.pointer(PhysAddr(first as u64 * FRAME_SIZE)))
    }

    #[expect(unsafe_code, reason = "the trait's function is unsafe, this one only counts frames")]
    unsafe fn free(&self, memory: NonNull<u8>, layout: Layout) {
        let first = self.map.address(memory).0 / FRAME_SIZE;
        self.frames.lock().dealloc(first as usize, layout.size() / FRAME_SIZE as usize);
    }
}

pub(super) fn buddy_system<S: Stand, W: Workload>(turn: &Turn<'_, S>, workload: &W) {
    memory::fresh(turn.stand);
    let (range, mut frames) = (turn.stand.memory(), FrameAllocator::new());
    frames.add_frame((range.start().0 / FRAME_SIZE) as usize, (range.end().0 / FRAME_SIZE) as usize);
    workload.turn(turn, &Locked { frames: Mutex::new(frames), map: turn.stand.map() });
}
