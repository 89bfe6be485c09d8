//! Frames that are zero, on the machine: only it can write to memory.

use framekeeper::{FRAME_SIZE, Order, PhysAddr, Request, State};

use super::ME;
use crate::{Machine, ground::leaving_no_trace, memory};

/// What is asked to be zero is, also where somebody wrote before; single frames and large blocks.
pub fn zeroed_frames_are_zero<M: Machine>(machine: &M) {
    leaving_no_trace(machine, || {
        for request in [Request::order(Order::FRAME), Request::frames(3), Request::order(Order::MIB_2)] {
            for _ in 0..2 {
                let block = match machine.frames().alloc_zeroed(request.owned_by(ME)) {
                    Ok(block) => block,
                    Err(error) => panic!("{request:?}: {error}"),
                };
                let State::Allocated { frames, .. } = machine.frames().state(block) else {
                    panic!("{block} was just handed out")
                };
                for frame in (0..frames).map(|frame| PhysAddr(block.0 + frame * FRAME_SIZE)) {
                    memory::check_zero(machine, frame);
                    memory::write(machine, frame, 0x5a5a);
                }
                assert_eq!(machine.frames().free_frame(block), Ok(frames));
            }
        }
    });
}
