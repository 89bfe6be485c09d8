//! A row of the table, measured: in every column so many trials as the machine has time for, in many states.

use alloc::format;
use core::fmt;

use framekeeper::slabs::{Debug, Hardening, Off, Paranoid, Standard};

use super::{
    cpu::OneThread,
    promises::{Column, Event, Promise, Row},
    scene::{Others, Scene},
    told,
};
use crate::{
    Dice, Machine, Number, Unit,
    arena::{self, Course, End, Plan},
    trail,
};

/// Arenas for a cell, as far as each has enough trials and not too many.
const ARENAS: u64 = 100;
const FEWEST_PER_ARENA: u64 = 10;
const MOST_PER_ARENA: u64 = 100;

/// A misuse that can be tried.
pub(super) trait Trial {
    /// Its row.
    const ID: &'static str;
    /// What others do meanwhile.
    const OTHERS: Others = Others::TakeAndGive;

    /// Misuses an object once.
    fn object<M: Machine, H: Hardening>(machine: &M, scene: &mut Scene<'_, '_, H>) -> Outcome;

    /// Misuses a block of frames once.
    fn block<M: Machine>(machine: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let _ = machine;
        scene.broken(format_args!("there is no such thing with frames"))
    }
}

/// What came of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    found: Option<Event>,
    end: End,
}

impl Outcome {
    /// It showed, and the arena is as if it had not been done.
    pub(super) const fn at(event: Event) -> Self {
        Self { found: Some(event), end: End::Clean }
    }

    /// It did not show, and did no harm that lasts.
    pub(super) const NOTHING: Self = Self { found: None, end: End::Clean };

    /// As it is, but the arena is of no more use.
    pub(super) const fn ending(self) -> Self {
        Self { end: End::Abandoned, ..self }
    }
}

/// Where a trial is: what repeats it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whereabouts {
    id: &'static str,
    column: Column,
    arena: u64,
    trial: u64,
}

impl Whereabouts {
    /// The next trial of the arena.
    pub(super) const fn next(&mut self) {
        self.trial += 1;
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, column, arena, trial } = self;
        write!(f, "{id}, {}, trial {trial} of the arena with the seed {arena:#x}", column.name())
    }
}

/// What was measured of a row in a column.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// The row.
    pub row: &'static Row,
    /// The column.
    pub column: Column,
    /// How often it was tried.
    pub trials: u64,
    /// How often it showed, by when it did.
    shown: [u64; Event::ALL.len()],
}

impl Cell {
    const fn new(row: &'static Row, column: Column) -> Self {
        Self { row, column, trials: 0, shown: [0; Event::ALL.len()] }
    }

    /// How often it showed then.
    #[must_use]
    pub fn shown(&self, event: Event) -> u64 {
        self.shown.get(event as usize).copied().unwrap_or(0)
    }

    /// How often it did not show.
    #[must_use]
    pub fn undetected(&self) -> u64 {
        self.trials - self.shown.iter().sum::<u64>()
    }

    fn count(&mut self, found: Option<Event>) {
        self.trials += 1;
        let count = found.and_then(|event| self.shown.get_mut(event as usize));
        count.into_iter().for_each(|count| *count += 1);
    }

    fn report<M: Machine>(&self, machine: &M) {
        let report = |what: &str, value| {
            let name = format!("misuse/{}/{}/{what}", self.row.id, self.column.name());
            machine.report(&Number::Value { name: &name, unit: Unit::Count, value });
        };
        let shown = Event::ALL.into_iter().filter(|&event| self.shown(event) > 0);
        shown.for_each(|event| report(event.name(), self.shown(event)));
        report("undetected", self.undetected());
    }
}

/// Measures a row, and reports it.
///
/// # Panics
///
/// A promise is broken.
pub(super) fn measure<M: Machine, T: Trial>(machine: &M) {
    let Some(row) = Row::of(T::ID) else { panic!("no row is called {}", T::ID) };
    for column in Column::ALL {
        if matches!(row.promise(column), Promise::NotApplicable | Promise::OwnTests(_)) {
            continue;
        }
        let cell = Cell::new(row, column);
        let cell = match column {
            Column::Frames => fill::<M, T, Standard>(machine, cell, |scene| T::block(machine, scene)),
            Column::Off => fill::<M, T, Off>(machine, cell, |scene| T::object(machine, scene)),
            Column::Standard => fill::<M, T, Standard>(machine, cell, |scene| T::object(machine, scene)),
            Column::Paranoid => fill::<M, T, Paranoid>(machine, cell, |scene| T::object(machine, scene)),
            Column::Debug => fill::<M, T, Debug>(machine, cell, |scene| T::object(machine, scene)),
        };
        cell.shown.into_iter().chain([cell.trials]).for_each(trail::add);
        cell.report(machine);
    }
}

/// Does all trials of a cell.
fn fill<M: Machine, T: Trial, H: Hardening>(
    machine: &M,
    mut cell: Cell,
    trial: impl Fn(&mut Scene<'_, '_, H>) -> Outcome,
) -> Cell {
    let mut seeds = machine.dice(salt(&cell));
    while cell.trials < machine.trials() {
        let seed = seeds.next();
        let at = Whereabouts { id: cell.row.id, column: cell.column, arena: seed, trial: 0 };
        let cpu = OneThread::default();
        let plan =
            Plan { cpu: cpu.clone(), cores: OneThread::CORES, hook: Some(told::hear), course: Course::Fixed };
        arena::run_to_an_end::<M, _, H, _>(machine, plan, |arena| {
            let mut scene = Scene::new(arena, cpu, (Dice::new(seed), T::OTHERS), at);
            scene.begin();
            ((), on_one_arena(&mut cell, machine.trials(), &mut scene, &trial))
        });
    }
    cell
}

fn on_one_arena<H: Hardening>(
    cell: &mut Cell,
    trials: u64,
    scene: &mut Scene<'_, '_, H>,
    trial: &impl Fn(&mut Scene<'_, '_, H>) -> Outcome,
) -> End {
    let per_arena = (trials / ARENAS).clamp(FEWEST_PER_ARENA, MOST_PER_ARENA);
    for _ in 0..per_arena.min(trials - cell.trials) {
        scene.next();
        let outcome = trial(scene);
        let promise = cell.row.promise(cell.column);
        if !promise.is_kept(outcome.found) {
            scene.broken(format_args!("promised is {promise}, and found was {:?}", outcome.found));
        }
        cell.count(outcome.found);
        if outcome.end == End::Abandoned {
            return End::Abandoned;
        }
    }
    scene.finish()
}

/// Tells cells apart: a digit for each letter of the row's name, and the column.
fn salt(cell: &Cell) -> u64 {
    cell.row.id.bytes().chain([cell.column as u8]).fold(0, |salt, byte| salt << 8 | u64::from(byte))
}
