//! The heap: what `alloc`'s collections have their memory from, on all cores and in handlers.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | memory that the frame allocator hands out is mapped in one piece, and only there | the direct map has all free RAM | `heap` in the suite |
//! | no memory of before a restart is used after it | the heap is a static, and begins anew as these do | – |

#![expect(unsafe_code, reason = "says where RAM is mapped")]

use core::ptr::NonNull;

use framekeeper::{
    Owner, PhysAddr,
    heap::Heap,
    slabs::{DirectMap, Magazines, Misuse, Pools, Setup},
};
use machine::MAX_CORES;

use crate::{
    boot, clock,
    frames::{ThisMachine, frames},
    layout,
};

/// Whose slabs are, and their descriptors.
pub const SLABS: Owner = Owner::new(3);
/// Whose larger blocks are.
pub const BLOCKS: Owner = Owner::new(4);

#[global_allocator]
static HEAP: Heap<'static, ThisMachine, Ram> = Heap::new();
static POOLS: Pools = Pools::new();
static MAGAZINES: [Magazines; MAX_CORES] = [const { Magazines::new() }; MAX_CORES];

/// The heap.
#[must_use]
pub fn heap() -> &'static Heap<'static, ThisMachine, Ram> {
    &HEAP
}

/// RAM, as the direct map has it.
#[derive(Clone, Copy, Debug)]
pub struct Ram;

// SAFETY: the direct map has all free RAM, moved by a constant that is a multiple of every alignment; nothing else in
// the lower or the upper half is free RAM, so that no other address leads to any.
unsafe impl DirectMap for Ram {
    #[inline]
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        // An address is below the direct map's: this is the sum, of which the compiler sees that it is not zero.
        let mapped = core::ptr::with_exposed_provenance_mut((layout::DIRECT_MAP | address.0) as usize);
        NonNull::new(mapped).unwrap_or(NonNull::dangling())
    }

    #[inline]
    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        // Wrapping: what lies below the direct map becomes far more than there is RAM.
        PhysAddr((pointer.as_ptr().addr() as u64).wrapping_sub(layout::DIRECT_MAP))
    }
}

/// Gives the heap its memory. Called once, with the final tables in use.
///
/// # Panics
///
/// It was called before.
pub(crate) fn start() {
    let cores = boot::machine().core_count();
    let magazines = MAGAZINES.get(..cores).unwrap_or(&MAGAZINES);
    let setup = Setup {
        memory: Ram,
        pools: &POOLS,
        magazines,
        owner: SLABS,
        secret: secret(),
        hook: Some(tell),
        sites: None,
    };
    if let Err(error) = HEAP.init(frames(), setup, BLOCKS) {
        panic!("the heap: {error}");
    }
}

/// A number that is hard to guess, and no more: of what the boot loader drew, if it drew anything, and of the time. Who
/// can read the boot loader's mind, or count on a machine that always boots alike, knows it.
fn secret() -> u64 {
    // Wrapping: a hash, not a quantity (the finalizer of splitmix64).
    let mixed = boot::machine().entropy ^ clock::now().rotate_left(32);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Says what is wrong with what was given back.
fn tell(misuse: Misuse) {
    defmt::error!("heap: {}", defmt::Display2Format(&misuse));
}
