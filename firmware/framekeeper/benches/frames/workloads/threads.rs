//! F5: one core and two, each with its own frames: the hot pair on littered memory, and a mix of blocks of which each
//! core has a quarter of 1 GiB out.
//!
//! The time is per pair or call over those of all cores, from the first start to the last end. Scaling is the
//! throughput of two cores over that of one, of the same round. The stacks, which share nothing, say what the machine
//! itself has to give: two cores that are one, or busy elsewhere, scale nothing.

use crate::{
    cpu,
    memory::Memory,
    mix::{Draw, Mix, Sizes, draw},
    peer::{Peer, take_turns},
    subject::{Made, Subject, Workload},
    table::{Column, Table, Unit},
    workloads::{litter, repeat_pair},
};
use std::time::Duration;

const ROUNDS: usize = 21;
const PAIRS: usize = 400_000;
const CALLS: usize = 200_000;

const PAIR_COLUMNS: &[Column] =
    &[("pair, 1", Unit::NANOSECONDS), ("pair, 2", Unit::NANOSECONDS), ("scaling", Unit::TIMES)];
const MIX_COLUMNS: &[Column] =
    &[("mix, 1", Unit::NANOSECONDS), ("mix, 2", Unit::NANOSECONDS), ("mix scaling", Unit::TIMES)];

/// What a core does: prepare, then work that is timed.
trait Job: Sync {
    type Prepared;
    /// Pairs or calls.
    const COUNT: usize;

    fn prepare<S: Subject>(&self, made: &Made<'_, S>) -> Self::Prepared;
    fn work<S: Subject>(&self, subject: &S, prepared: Self::Prepared);
}

struct Pairs;

impl Job for Pairs {
    type Prepared = ();
    const COUNT: usize = PAIRS;

    fn prepare<S: Subject>(&self, made: &Made<'_, S>) {
        litter(made.subject);
        repeat_pair(made.subject, PAIRS / 100);
    }

    fn work<S: Subject>(&self, subject: &S, (): ()) {
        repeat_pair(subject, PAIRS);
    }
}

struct Mixes {
    /// One list for each core.
    draws: [Vec<Draw>; cpu::CORES],
}

impl Job for Mixes {
    type Prepared = Mix;
    const COUNT: usize = CALLS;

    fn prepare<S: Subject>(&self, made: &Made<'_, S>) -> Mix {
        let mut mix = Mix::new(made.frames(), 25);
        mix.fill(made.subject, self.own());
        mix
    }

    fn work<S: Subject>(&self, subject: &S, mut mix: Mix) {
        self.own().iter().for_each(|&draw| mix.step(subject, draw));
    }
}

impl Mixes {
    fn own(&self) -> &[Draw] {
        &self.draws[cpu::current()]
    }
}

struct Scaling<J>(J);

impl<J: Job> Workload for Scaling<J> {
    fn measure<S: Subject>(&self, made: &Made<'_, S>) -> Vec<f64> {
        let one = on_cores(1, made, &self.0).as_nanos() as f64 / J::COUNT as f64;
        let two = on_cores(2, made, &self.0).as_nanos() as f64 / (2 * J::COUNT) as f64;
        vec![one, two, one / two]
    }
}

fn on_cores<S: Subject, J: Job>(cores: usize, made: &Made<'_, S>, job: &J) -> Duration {
    cpu::time_on(cores, || job.prepare(made), |prepared| job.work(made.subject, prepared))
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let title = "one core and two, per pair or call over those of all; throughput of two over one";
    let draws = [50, 51].map(|stream| draw(Sizes::Even, stream, CALLS));
    let mixes = take_turns(memory, Peer::FOR_BLOCKS, ROUNDS, &Scaling(Mixes { draws }));
    let mixes = Table::of("F5", title, MIX_COLUMNS, &mixes);
    let pairs = take_turns(memory, Peer::FOR_FRAMES, ROUNDS, &Scaling(Pairs));
    Table::of("F5", title, PAIR_COLUMNS, &pairs).beside(mixes)
}
