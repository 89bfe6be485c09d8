//! One peer's turn at a workload, on one core of each kind or on several at once.
//!
//! On several cores each does the whole workload. They begin together; a figure is of all of them.

use alloc::{borrow::Cow, format, vec::Vec};
use core::{
    alloc::Layout,
    hint::{black_box, spin_loop},
    sync::atomic::{
        AtomicUsize,
        Ordering::{AcqRel, Acquire},
    },
};

use framekeeper::Core;
use spin::Mutex;
use wire::{Number, Unit};

use super::{
    Counter, Object, Stand, Subject, peers,
    stand::Kind,
    tally::{Tallies, Tally, Title},
};
use crate::Dice;

/// Operations, the same for every peer.
pub trait Workload {
    /// Does them.
    fn turn<S: Stand, A: Subject>(&self, turn: &Turn<'_, S>, subject: &A);
}

/// Where a turn takes place, and whose it is.
#[derive(Debug)]
pub struct Turn<'t, S> {
    pub(crate) stand: &'t S,
    pub(crate) peer: &'static str,
    /// On which cores.
    cores: &'t [Core],
    /// What stands behind a workload's name.
    suffix: &'t str,
}

/// One core in a turn.
#[derive(Debug)]
pub struct Worker<'w, S> {
    stand: &'w S,
    /// Which of the turn's cores it is, from 0.
    pub(crate) number: usize,
    is_alone: bool,
    tallies: Tallies,
}

/// What a workload takes, and so who has a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Memory of any size.
    Objects,
    /// Blocks of 2^n frames.
    Frames,
}

/// Everybody's turn on one core of each kind, and how many of these there are.
pub(crate) fn on_each_kind<S: Stand, W: Workload>(stand: &S, wanted: Wanted, workload: &W) {
    let all: Vec<_> = (0..stand.cores()).map(|core| stand.kind(Core::new(core))).collect();
    let mut kinds = all.clone();
    kinds.sort_unstable();
    kinds.dedup();
    for &kind in &kinds {
        let of_kind = || (0..).zip(&all).filter(|(_, other)| **other == kind);
        let Some((first, _)) = of_kind().next() else { continue };
        let name = format!("cores of kind {kind}");
        stand.report(&Number::Value { name: &name, unit: Unit::Count, value: of_kind().count() as u64 });
        let suffix = suffix(&kinds, kind);
        run(stand, &[Core::new(first)], &suffix, wanted, workload);
    }
}

/// Names are without the kind where there is only one: the same workload has the same name on most machines.
fn suffix(kinds: &[Kind], kind: Kind) -> Cow<'static, str> {
    if kinds.len() == 1 { Cow::Borrowed("") } else { Cow::Owned(format!(" on {kind}")) }
}

/// Everybody's turn on two, four and all cores, as far as they are there. A machine with one core says that this was not
/// measured.
pub(crate) fn on_many<S: Stand, W: Workload>(stand: &S, wanted: Wanted, workload: &W) {
    let all = stand.cores();
    let mut counts: Vec<_> = [2, 4, all].into_iter().filter(|count| (2..=all).contains(count)).collect();
    counts.sort_unstable();
    counts.dedup();
    if counts.is_empty() {
        stand.report(&Number::Value {
            name: "not measured: cores that it needs",
            unit: Unit::Count,
            value: 2,
        });
    }
    for count in counts {
        let cores: Vec<_> = (0..count).map(Core::new).collect();
        run(stand, &cores, "", wanted, workload);
    }
}

fn run<S: Stand, W: Workload>(stand: &S, cores: &[Core], suffix: &str, wanted: Wanted, workload: &W) {
    let turn = |peer| Turn { stand, peer, cores, suffix };
    match wanted {
        Wanted::Objects => peers::of_objects(turn, workload),
        Wanted::Frames => peers::of_frames(turn, workload),
    }
}

impl<S: Stand> Turn<'_, S> {
    /// On how many cores it takes place.
    pub(crate) const fn cores(&self) -> usize {
        self.cores.len()
    }

    /// Runs `work` on all of the turn's cores at once, and reports what they counted under this name.
    pub(crate) fn measure(&self, name: &str, work: impl Fn(&mut Worker<'_, S>) + Sync) {
        let (arrived, total) = (AtomicUsize::new(0), Mutex::new(Tallies::default()));
        self.stand.on_each(&|core| {
            let Some(number) = self.cores.iter().position(|&own| own == core) else { return };
            let mut worker = Worker::new(self.stand, number, self.cores.len());
            self.stand.counter().start();
            self.wait_for_all(&arrived);
            work(&mut worker);
            total.lock().merge(&worker.tallies);
        });
        let name = format!("{name}{}", self.suffix);
        let unit = self.stand.counter().unit();
        // Cores are numbered by a byte.
        let title = Title { workload: &name, peer: self.peer, cores: self.cores.len() as u32, unit };
        total.into_inner().report(self.stand, title);
    }

    fn wait_for_all(&self, arrived: &AtomicUsize) {
        // AcqRel and Acquire: nobody begins before everybody is ready.
        arrived.fetch_add(1, AcqRel);
        while arrived.load(Acquire) < self.cores.len() {
            spin_loop();
        }
    }
}

impl<'w, S: Stand> Worker<'w, S> {
    fn new(stand: &'w S, number: usize, of: usize) -> Self {
        Self { stand, number, is_alone: of == 1, tallies: Tallies::default() }
    }

    /// What it draws by lot.
    pub(crate) fn dice(&self, salt: u64) -> Dice {
        self.stand.dice(salt).split(self.number as u64)
    }

    /// Takes, measured. What it gets is written to.
    pub(crate) fn take<A: Subject>(&mut self, subject: &A, layout: Layout) -> Option<Object> {
        let (cost, object) = self.cost(|| Object::take(subject, black_box(layout)));
        let object = note(&mut self.tallies.alloc, cost, object)?;
        object.touch();
        Some(object)
    }

    /// Gives back, measured.
    pub(crate) fn give<A: Subject>(&mut self, subject: &A, object: Object) {
        let (cost, ()) = self.cost(|| object.give(subject));
        self.tallies.free.add(cost);
    }

    /// Takes and gives back at once, measured as one.
    pub(crate) fn pair<A: Subject>(&mut self, subject: &A, layout: Layout) {
        let (cost, was_there) = self.cost(|| {
            let object = Object::take(subject, black_box(layout))?;
            black_box(object).give(subject);
            Some(())
        });
        note(&mut self.tallies.pair, cost, was_there);
    }

    fn cost<R>(&self, work: impl FnOnce() -> R) -> (u64, R) {
        let counter = self.stand.counter();
        let measured = || {
            let before = counter.read();
            let result = work();
            (counter.between(before, counter.read()), result)
        };
        if self.is_alone { self.stand.undisturbed(measured) } else { measured() }
    }
}

/// What failed has no cost: it did not do what the others did.
fn note<R>(tally: &mut Tally, cost: u64, result: Option<R>) -> Option<R> {
    match result {
        Some(_) => tally.add(cost),
        None => tally.fail(),
    }
    result
}
