//! Nothing behind the call: what the loop and the two readings of the counter cost.

use core::{
    alloc::Layout,
    marker::PhantomData,
    ptr::NonNull,
    sync::atomic::{AtomicPtr, Ordering::Relaxed},
};

use framekeeper::FRAME_SIZE;

use super::{
    super::{Stand, Subject, Turn, Workload},
    memory,
};

/// Where the memory starts. The atomic is there for the compiler only.
struct Nothing<S>(AtomicPtr<u8>, PhantomData<fn() -> S>);

/// Each core is handed a frame of its own, over and over.
impl<S: Stand> Subject for Nothing<S> {
    fn alloc(&self, _: Layout) -> Option<NonNull<u8>> {
        let offset = S::current().index() * FRAME_SIZE as usize;
        NonNull::new(self.0.load(Relaxed).wrapping_add(offset))
    }

    #[expect(unsafe_code, reason = "the trait's function is unsafe, this one does nothing")]
    unsafe fn free(&self, _: NonNull<u8>, _: Layout) {}
}

pub(super) fn nothing<S: Stand, W: Workload>(turn: &Turn<'_, S>, workload: &W) {
    let start = AtomicPtr::new(memory::fresh(turn.stand).start.as_ptr());
    workload.turn(turn, &Nothing::<S>(start, PhantomData));
}
