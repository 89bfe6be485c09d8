//! Interrupts on every core, whose handler takes and gives while the code that it interrupts does.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | an object that was kept has its size in its first word | `take_and_give`, before it is kept | the heap, which refuses what is no object of that size |

#![expect(unsafe_code, reason = "keeps objects between interrupts as addresses")]

use core::{
    ptr::{self, NonNull},
    sync::atomic::{AtomicPtr, AtomicU64, Ordering::SeqCst},
};

use framekeeper::{Core, Order, Owner, PhysAddr, slabs::Slabs};

use crate::{
    Machine,
    ground::leaving_no_trace,
    heap::layout,
    lent,
    mix::{Blocks, Objects, Place, held},
};

/// Interrupts that are waited for in a run with the default budget.
const INTERRUPTS: u64 = 2_000;
/// Interrupts a second, of all cores together. More of them, and an emulator with few processors comes to nothing else.
const RATE: u64 = 10_000;
/// Whose the blocks of core 0 are; those of the others follow.
const FIRST_OWNER: u8 = 140;

static ENOUGH: AtomicU64 = AtomicU64::new(0);
static HANDLED: AtomicU64 = AtomicU64::new(0);
static BLOCK: AtomicU64 = AtomicU64::new(0);
static OBJECT: AtomicPtr<usize> = AtomicPtr::new(ptr::null_mut());

/// Takes a block and an object, and gives back those that some interrupt before kept. Either may fail: the zone may be busy
/// below it.
fn take_and_give<M: Machine>(machine: &M) {
    let number = HANDLED.fetch_add(1, SeqCst);
    // Here and not by those that are interrupted: on a slow machine they may never come to it.
    if number >= ENOUGH.load(SeqCst) {
        machine.interrupt_no_more();
    }
    let order = Order::new((number % 10) as u8).unwrap_or_default();
    let block = machine.frames().alloc_frames(order).map_or(0, |block| block.0);
    give_block(machine, BLOCK.swap(block, SeqCst));
    let size = 8 + (number as usize).wrapping_mul(373) % 9_000;
    let object = machine.heap().alloc(layout(size, 8)).map_or(ptr::null_mut(), |object| {
        let object = object.cast::<usize>();
        // SAFETY: it was just handed out for 8 bytes or more, and nobody else knows of it.
        unsafe { object.write(size) };
        object.as_ptr()
    });
    give_object(machine, OBJECT.swap(object, SeqCst));
}

fn give_block<M: Machine>(machine: &M, block: u64) {
    if block != 0 {
        let given = machine.frames().free_frame(PhysAddr(block));
        assert!(given.is_ok(), "{given:?}");
    }
}

fn give_object<M: Machine>(machine: &M, object: *mut usize) {
    let Some(object) = NonNull::new(object) else { return };
    // SAFETY: it was kept with its size written, and whoever swapped it out is the only one who has it.
    let size = unsafe { object.read() };
    // SAFETY: as above; it was handed out for that size.
    let given = unsafe { machine.heap().free(object.cast(), layout(size, 8)) };
    assert_eq!(given, Ok(()));
}

/// Handlers on all cores take and give frames and objects while their cores do.
pub fn m16_r004_19_handlers_take_and_give_while_their_cores_do<M: Machine>(machine: &M) {
    leaving_no_trace(machine, || {
        ENOUGH.store(HANDLED.load(SeqCst) + machine.rounds(INTERRUPTS), SeqCst);
        let work = |core: Core| {
            let dice = machine.dice(700 + core.index() as u64);
            let owner = Owner::new(FIRST_OWNER + core.number());
            let mut blocks =
                Blocks::new(machine.frames(), machine.map(), owner, Place::Thread, dice.split(1));
            let mut objects = Objects::new(machine.heap(), core.number(), Place::Thread, dice);
            while HANDLED.load(SeqCst) < ENOUGH.load(SeqCst) {
                held(objects.step());
                held(blocks.step());
            }
            held(blocks.give_all());
            held(objects.give_all());
        };
        let rate = RATE / u64::from(machine.cores());
        // Behind it no handler is at work any more.
        lent::while_handling(machine, rate, &|_| take_and_give(machine), || machine.on_each(&work));
        give_block(machine, BLOCK.swap(0, SeqCst));
        give_object(machine, OBJECT.swap(ptr::null_mut(), SeqCst));
    });
    assert_eq!(machine.heap().slabs().map(Slabs::verify), Ok(Ok(())));
}
