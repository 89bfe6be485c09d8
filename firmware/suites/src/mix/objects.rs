//! A worker that takes, changes and gives memory of a heap.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only memory that the worker holds is read, written and given back | `held`, out of which it is taken first | the tags |

#![expect(unsafe_code, reason = "uses memory that the heap handed out, and gives it back")]

use alloc::vec::Vec;
use core::{alloc::Layout, ptr::NonNull};

use framekeeper::{
    AllocError, CpuLocal,
    heap::{Heap, HeapError, ReallocError},
    slabs::{DirectMap, Hardening, MAX_SIZE},
};

use super::{Broken, Place, Refusals};
use crate::{
    Dice,
    tags::{self, Tag},
};

/// The most objects that a worker has.
const ROOM: usize = 1024;
/// The most bytes that are looked at of what was moved, or was to be zero.
const LOOKED_AT: usize = 512;

#[derive(Clone, Copy, Debug)]
struct Object {
    start: NonNull<u8>,
    layout: Layout,
    tag: Tag,
}

// SAFETY: memory that only the worker has.
unsafe impl Send for Object {}

/// The worker.
#[derive(Debug)]
pub struct Objects<'h, 'a, C, M, H> {
    heap: &'h Heap<'a, C, M, H>,
    me: u8,
    place: Place,
    refusals: Refusals,
    dice: Dice,
    held: Vec<Object>,
    taken: u64,
    steps: u64,
}

impl<'h, 'a, C: CpuLocal, M: DirectMap, H: Hardening> Objects<'h, 'a, C, M, H> {
    /// One that has nothing yet.
    pub fn new(heap: &'h Heap<'a, C, M, H>, me: u8, place: Place, dice: Dice) -> Self {
        let held = Vec::with_capacity(ROOM);
        Self { heap, me, place, refusals: Refusals::None, dice, held, taken: 0, steps: 0 }
    }

    /// The same one, which takes these refusals as it takes a shortage.
    #[must_use]
    pub fn refused(self, refusals: Refusals) -> Self {
        Self { refusals, ..self }
    }

    /// One operation.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn step(&mut self) -> Result<(), Broken> {
        self.steps += 1;
        if self.held.len() >= ROOM {
            return self.give_any();
        }
        match self.dice.below(16) {
            0..=6 => self.take(),
            7 => self.take_zeroed(),
            8 | 9 => self.change_any(),
            _ => self.give_any(),
        }
    }

    /// Takes large objects until memory is out.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn use_up(&mut self) -> Result<(), Broken> {
        let layout = Layout::from_size_align(MAX_SIZE, 8).unwrap_or(Layout::new::<u64>());
        loop {
            match self.heap.alloc(layout) {
                Ok(start) => self.took(start, layout)?,
                Err(error) => return self.unless_short(error),
            }
        }
    }

    /// Gives back all that it has.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn give_all(&mut self) -> Result<(), Broken> {
        while let Some(object) = self.held.pop() {
            self.give(object)?;
        }
        super::something_was_handed_out(self.refusals, self.steps, self.taken)
    }

    /// Mostly small, sometimes a block; of any alignment up to a frame's.
    fn layout(&mut self) -> Layout {
        let size = match self.dice.below(32) {
            0 => self.dice.below(8),
            1 => 8192 + self.dice.below(100_000),
            2..=7 => 8 + self.dice.below(8185),
            _ => 8 + self.dice.below(250),
        };
        let align = if self.dice.one_in(8) { 1 << self.dice.below(13) } else { 8 };
        Layout::from_size_align(size as usize, align).unwrap_or(Layout::new::<u64>())
    }

    fn take(&mut self) -> Result<(), Broken> {
        let layout = self.layout();
        match self.heap.alloc(layout) {
            Ok(start) => self.took(start, layout),
            Err(error) => self.unless_short(error),
        }
    }

    fn take_zeroed(&mut self) -> Result<(), Broken> {
        let layout = self.layout();
        match self.heap.alloc_zeroed(layout) {
            Ok(start) => {
                let bytes = bytes(start, layout.size().min(LOOKED_AT));
                if let Some(offset) = bytes.iter().position(|&byte| byte != 0) {
                    return Err(Broken::NotZero { address: start.as_ptr().addr() + offset });
                }
                self.took(start, layout)
            }
            Err(error) => self.unless_short(error),
        }
    }

    fn unless_short(&self, error: HeapError) -> Result<(), Broken> {
        match error {
            HeapError::NoMemory(AllocError::OutOfMemory(_)) => Ok(()),
            HeapError::NoMemory(AllocError::Busy) if self.place == Place::Handler => Ok(()),
            HeapError::NoMemory(AllocError::Refused(asked)) if self.refusals.include(&asked) => Ok(()),
            error => Err(Broken::NoObject(error)),
        }
    }

    fn took(&mut self, start: NonNull<u8>, layout: Layout) -> Result<(), Broken> {
        let address = start.as_ptr().addr();
        if !address.is_multiple_of(layout.align()) {
            return Err(Broken::Misaligned { layout, address });
        }
        let object = Object { start, layout, tag: Tag::of(self.me, self.taken) };
        if has_tags(layout) {
            tags::tag(start, layout.size(), object.tag)?;
        }
        self.held.push(object);
        self.taken += 1;
        Ok(())
    }

    /// Makes an object larger or smaller; what was in it must still be there.
    fn change_any(&mut self) -> Result<(), Broken> {
        let Some(Object { start, layout, tag }) = self.any() else { return Ok(()) };
        let size = self.layout().size();
        if has_tags(layout) {
            tags::untag(start, layout.size(), tag)?;
        }
        let kept = layout.size().min(size).min(LOOKED_AT);
        let first = self.dice.next();
        bytes_mut(start, kept).iter_mut().zip(pattern(first)).for_each(|(byte, value)| *byte = value);
        // SAFETY: it was handed out for that layout, and nobody else uses it.
        let (moved, size) = match unsafe { self.heap.realloc(start, layout, size) } {
            Ok(moved) => (moved, size),
            Err(ReallocError::NoMemory(error)) => {
                self.unless_short(error)?;
                (start, layout.size())
            }
            Err(error) => return Err(Broken::NotChanged(error)),
        };
        if let Some(offset) =
            bytes(moved, kept).iter().zip(pattern(first)).position(|(&byte, value)| byte != value)
        {
            return Err(Broken::NotMoved { layout, size, offset });
        }
        // The pattern could be somebody's tag.
        bytes_mut(moved, kept).fill(0);
        self.took(moved, Layout::from_size_align(size, layout.align()).unwrap_or(layout))
    }

    fn give_any(&mut self) -> Result<(), Broken> {
        self.any().map_or(Ok(()), |object| self.give(object))
    }

    fn any(&mut self) -> Option<Object> {
        let count = self.held.len();
        (count > 0).then(|| self.held.swap_remove(self.dice.place(count)))
    }

    fn give(&mut self, object: Object) -> Result<(), Broken> {
        let Object { start, layout, tag } = object;
        if has_tags(layout) {
            tags::untag(start, layout.size(), tag)?;
        }
        // SAFETY: it was handed out for that layout, and nobody uses it any more.
        unsafe { self.heap.free(start, layout) }.map_err(Broken::Refused)
    }
}

/// Whether there is room for a tag, where a word is aligned.
fn has_tags(layout: Layout) -> bool {
    layout.size() >= 8 && layout.align() >= 8
}

/// Bytes that follow from a number.
fn pattern(first: u64) -> impl Iterator<Item = u8> {
    (0_u64..).map(move |offset| first.wrapping_add(offset.wrapping_mul(0x9e37_79b9)).to_le_bytes()[2])
}

/// Memory that the worker holds.
fn bytes<'m>(start: NonNull<u8>, count: usize) -> &'m [u8] {
    bytes_mut(start, count)
}

fn bytes_mut<'m>(start: NonNull<u8>, count: usize) -> &'m mut [u8] {
    // SAFETY: the callers hold it, it has so many bytes, which were written or are zero, and no other reference is made.
    unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), count) }
}
