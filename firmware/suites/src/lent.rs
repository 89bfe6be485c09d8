//! A task that handlers of interrupts do, lent to them for a while.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | a task is there as long as a handler does it | [`while_handling`], which takes it away and waits for the handlers that have it | – |

#![expect(unsafe_code, reason = "lends a task to handlers")]

use core::{
    hint, mem, ptr,
    sync::atomic::{AtomicPtr, AtomicU64, Ordering::SeqCst},
};

use framekeeper::Core;

use crate::Machine;

/// What handlers do.
type Task<'t> = dyn Fn(Core) + Sync + 't;

static TASK: AtomicPtr<&'static Task<'static>> = AtomicPtr::new(ptr::null_mut());
/// Handlers that have the task or are about to look for it.
static INSIDE: AtomicU64 = AtomicU64::new(0);
/// The cores that are in a handler, a bit each.
static HANDLING: AtomicU64 = AtomicU64::new(0);

/// Whether this core is in a handler just now.
pub(crate) fn is_handling(core: Core) -> bool {
    HANDLING.load(SeqCst) & bit(core) != 0
}

/// Of a machine's cores there are fewer than 64.
fn bit(core: Core) -> u64 {
    1_u64.checked_shl(u32::from(core.number())).unwrap_or(0)
}

/// Interrupts each core so many times a second, where it does `task`, while `work` is done.
pub(crate) fn while_handling<M: Machine>(
    machine: &M,
    hz: u64,
    task: &(dyn Fn(Core) + Sync),
    work: impl FnOnce(),
) {
    // SAFETY: only the lifetime changes; `End` takes the task away before this function ends, however that is.
    let lent: &'static Task<'static> = unsafe { mem::transmute::<&Task<'_>, &'static Task<'static>>(task) };
    let mut place = lent;
    // Sequentially consistent, as all others here: whoever comes inside after `End` looked finds no task.
    TASK.store(&raw mut place, SeqCst);
    let end = End(machine);
    machine.interrupt(hz, &Handler::<M>::ENTRY);
    work();
    drop(end);
}

/// Takes the task away from the handlers.
struct End<'m, M: Machine>(&'m M);

impl<M: Machine> Drop for End<'_, M> {
    fn drop(&mut self) {
        self.0.interrupt_no_more();
        TASK.store(ptr::null_mut(), SeqCst);
        while INSIDE.load(SeqCst) > 0 {
            hint::spin_loop();
        }
    }
}

/// A handler for a machine.
struct Handler<M>(core::marker::PhantomData<M>);

impl<M: Machine> Handler<M> {
    const ENTRY: fn() = handle::<M>;
}

fn handle<M: Machine>() {
    use framekeeper::CpuLocal;
    let Some(core) = M::here().cpu().pinned(|core| core) else { return };
    INSIDE.fetch_add(1, SeqCst);
    HANDLING.fetch_or(bit(core), SeqCst);
    // SAFETY: null, or the place of a task that is there until this handler is outside: see `End`.
    if let Some(task) = unsafe { TASK.load(SeqCst).as_ref() } {
        task(core);
    }
    HANDLING.fetch_and(!bit(core), SeqCst);
    INSIDE.fetch_sub(1, SeqCst);
}
