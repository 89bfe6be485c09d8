//! Interrupts: the GICv3, and what each interrupt means.
//!
//! Every core has a timer tick. Core 0's looks at the link, so that the host hears of a test that runs long and can
//! ask what it does. Four software-generated interrupts let a core wake, park, question or hold another.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | one driver for the controller | [`GIC`], filled once per start | – |
//! | interrupts are unmasked only when vectors, stacks and the driver are there | the order in `boot::run` and `cores::enter` | – |

#![expect(unsafe_code, reason = "gives the driver the controller's registers, and masks interrupts")]

use core::{
    arch::asm,
    ptr::NonNull,
    sync::atomic::{
        AtomicPtr,
        Ordering::{Acquire, Release},
    },
};

use aarch64_cpu::registers::{DAIF, Readable};
use arm_gic::{
    IntId, InterruptGroup, UniqueMmioPointer,
    gicv3::{GicCpuInterface, GicV3, SgiTarget, SgiTargetGroup, registers::Gicd},
};
use spin::Mutex;

use crate::{
    boot, clock,
    cores::{self, CoreId},
    crash,
    exceptions::Frame,
    layout, link, screen,
};

const WAKE: IntId = IntId::sgi(0);
const PARK: IntId = IntId::sgi(1);
const REPORT: IntId = IntId::sgi(2);
const HOLD: IntId = IntId::sgi(3);

static GIC: Mutex<Option<GicV3<'static>>> = Mutex::new(None);

/// Sets the controller up, and the boot core's part of it.
pub(crate) fn start() {
    let machine = boot::machine();
    let device =
        |start: u64| core::ptr::with_exposed_provenance_mut::<u8>((layout::DEVICES + start) as usize);
    let distributor = NonNull::new(device(machine.gic.distributor.start().0).cast::<Gicd>());
    let redistributors = NonNull::new(device(machine.gic.redistributors.start().0).cast());
    let (Some(distributor), Some(redistributors)) = (distributor, redistributors) else {
        unreachable!("devices are mapped in the upper half")
    };
    // SAFETY: the device tree names these registers, they are mapped as device memory, and nothing else uses them.
    let distributor = unsafe { UniqueMmioPointer::new(distributor) };
    // SAFETY: as above.
    let gic = unsafe { GicV3::new(distributor, redistributors, machine.core_count()) };
    match gic {
        Ok(mut gic) => {
            let index = redistributor(&mut gic);
            gic.setup(index);
            *GIC.lock() = Some(gic);
        }
        Err(error) => panic!("the interrupt controller cannot be used: {error}"),
    }
    start_own_part();
}

/// Sets up the part of the controller that belongs to the core this runs on.
pub(crate) fn start_secondary() {
    if let Some(gic) = GIC.lock().as_mut() {
        let index = redistributor(gic);
        gic.init_cpu(index);
    }
    GicCpuInterface::enable_group1(true);
    start_own_part();
}

fn start_own_part() {
    if let Some(gic) = GIC.lock().as_mut() {
        let index = redistributor(gic);
        forget_pending(index);
        let timer = timer();
        for interrupt in [WAKE, PARK, REPORT, HOLD, timer] {
            // The tick goes first: where all cores hold each other without end, the host still hears of core 0.
            let priority = if interrupt == timer { 0x70 } else { 0x80 };
            let result = gic
                .set_interrupt_priority(interrupt, Some(index), priority)
                .and_then(|()| gic.enable_interrupt(interrupt, Some(index), true));
            if let Err(error) = result {
                panic!("interrupt {interrupt:?} cannot be enabled: {error}");
            }
        }
    }
    GicCpuInterface::set_priority_mask(0xff);
    clock::arm_tick();
}

/// The virtual timer's interrupt.
fn timer() -> IntId {
    IntId::ppi(boot::machine().timer.interrupt)
}

/// Drops software-generated interrupts that were meant for this core's life before: a late request to park would
/// park it again. The driver has no call for it.
fn forget_pending(redistributor: usize) {
    /// From one redistributor to the next, to its second frame, and to GICR_ICPENDR0 there (GIC architecture §12.11).
    const STRIDE: u64 = 0x2_0000;
    const CLEAR_PENDING: u64 = 0x1_0000 + 0x280;
    let start = layout::DEVICES + boot::machine().gic.redistributors.start().0;
    let register = start + redistributor as u64 * STRIDE + CLEAR_PENDING;
    let register = core::ptr::with_exposed_provenance_mut::<u32>(register as usize);
    // SAFETY: this core's own register, mapped as device memory; the driver's lock is held.
    unsafe { register.write_volatile(0xffff) };
}

/// The redistributor of the core this runs on: the one with its affinity.
fn redistributor(gic: &mut GicV3<'_>) -> usize {
    let affinity = cores::current_affinity();
    let has_affinity =
        |index: &usize| gic.gicr_typer(*index).is_ok_and(|typer| typer.core_mpidr() == affinity);
    match (0..boot::machine().core_count()).find(has_affinity) {
        Some(index) => index,
        None => panic!("no redistributor belongs to the core with affinity {affinity:#x}"),
    }
}

/// Takes every interrupt that is pending.
pub(crate) fn handle(frame: &Frame) {
    while let Some(interrupt) = GicCpuInterface::get_and_acknowledge_interrupt(InterruptGroup::Group1) {
        if interrupt == timer() {
            // Armed before the end of the interrupt: until then the timer still asks for it.
            tick();
        }
        GicCpuInterface::end_interrupt(interrupt, InterruptGroup::Group1);
        match interrupt {
            PARK if !cores::park_later() => cores::switch_off(),
            REPORT => crash::report_if_asked(frame),
            HOLD => cores::be_held(),
            _ => {}
        }
    }
}

/// What a test does on every tick of every core. No lock: every core would wait for it on each tick.
static ON_TICK: AtomicPtr<fn()> = AtomicPtr::new(core::ptr::null_mut());

/// Has every core call `handler` on each of its ticks, in its interrupt handler.
pub fn on_tick(handler: Option<&'static fn()>) {
    let handler = handler.map_or(core::ptr::null(), core::ptr::from_ref);
    // Release, pairs with the Acquire in `tick`.
    ON_TICK.store(handler.cast_mut(), Release);
}

fn tick() {
    clock::arm_tick();
    let count = cores::count_tick();
    // SAFETY: it came from a reference that lives for ever, in `on_tick`, or is null.
    let handler = unsafe { ON_TICK.load(Acquire).as_ref() };
    handler.into_iter().for_each(|handler| handler());
    if CoreId::current() == CoreId::BOOT {
        link::tend(count.is_multiple_of(clock::TICK_HZ / 2));
        // Every 100 ms, unless a test asks for more ticks.
        if count.is_multiple_of(clock::TICK_HZ / 10) {
            screen::refresh();
        }
    }
}

/// Wakes `core` from `wfi`.
pub(crate) fn wake(core: CoreId) {
    send(WAKE, core);
}

/// Has `core` switch itself off.
pub(crate) fn ask_to_park(core: CoreId) {
    send(PARK, core);
}

/// Has `core` say what it does.
pub(crate) fn ask_to_report(core: CoreId) {
    send(REPORT, core);
}

/// Has `core` stand still for a moment.
pub(crate) fn ask_to_hold(core: CoreId) {
    send(HOLD, core);
}

fn send(interrupt: IntId, core: CoreId) {
    let [affinity0, affinity1, affinity2, _, affinity3, ..] = core.affinity().to_le_bytes();
    // What the core is to find must be in memory before the interrupt.
    aarch64_cpu::asm::barrier::dsb(aarch64_cpu::asm::barrier::ISHST);
    let target = SgiTarget::List { affinity3, affinity2, affinity1, target_list: 1 << (affinity0 & 0xf) };
    if let Err(error) = GicCpuInterface::send_sgi(interrupt, target, SgiTargetGroup::CurrentGroup1) {
        unreachable!("an SGI has a number below 16: {error}");
    }
}

/// Masks interrupts on this core.
#[inline]
pub fn mask() {
    // SAFETY: what is masked is taken later. Without `nomem` the compiler moves no memory access across.
    unsafe { asm!("msr daifset, #0xf", options(nostack)) };
}

/// Unmasks interrupts on this core.
#[inline]
pub fn unmask() {
    restore(DAIF::D::Masked.value);
}

/// Whether interrupts are masked on this core.
pub(crate) fn are_masked() -> bool {
    DAIF.is_set(DAIF::I)
}

/// What is masked on this core.
#[inline]
pub(crate) fn masks() -> u64 {
    DAIF.get()
}

/// Masks what [`masks`] said was masked, and nothing else.
#[inline]
pub(crate) fn restore(masks: u64) {
    // SAFETY: as in `mask`.
    unsafe { asm!("msr daif, {}", in(reg) masks, options(nostack)) };
}

/// Runs `work` with interrupts masked on this core.
#[inline]
pub fn without<R>(work: impl FnOnce() -> R) -> R {
    let before = masks();
    mask();
    let result = work();
    restore(before);
    result
}

/// Sleeps until `poll` has something; looks again after every interrupt.
pub(crate) fn wait_until<R>(mut poll: impl FnMut() -> Option<R>) -> R {
    loop {
        // Masked, an interrupt between the look and the sleep ends the sleep at once.
        mask();
        let found = poll();
        if found.is_none() {
            aarch64_cpu::asm::wfi();
        }
        unmask();
        aarch64_cpu::asm::barrier::isb(aarch64_cpu::asm::barrier::SY);
        if let Some(found) = found {
            return found;
        }
    }
}
