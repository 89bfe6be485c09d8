//! Everything at once, for as long as there is time.
//!
//! A soak does operations of all kinds on an arena, as the seed has them, and looks at everything after every ten thousand of them.
//! What it does follows from the seed alone, and when it ends from the time: so the operation that failed is found again by
//! ending there, `--seed S --until N`.

use framekeeper::{OneCore, Owner, slabs::Standard};

use crate::{
    Machine, Number,
    arena::{self, Arena, Course, Plan},
    mix::{Blocks, Broken, Objects, Place},
};

/// Operations from one look at everything to the next.
const CHECKPOINT: u64 = 10_000;
/// The part of the budget that a soak has.
const SHARE: u64 = 12;
/// Whose its blocks are.
const ME: Owner = Owner::new(24);

type Ground<'h, 'a> = Arena<'h, 'a, OneCore, Standard>;

/// All kinds of operations, with a look at everything now and then.
pub fn all_kinds_of_operations_for_as_long_as_there_is_time<M: Machine>(machine: &M) {
    let course = match machine.parameters().until {
        Some(_) => Course::Fixed,
        None => Course::Chance,
    };
    arena::run(machine, Plan { course, ..Plan::ONE_CORE }, |arena| soak(machine, arena));
}

fn soak<M: Machine>(machine: &M, arena: &Ground<'_, '_>) {
    let mut blocks = Blocks::new(arena.frames, arena.window, ME, Place::Thread, machine.dice(800));
    let mut objects = Objects::new(arena.heap, 1, Place::Thread, machine.dice(801));
    let (mut kinds, mut operation) = (machine.dice(802), 0);
    let mut end = End::of(machine);
    while !end.is_reached(machine, operation) {
        operation += 1;
        let result = match kinds.below(64) {
            0..=39 => objects.step(),
            40..=62 => blocks.step(),
            _ => tidy(arena, kinds.below(64)),
        };
        held(machine, operation, result);
        if operation.is_multiple_of(CHECKPOINT) {
            held(machine, operation, look(arena));
            let value = arena.frames.free().total();
            machine.report(&Number::Point { series: "soak: free frames", at: operation, value });
        }
    }
    held(machine, operation, look(arena));
    arena.mark();
    held(machine, operation, blocks.give_all());
    held(machine, operation, objects.give_all());
    machine.report(&Number::Value { name: "soak", unit: crate::Unit::Operations, value: operation });
}

fn held<M: Machine>(machine: &M, operation: u64, result: Result<(), Broken>) {
    if let Err(broken) = result {
        let seed = machine.parameters().seed;
        panic!("{broken}; repeat with --seed {seed} --until {operation}");
    }
}

/// What a kernel does now and then.
fn tidy(arena: &Ground<'_, '_>, which: u64) -> Result<(), Broken> {
    match which {
        0 => drop(arena.heap.shrink()),
        1..=8 => arena.frames.drain(),
        _ => {}
    }
    Ok(())
}

fn look(arena: &Ground<'_, '_>) -> Result<(), Broken> {
    arena.frames.verify().map_err(Broken::Frames)?;
    arena.slabs().verify().map_err(Broken::Slabs)?;
    let found = arena.slabs().reports();
    if found > 0 {
        return Err(Broken::Lost { what: "reports of misuse", expected: 0, found });
    }
    Ok(())
}

/// When a soak ends.
enum End {
    /// Behind this operation.
    Operation(u64),
    /// At this time, or little later.
    Time(u64),
}

impl End {
    fn of<M: Machine>(machine: &M) -> Self {
        let parameters = machine.parameters();
        match parameters.until {
            Some(until) => Self::Operation(until),
            None => Self::Time(machine.nanoseconds() + parameters.budget_ms / SHARE * 1_000_000),
        }
    }

    fn is_reached<M: Machine>(&mut self, machine: &M, operation: u64) -> bool {
        match *self {
            Self::Operation(until) => operation >= until,
            // The clock is looked at seldom: that may cost more than an operation.
            Self::Time(end) => {
                operation.is_multiple_of(CHECKPOINT) && operation > 0 && machine.nanoseconds() >= end
            }
        }
    }
}
