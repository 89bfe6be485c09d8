//! A model that is too simple to be wrong: a list of the objects that are out, each full of bytes of its own.

use crate::machine::{Object, Objects, away, cores::on_core, free};
use framekeeper::slabs::{Class, Hardening, Level, Misuse, ObjectError};
use std::{alloc::Layout, ptr::NonNull};

/// An operation. `Debug` prints it as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// From here on by this core.
    By(u8),
    /// Takes an object of a size and an alignment.
    Take(usize, usize),
    /// Gives back one of those that are out, by number.
    Give(usize),
    /// Gives back again what was given back, the last one first, if nobody has it.
    Again(usize),
    /// Gives back an address so many bytes inside one of those that are out.
    Inside(usize, usize),
    /// Gives back one of those that are out, with a size that is in another class.
    WrongSize(usize),
    /// Gives back what lies so many bytes away from all memory.
    Nowhere(isize),
    Shrink,
    Verify,
}

/// What is out, and what was.
#[derive(Debug, Default)]
pub(crate) struct Model {
    out: Vec<Object>,
    /// What was given back, from the last one on not out.
    back: Vec<(NonNull<u8>, Layout)>,
    number: u8,
    /// How many objects could not be had, and how many calls were refused.
    pub(crate) failed: u64,
    pub(crate) refused: u64,
}

/// What went wrong.
pub(crate) type Disagreement = String;

fn ensure(condition: bool, said: impl FnOnce() -> String) -> Result<(), Disagreement> {
    if condition { Ok(()) } else { Err(said()) }
}

impl Model {
    /// Does an operation to the slabs and to the model.
    pub(crate) fn step<H: Hardening>(&mut self, slabs: &Objects<'_, H>, op: Op) -> Result<(), Disagreement> {
        match op {
            Op::By(core) => on_core(core),
            Op::Take(size, align) => self.take(slabs, Layout::from_size_align(size, align).unwrap())?,
            Op::Give(number) if !self.out.is_empty() => self.give(slabs, number)?,
            Op::Again(number) if H::LEVEL > Level::Off && !self.back.is_empty() => {
                let (object, layout) = self.back[self.back.len() - 1 - number % self.back.len()];
                self.refused(free(slabs, object, layout))?;
            }
            Op::Inside(number, bytes) if H::LEVEL > Level::Off && !self.out.is_empty() => {
                let Object { start, layout, .. } = self.out[number % self.out.len()];
                let inside = away(start, 1 + (bytes % (layout.size().max(2) - 1)) as isize);
                self.refused(free(slabs, inside, layout))?;
            }
            Op::WrongSize(number) if !self.out.is_empty() => {
                let Object { start, layout, .. } = self.out[number % self.out.len()];
                let size = Objects::<H>::class_of(layout).map_or(0, Class::size);
                let wrong = if size < 8000 { size + 1 } else { 1 };
                self.refused(free(slabs, start, Layout::from_size_align(wrong, 1).unwrap()))?;
            }
            Op::Nowhere(bytes) => {
                // What is null nobody can give back.
                let nowhere = NonNull::<u8>::dangling().as_ptr().wrapping_offset(bytes);
                if let Some(nowhere) = NonNull::new(nowhere) {
                    self.refused(free(slabs, nowhere, Layout::new::<u64>()))?;
                }
            }
            Op::Shrink => ensure(slabs.shrink(), || "not all cores were held".into())?,
            Op::Verify => self.agree(slabs)?,
            _ => {}
        }
        Ok(())
    }

    /// What the slabs say of themselves is what the model says.
    pub(crate) fn agree<H: Hardening>(&self, slabs: &Objects<'_, H>) -> Result<(), Disagreement> {
        slabs.verify().map_err(|fault| fault.to_string())?;
        let (allocated, out) = (slabs.report().allocated(), self.out.len() as u64);
        ensure(allocated == out, || format!("{allocated} allocated, {out} out"))?;
        ensure(slabs.reports() == 0, || format!("{} reports", slabs.reports()))
    }

    /// Gives back all that is out; then the slabs must agree.
    pub(crate) fn finish<H: Hardening>(&mut self, slabs: &Objects<'_, H>) -> Result<(), Disagreement> {
        self.give_all(slabs)?;
        self.agree(slabs)
    }

    /// Gives back all that is out.
    pub(crate) fn give_all<H: Hardening>(&mut self, slabs: &Objects<'_, H>) -> Result<(), Disagreement> {
        while !self.out.is_empty() {
            self.give(slabs, 0)?;
        }
        Ok(())
    }

    fn take<H: Hardening>(&mut self, slabs: &Objects<'_, H>, layout: Layout) -> Result<(), Disagreement> {
        match slabs.alloc(layout) {
            Ok(start) => {
                let (from, to) = (start.as_ptr().addr(), start.as_ptr().addr() + layout.size().max(1));
                let overlaps = |object: &&Object| {
                    let start = object.start.as_ptr().addr();
                    from < start + object.layout.size().max(1) && start < to
                };
                if let Some(object) = self.out.iter().find(overlaps) {
                    return Err(format!("{start:?} overlaps {object:?}"));
                }
                self.number = self.number.wrapping_add(1);
                self.back.retain(|&(object, _)| !(from..to).contains(&object.as_ptr().addr()));
                self.out.push(Object::new(start, layout, self.number));
            }
            Err(ObjectError::NoMemory(_)) => self.failed += 1,
            Err(other) => return Err(other.to_string()),
        }
        Ok(())
    }

    fn give<H: Hardening>(&mut self, slabs: &Objects<'_, H>, number: usize) -> Result<(), Disagreement> {
        let object = self.out.swap_remove(number % self.out.len());
        ensure(object.is_intact(), || format!("somebody wrote into {object:?}"))?;
        self.back.push((object.start, object.layout));
        free(slabs, object.start, object.layout).map_err(|misuse| misuse.to_string())
    }

    fn refused(&mut self, result: Result<(), Misuse>) -> Result<(), Disagreement> {
        self.refused += 1;
        ensure(result.is_err(), || "misuse was not refused".into())
    }
}
