//! Blocks of all sizes, taken and given at random.

use framekeeper::{Order, ZoneKind, slabs::Standard};

use super::ME;
use crate::{
    Machine, Number,
    arena::{self, Arena, Plan},
    mix::{Blocks, Place, held},
};

/// Steps of a storm in a run with the default budget.
const STEPS: u64 = 400_000;
/// From one figure of a trace to the next.
const STEPS_PER_POINT: u64 = 20_000;

/// Splits and joins at random, and ends with the same map on every machine; when all is given back, with that of the
/// beginning.
pub fn a_storm_of_splits_and_joins_leaves_no_trace<M: Machine>(machine: &M) {
    arena::run::<_, _, Standard, _>(machine, Plan::ONE_CORE, |arena| {
        let before = arena.digest();
        let mut blocks = Blocks::new(arena.frames, arena.window, ME, Place::Thread, machine.dice(1));
        for _ in 0..machine.rounds(STEPS) {
            held(blocks.step());
        }
        arena.mark();
        held(blocks.give_all());
        arena.frames.drain_all();
        assert_eq!(arena.digest(), before);
    });
}

/// How memory falls to pieces over time, and that it comes together again.
pub fn a_trace_shows_how_memory_falls_to_pieces<M: Machine>(machine: &M) {
    let plan = Plan::ONE_CORE;
    arena::run::<_, _, Standard, _>(machine, plan, |arena| {
        let mut blocks = Blocks::new(arena.frames, arena.window, ME, Place::Thread, machine.dice(2));
        let steps = machine.rounds(STEPS);
        for step in 0..steps {
            held(blocks.step());
            if step.is_multiple_of(STEPS_PER_POINT) {
                show(machine, arena, step);
            }
        }
        arena.mark();
        held(blocks.give_all());
        arena.frames.drain_all();
        show(machine, arena, steps);
        let free = arena.frames.free();
        let largest = ZoneKind::ALL.map(|zone| free.largest(zone));
        // 8 MiB on each side of 4 GiB: the upper one is whole.
        assert_eq!(largest[1], Order::new(11), "{free}");
    });
}

fn show<M: Machine, C: framekeeper::CpuLocal, H: framekeeper::slabs::Hardening>(
    machine: &M,
    arena: &Arena<'_, '_, C, H>,
    at: u64,
) {
    let free = arena.frames.free();
    let largest = ZoneKind::ALL.iter().filter_map(|&zone| free.largest(zone)).max();
    let value = largest.map_or(0, |order| u64::from(order.number()));
    machine.report(&Number::Point { series: "largest free order", at, value });
    let value = free.unusable_per_mille(Order::MIB_2);
    machine.report(&Number::Point { series: "free memory not in 2 MiB blocks, permille", at, value });
    machine.report(&Number::Point { series: "free frames", at, value: free.total() });
}
