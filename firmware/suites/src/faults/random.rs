//! A2: requests are refused at random, one in a thousand, in a hundred, and in ten.

use framekeeper::{Core, OneCore, slabs::Standard};

use super::{
    refusing::{self, Plan, Refusing},
    worker::Worker,
};
use crate::{
    Machine, Number, Unit,
    arena::{self, Arena, Course},
    mix::{Place, Refusals},
};

/// Operations at each rate in a run with the default budget: of one core, and of all together, which wait for each other
/// where an emulator has few processors.
const STEPS: u64 = 1_000_000;
const STEPS_OF_ALL: u64 = 50_000;
/// Operations from one look at everything to the next.
const CHECKPOINT: u64 = 100_000;
/// Operations of a worker for whom nothing is refused any more.
const AFTERWARDS: u64 = 500;
/// Of so many requests one is refused.
const RATES: [u64; 3] = [1_000, 100, 10];

fn plan<M: Machine>(machine: &M, one_in: u64) -> Plan {
    Plan::Random { one_in, seed: machine.parameters().seed }
}

/// In a run with a small budget it may be that none of few is refused.
fn report<M: Machine>(machine: &M, one_in: u64, steps: u64, refused: u64) {
    assert!(refused > 0 || steps < 100 * one_in, "one in {one_in} requests is refused");
    machine.log(format_args!("one in {one_in} requests refused: {refused}"));
    machine.report(&Number::Value {
        name: "requests refused at random",
        unit: Unit::Operations,
        value: refused,
    });
}

/// On one core: what comes of it is the same on every machine.
pub fn a2_a_storm_with_random_refusals_leaves_no_trace<M: Machine>(machine: &M) {
    for one_in in RATES {
        let refusing = Refusing::new(OneCore, plan(machine, one_in));
        let plan = arena::Plan { cpu: &refusing, cores: 1, hook: None, course: Course::Fixed };
        arena::run::<_, _, Standard, _>(machine, plan, |arena| storm(machine, arena, &refusing));
        report(machine, one_in, machine.rounds(STEPS), refusing.refused());
    }
}

/// A storm, and what comes after it.
fn storm<M: Machine>(
    machine: &M,
    arena: &Arena<'_, '_, &Refusing<OneCore>, Standard>,
    refusing: &Refusing<OneCore>,
) {
    let worker = Worker::new(arena, Core::new(0), Place::Thread, machine.dice(900));
    let mut worker = worker.refused(Refusals::Any);
    refusing.begin();
    let mut left = machine.rounds(STEPS);
    while left > 0 {
        let steps = left.min(CHECKPOINT);
        worker.work(steps);
        arena.verify();
        left -= steps;
    }
    refusing.end();
    arena.mark();
    let mut worker = worker.refused(Refusals::None);
    worker.work(AFTERWARDS);
    worker.give_all();
}

/// On all cores at once.
pub fn a2_all_cores_bear_random_refusals<M: Machine>(machine: &M) {
    let steps = machine.rounds(STEPS_OF_ALL).div_ceil(u64::from(machine.cores()));
    for one_in in RATES {
        let refusing = refusing::all_cores(machine, plan(machine, one_in));
        let plan = arena::Plan { cpu: &refusing, cores: machine.cores(), hook: None, course: Course::Chance };
        arena::run::<_, _, Standard, _>(machine, plan, |arena| {
            refusing.begin();
            machine.on_each(&|core| {
                let dice = machine.dice(910 + core.index() as u64);
                let mut worker = Worker::new(arena, core, Place::Thread, dice).refused(Refusals::Any);
                worker.work(steps);
                worker.give_all();
            });
            refusing.end();
            arena.verify();
            machine.on_each(&|core| {
                let dice = machine.dice(930 + core.index() as u64);
                let mut worker = Worker::new(arena, core, Place::Thread, dice);
                worker.work(AFTERWARDS);
                worker.give_all();
            });
        });
        report(machine, one_in, machine.rounds(STEPS_OF_ALL), refusing.refused());
    }
}
