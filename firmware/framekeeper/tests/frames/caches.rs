//! What a core's cache is for: what comes back goes out again, and no zone works for it.

use crate::ground::{GIB, ram, with_cache};
use framekeeper::{Core, Frame, Order, State, ZoneKind};

#[test]
fn a_block_of_up_to_2_mib_is_handed_out_again_from_the_cache_and_a_larger_one_is_not_kept() {
    let ram = ram(&[(0, GIB)]);
    with_cache(&ram, &ram, |frames| {
        for order in Order::all().take(12) {
            let block = frames.alloc_frames(order).unwrap();
            frames.free_frame(block).unwrap();
            let head = Frame::containing(block);
            let is_kept = order <= Order::MIB_2;
            let core = Core::new(0);
            let cached = State::Cached { head, order, core };
            assert_eq!(frames.state(block) == cached, is_kept, "{order:?}: {}", frames.state(block));
            let before = frames.effort();
            assert_eq!(frames.alloc_frames(order), Some(block), "{order:?}");
            assert_eq!(frames.effort() == before, is_kept, "{order:?}");
            frames.free_frame(block).unwrap();
            frames.drain();
            assert_eq!(frames.free().largest(ZoneKind::Dma32), Some(Order::MAX));
        }
    });
}
