//! Each core on its way into the image, and the watch over the watchdogs.

use core::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

use spin::Mutex;
use twin::{CORES, TIMER_HZ, affinity, gic};

use crate::memory::{self, Registers};
use crate::registers::{self, read_register, write_register};
use crate::{end, power, publish, with_devices};

/// HCR_EL2: EL1 is AArch64 and under the second stage; the secure monitor's calls end here, and so do FIQs, which are
/// the monitor's timer's; asynchronous aborts can be made up.
const HCR: u64 = 1 << 31 | 1 << 19 | 1 << 5 | 1 << 3 | 1 << 1 | 1 << 0;
/// HCR_EL2.VSE: an asynchronous abort of the image's is pending.
const PENDING_SERROR: u64 = 1 << 8;
/// ICH_HCR_EL2.TC: the image's accesses to what both groups of interrupts share end here.
const TRAP_COMMON: u64 = 1 << 10;

/// ICC_PMR_EL1 that lets the monitor's timer through, which has the highest priority, and nothing else: QEMU's
/// controller knows 32 priorities.
pub(crate) const LOWEST_MASK: u64 = 8;

/// How often the watchdogs are looked at.
const WATCH_HZ: u64 = 20;

/// Where a core is to enter the image, and with what: Acquire and Release pair in `start` and `on`, though PSCI orders
/// them already.
struct Start {
    entry: AtomicU64,
    argument: AtomicU64,
}

static STARTS: [Start; CORES] =
    [const { Start { entry: AtomicU64::new(0), argument: AtomicU64::new(0) } }; CORES];

/// Protects `STARTS` from two cores that start the same third one.
static STARTING: Mutex<()> = Mutex::new(());

/// PSCI CPU_ON.
pub(crate) fn on(function: u64, affinity: u64, entry: u64, argument: u64) -> u64 {
    const INVALID_PARAMETERS: u64 = (-2_i64).cast_unsigned();
    const ALREADY_ON: u64 = (-4_i64).cast_unsigned();
    let Some(core) = affinity::core(affinity) else { return INVALID_PARAMETERS };
    let Some(start) = STARTS.get(core) else { return INVALID_PARAMETERS };
    let _starting = STARTING.lock();
    if !power::is_off(core) {
        return ALREADY_ON;
    }
    start.entry.store(entry, Release);
    start.argument.store(argument, Release);
    unsafe extern "C" {
        static core_entry: u8;
    }
    let here = (&raw const core_entry).addr() as u64;
    power::call([function, core as u64, here, core as u64])
}

/// A core that PSCI has started.
pub(crate) extern "C" fn start(core: u64) -> ! {
    memory::turn_on();
    let Some(start) = STARTS.get(core as usize) else { panic!("a core has its own number") };
    enter(core as usize, start.entry.load(Acquire), start.argument.load(Acquire))
}

/// Enters the image on this core.
pub(crate) fn enter(core: usize, entry: u64, argument: u64) -> ! {
    memory::turn_phone_on();
    gic::prepare_core(core, &mut Registers);
    write_register!("S3_4_C12_C9_5", 0b1111); // ICC_SRE_EL2: system registers, for EL1 too
    write_register!("S3_4_C12_C11_0", TRAP_COMMON); // ICH_HCR_EL2
    write_register!("S3_0_C4_C6_0", LOWEST_MASK); // ICC_PMR_EL1
    write_register!("S3_0_C12_C12_6", 1); // ICC_IGRPEN0_EL1: the monitor's group
    write_register!("cnthctl_el2", 0b11);
    write_register!("cntvoff_el2", 0);
    write_register!("hstr_el2", 0);
    // EL1 has all event counters.
    write_register!("mdcr_el2", read_register!("pmcr_el0") >> 11 & 0x1f);
    write_register!("vmpidr_el2", affinity::mpidr(core));
    write_register!("vpidr_el2", affinity::midr(core));
    write_register!("sctlr_el1", 0x30d0_0800);
    write_register!("hcr_el2", HCR);
    unsafe extern "C" {
        fn enter_image(argument: u64, entry: u64) -> !;
    }
    // SAFETY: the second stage keeps the image from everything of the monitor's.
    unsafe { enter_image(argument, entry) }
}

/// Makes an asynchronous abort pending for the image on this core.
pub(crate) fn raise_serror() {
    write_register!("hcr_el2", HCR | PENDING_SERROR);
}

/// Looks at the watchdogs from now on, on the boot core, which is never off.
pub(crate) fn begin_watch() {
    write_register!("cnthp_tval_el2", TIMER_HZ / WATCH_HZ);
    write_register!("cnthp_ctl_el2", 1);
}

/// The monitor's own interrupt.
pub(crate) fn watch() {
    let number = read_register!("S3_0_C12_C8_0"); // ICC_IAR0_EL1
    if number == u64::from(gic::OWN) {
        write_register!("cnthp_tval_el2", TIMER_HZ / WATCH_HZ);
        let biting = with_devices(|devices| {
            publish(&mut devices.record);
            devices.biting(registers::now())
        });
        if let Some(dog) = biting {
            end(dog);
        }
        write_register!("S3_0_C12_C8_1", number); // ICC_EOIR0_EL1
    }
}
