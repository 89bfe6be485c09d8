//! S6: how much memory objects take: those of S2 at their worst, and a million of 64 bytes.
//!
//! *held* is what was taken from below, for each byte that was asked for and is out. *pinned* counts the frames in which
//! something is that is out: it needs nobody's word, and shows what those take that have nothing below. *left* is still
//! held when nothing is out and the allocator was asked to give back what it can.

use crate::{
    arena::FRAME,
    churn::{Churn, Draws},
    figure::Reading,
    memory::Memory,
    object::{Object, Objects, Workload},
    peer::{Peer, take_turns},
    stopwatch::{FAILED, NONE, mark, time},
    table::{Column, Table, Unit},
    workloads::give_all,
};
use std::{collections::HashSet, time::Duration};

const PAIRS: usize = 100_000;
/// Replacements between two looks.
const BETWEEN_LOOKS: usize = 1000;
const OBJECTS: usize = 1_000_000;
const SIZE: u32 = 64;
const BUDGET: Duration = Duration::from_secs(1);

const COLUMNS: &[Column] = &[
    ("S2: held", Unit::BYTES_PER_BYTE),
    ("pinned", Unit::BYTES_PER_BYTE),
    ("left", Unit::KIBIBYTES),
    ("64 B: held", Unit::BYTES_PER_BYTE),
    ("64 B: pinned", Unit::BYTES_PER_BYTE),
    ("64 B: left", Unit::KIBIBYTES),
];

struct Mixed(Draws);

impl Workload for Mixed {
    type Reading = Reading;

    fn measure<S: Objects>(&self, subject: &S) -> Vec<Reading> {
        let mut churn = Churn::warmed_up(subject, &self.0);
        let mut worst = held(subject, churn.objects());
        let mut done = 0;
        for draws in self.0.measured.chunks(BETWEEN_LOOKS) {
            let timed = churn.replace(subject, draws);
            worst = worse(worst, held(subject, churn.objects()));
            done += timed.done;
            if timed.done < draws.len() {
                break;
            }
        }
        let pinned = pinned(churn.objects());
        let mark = mark(done, PAIRS);
        churn.end(subject);
        vec![marked(worst, mark), marked(pinned, mark), left(subject)]
    }
}

struct Million;

impl Workload for Million {
    type Reading = Reading;

    fn measure<S: Objects>(&self, subject: &S) -> Vec<Reading> {
        let mut objects = Vec::with_capacity(OBJECTS);
        let timed = time(OBJECTS, BUDGET, |_| {
            objects.push(Object::take(subject, SIZE)?);
            Some(())
        });
        if timed.reading.value.is_nan() {
            return vec![FAILED; 3];
        }
        let mark = timed.reading.mark;
        let (held, pinned) = (held(subject, objects.iter()), pinned(objects.iter()));
        give_all(subject, objects);
        vec![marked(held, mark), marked(pinned, mark), left(subject)]
    }
}

fn held<'a, S: Objects>(subject: &S, out: impl Iterator<Item = &'a Object>) -> Reading {
    subject.held().map_or(NONE, |held| (held as f64 / bytes(out) as f64).into())
}

/// Where there is a number.
const fn marked(reading: Reading, mark: &'static str) -> Reading {
    if reading.value.is_nan() { reading } else { Reading { mark, ..reading } }
}

fn worse(a: Reading, b: Reading) -> Reading {
    if b.value > a.value { b } else { a }
}

fn pinned<'a>(out: impl Iterator<Item = &'a Object> + Clone) -> Reading {
    let frames = |object: &Object| {
        let (start, end) = object.bounds();
        start / FRAME as usize..end.div_ceil(FRAME as usize)
    };
    let frames: HashSet<usize> = out.clone().flat_map(frames).collect();
    (frames.len() as f64 * FRAME as f64 / bytes(out) as f64).into()
}

fn left<S: Objects>(subject: &S) -> Reading {
    subject.shrink();
    subject.held().map_or(NONE, |held| (held as f64 / 1024.0).into())
}

fn bytes<'a>(out: impl Iterator<Item = &'a Object>) -> usize {
    out.map(|object| object.bounds().1 - object.bounds().0).sum()
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let title = "memory for each byte that is out, at S2's worst and for a million objects of 64 bytes";
    let (mixed, million) = COLUMNS.split_at(3);
    let replaced = take_turns(memory, Peer::ALLOCATORS, 1, &Mixed(Draws::new(2, PAIRS)));
    let taken = take_turns(memory, Peer::ALLOCATORS, 1, &Million);
    Table::of("S6", title, mixed, &replaced).beside(Table::of("S6", title, million, &taken))
}
