//! Calls for memory of a heap: of slabs, of blocks, and changed from one to the other.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only memory that the heap handed out, and nobody else has, is read, written and given back | `Piece`, of which there is one for each call that was met | the heap, which refuses all else |

#![expect(unsafe_code, reason = "uses memory that a heap handed out")]

use core::{ptr::NonNull, slice};

use alloc::vec::Vec;

use framekeeper::{
    FRAME_SIZE,
    heap::{HeapError, ReallocError},
    slabs::{Hardening, Paranoid, Standard},
};

use super::{Ground, Outcome, Path, refused};
use crate::{Machine, Number, Unit, heap::layout};

const FRAME: usize = FRAME_SIZE as usize;
/// What stands in memory that is changed.
const FILL: u8 = 0x5a;

/// Memory of a heap.
#[derive(Debug)]
struct Piece {
    start: NonNull<u8>,
    size: usize,
}

impl Piece {
    fn of<H: Hardening>(arena: &Ground<'_, '_, H>, size: usize) -> Result<Self, HeapError> {
        arena.heap.alloc(layout(size, 8)).map(|start| Self { start, size })
    }

    fn zeroed<H: Hardening>(arena: &Ground<'_, '_, H>, size: usize) -> Result<Self, HeapError> {
        arena.heap.alloc_zeroed(layout(size, 8)).map(|start| Self { start, size })
    }

    fn filled<H: Hardening>(arena: &Ground<'_, '_, H>, size: usize) -> Self {
        match Self::of(arena, size) {
            Ok(piece) => {
                // SAFETY: just handed out for that size, and nobody else knows of it.
                unsafe { piece.start.write_bytes(FILL, size) };
                piece
            }
            Err(error) => panic!("nothing is refused yet: {error}"),
        }
    }

    /// The first bytes.
    fn bytes(&self, count: usize) -> &[u8] {
        // SAFETY: this one's own, written by whoever made it, or zero.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), count) }
    }

    fn change<H: Hardening>(&mut self, arena: &Ground<'_, '_, H>, size: usize) -> Result<(), ReallocError> {
        // SAFETY: the heap's, of that layout, and nobody else's.
        self.start = unsafe { arena.heap.realloc(self.start, layout(self.size, 8), size) }?;
        self.size = size;
        Ok(())
    }

    fn give<H: Hardening>(self, arena: &Ground<'_, '_, H>) {
        // SAFETY: the heap's, of that layout, and nobody uses it any more.
        assert_eq!(unsafe { arena.heap.free(self.start, layout(self.size, 8)) }, Ok(()));
    }
}

fn give_all<H: Hardening>(arena: &Ground<'_, '_, H>, pieces: Vec<Piece>) {
    pieces.into_iter().for_each(|piece| piece.give(arena));
}

fn no_memory(error: HeapError) -> Option<framekeeper::Asked> {
    match error {
        HeapError::NoMemory(error) => refused(error),
        error => panic!("not refused: {error}"),
    }
}

/// Takes so many pieces, or none.
fn take<H: Hardening>(arena: &Ground<'_, '_, H>, size: usize, count: usize) -> Result<Vec<Piece>, HeapError> {
    let mut pieces = Vec::with_capacity(count);
    for _ in 0..count {
        match Piece::of(arena, size) {
            Ok(piece) => pieces.push(piece),
            Err(error) => {
                give_all(arena, pieces);
                return Err(error);
            }
        }
    }
    Ok(pieces)
}

/// One call for memory of each kind.
fn pieces<M: Machine, H: Hardening>(machine: &M) -> u64 {
    let mut requests = 0;
    // A slab and its descriptor, or a block.
    for (size, least) in [(1, 1), (64, 2), (8000, 2), (9000, 1), (100 * FRAME, 1), (512 * FRAME, 1)] {
        let one = |arena: &Ground<'_, '_, H>, pieces: &mut Vec<Piece>| -> Outcome {
            pieces.push(Piece::of(arena, size).map_err(no_memory)?);
            Ok(())
        };
        requests += Path::one("a piece", least).attack(machine, |_| Vec::new(), one, give_all);
        let zeroed = |arena: &Ground<'_, '_, H>, pieces: &mut Vec<Piece>| -> Outcome {
            let piece = Piece::zeroed(arena, size).map_err(no_memory)?;
            assert!(piece.bytes(size).iter().all(|&byte| byte == 0));
            pieces.push(piece);
            Ok(())
        };
        requests += Path::one("a piece of zeros", least).attack(machine, |_| Vec::new(), zeroed, give_all);
    }
    requests
}

/// Memory of a slab and of a block.
pub fn a1_each_request_of_a_heap_is_refused_once<M: Machine>(machine: &M) {
    let value = pieces::<M, Standard>(machine) + pieces::<M, Paranoid>(machine);
    machine.report(&Number::Value { name: "requests of heaps, each refused", unit: Unit::Operations, value });
}

/// A heap grows slab by slab, and through its depot: some objects lie there before.
pub fn a1_each_request_of_a_heap_that_grows_is_refused_once<M: Machine>(machine: &M) {
    let mut value = 0;
    for (size, count, least) in [(8192, 60, 3), (2048, 300, 3), (64, 12_000, 3)] {
        let prepare = |arena: &Ground<'_, '_, Standard>| {
            match take(arena, size, count / 4) {
                Ok(pieces) => give_all(arena, pieces),
                Err(error) => panic!("nothing is refused yet: {error}"),
            }
            Vec::new()
        };
        let grow = |arena: &Ground<'_, '_, Standard>, pieces: &mut Vec<Piece>| -> Outcome {
            pieces.extend(take(arena, size, count).map_err(no_memory)?);
            Ok(())
        };
        value += Path::many("a heap that grows", least).attack(machine, prepare, grow, give_all);
    }
    machine.report(&Number::Value {
        name: "requests of growth, each refused",
        unit: Unit::Operations,
        value,
    });
}

/// Memory that becomes larger or smaller: where it is, from slab to slab, and between slabs and blocks. Its bytes stay.
pub fn a1_each_request_of_memory_that_changes_is_refused_once<M: Machine>(machine: &M) {
    let changes = [
        (10, 8000, 1),
        (8000, 9000, 1),
        (9000, 3, 2),
        (3 * FRAME, 4 * FRAME, 1),
        (4 * FRAME, 5 * FRAME, 1),
        (5 * FRAME, 700 * FRAME, 1),
    ];
    let mut value = 0;
    for (from, to, least) in changes {
        let prepare = |arena: &Ground<'_, '_, Standard>| Piece::filled(arena, from);
        let change = |arena: &Ground<'_, '_, Standard>, piece: &mut Piece| {
            let result = piece.change(arena, to);
            assert!(piece.bytes(from.min(to)).iter().all(|&byte| byte == FILL), "{from} to {to}: {result:?}");
            match result {
                Ok(()) => Ok(()),
                Err(ReallocError::NoMemory(error)) => Err(no_memory(error)),
                Err(error) => panic!("not refused: {error}"),
            }
        };
        let path = Path::one("memory that changes", least);
        value += path.attack(machine, prepare, change, |arena, piece| piece.give(arena));
    }
    machine.report(&Number::Value {
        name: "requests of changes, each refused",
        unit: Unit::Operations,
        value,
    });
}
