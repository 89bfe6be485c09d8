//! A3, A4, A5: all requests of one kind are refused: large ones, those of handlers, those of a core. Everybody else is
//! refused nothing, which the workers see to.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use alloc::vec::Vec;

use framekeeper::{Core, Order, slabs::Standard};
use spin::Mutex;

use super::{
    refusing::{self, Plan, Refusing},
    worker::Worker,
};
use crate::{
    Machine, Number, Unit,
    arena::{self, Arena, Course},
    lent,
    mix::{Place, Refusals},
};

/// Operations of all cores together in a run with the default budget.
const STEPS: u64 = 100_000;
/// Interrupts that are waited for in a run with the default budget.
const INTERRUPTS: u64 = 500;
/// Interrupts a second, of all cores together.
const RATE: u64 = 10_000;
/// Operations of a handler on each interrupt.
const IN_HANDLER: u64 = 2;
/// Operations of a core between two looks at how many interrupts there were.
const BETWEEN: u64 = 8;

/// Runs `work` on an arena of all cores that refuses by a plan, and refuses something.
fn refusing<M: Machine>(
    machine: &M,
    plan: Plan,
    work: impl for<'a> FnOnce(&Arena<'a, 'a, &Refusing<M::Cpu>, Standard>),
) {
    let refusing = refusing::all_cores(machine, plan);
    let plan = arena::Plan { cpu: &refusing, cores: machine.cores(), hook: None, course: Course::Chance };
    arena::run::<_, _, Standard, _>(machine, plan, |arena| {
        refusing.begin();
        work(arena);
        refusing.end();
    });
    let value = refusing.refused();
    assert!(value > 0, "something is refused");
    machine.report(&Number::Value { name: "requests of a kind, refused", unit: Unit::Operations, value });
}

/// All cores at work, each of which takes the refusals that `of` says for it.
fn crowd<M: Machine>(
    machine: &M,
    arena: &Arena<'_, '_, &Refusing<M::Cpu>, Standard>,
    of: impl Fn(Core) -> Refusals + Sync,
) {
    let steps = machine.rounds(STEPS).div_ceil(u64::from(machine.cores()));
    machine.on_each(&|core| {
        let dice = machine.dice(940 + core.index() as u64);
        let mut worker = Worker::new(arena, core, Place::Thread, dice).refused(of(core));
        worker.work(steps);
        worker.give_all();
    });
}

/// Smaller blocks are had while larger ones are refused.
pub fn a3_only_large_requests_are_refused<M: Machine>(machine: &M) {
    for order in [1, 3, 9].into_iter().filter_map(Order::new) {
        refusing(machine, Plan::From(order), |arena| crowd(machine, arena, |_| Refusals::From(order)));
    }
}

/// The other cores work while one is refused everything that it does not have.
pub fn a5_only_one_core_is_refused<M: Machine>(machine: &M) {
    for core in [0, machine.cores() - 1].map(Core::new) {
        let of = |other| if other == core { Refusals::On(core) } else { Refusals::None };
        refusing(machine, Plan::On(core), |arena| crowd(machine, arena, of));
    }
}

/// Handlers are refused what their cores do not have, and those that they interrupt are not.
pub fn a4_only_handlers_are_refused<M: Machine>(machine: &M) {
    let enough = machine.rounds(INTERRUPTS);
    refusing(machine, Plan::InHandlers, |arena| {
        let handlers: Vec<_> =
            (0..machine.cores()).map(Core::new).map(|core| handler(machine, arena, core)).collect();
        let handled = AtomicU64::new(0);
        let handle = |core: Core| {
            // Here and not by those that are interrupted: on a slow machine they may never come to it.
            if handled.fetch_add(1, SeqCst) >= enough {
                machine.interrupt_no_more();
            }
            // Only this core's handler has it, and nothing interrupts a handler.
            let worker = handlers.get(core.index()).and_then(Mutex::try_lock);
            worker.into_iter().for_each(|mut worker| worker.work(IN_HANDLER));
        };
        lent::while_handling(machine, RATE / u64::from(machine.cores()), &handle, || {
            machine.on_each(&|core| {
                let dice = machine.dice(960 + core.index() as u64);
                let mut worker = Worker::new(arena, core, Place::Thread, dice);
                while handled.load(SeqCst) < enough {
                    worker.work(BETWEEN);
                }
                worker.give_all();
            });
        });
        handlers.iter().for_each(|worker| worker.lock().give_all());
    });
}

/// The worker of a core's handler.
fn handler<'h, 'a, 'r, M: Machine>(
    machine: &M,
    arena: &Arena<'h, 'a, &'r Refusing<M::Cpu>, Standard>,
    core: Core,
) -> Mutex<Worker<'h, 'a, &'r Refusing<M::Cpu>, Standard>> {
    let dice = machine.dice(980 + core.index() as u64);
    Mutex::new(Worker::new(arena, core, Place::Handler, dice).refused(Refusals::Any))
}
