//! From the boot loader to `main`.
//!
//! 1. [`entry.s`](self): EL2 drops to EL1; with the MMU off, [`early`] builds the tables that it is turned on with.
//! 2. `cold_boot` notes what the boot loader said; `start` gives `.data` and `.bss` their first values.
//! 3. `start` stops the watchdogs, opens the link, reads the device tree, gives free RAM to the allocator, builds the final tables and moves onto them and onto
//!    the boot core's own stacks, in `run`.
//! 4. `run` gives the heap its memory, starts the interrupt controller, the timer and the other cores, and calls `main`.
//!
//! A warm restart comes back to step 2 with the early tables, which are kept for it.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | no static is used before it has its first value | `start` calls `set_first_values` before anything else | – |
//! | no reference outlives a restart | a restart never returns and starts from empty stacks | – |

#![expect(unsafe_code, reason = "writes the statics' first values and changes address spaces")]

pub(crate) mod early;

use crate::{
    cores::{self, CoreId},
    exceptions, frames, heap, interrupts, layout, link,
    memory::{self, Roots},
    notes, parameters, persist, screen, watchdog,
};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use framekeeper::{FRAME_SIZE, PhysAddr, PhysRange, devicetree::Tree};
use machine::{MAX_CORES, Machine, MachineError, Memory, Ram};
use spin::Once;

/// SCTLR_EL1 with the MMU off: the bits that are RES1 or as good as that (Arm ARM D24.2.168).
const SCTLR_OFF: u64 = 0x30d0_0800;
/// MMU, data and instruction caches, stack alignment check.
const SCTLR_EARLY: u64 = SCTLR_OFF | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 12;
/// And: what is writable is never executed.
const SCTLR_FINAL: u64 = SCTLR_EARLY | 1 << 19;
/// Attribute 0: Device-nGnRE. Attribute 1: normal, write-back, allocating.
const MAIR: u64 = 0xff04;
/// Both halves: 48 bits, 4 KiB pages, tables cached and inner shareable. Hardware updates of access and dirty bits
/// stay off: on some machines only some of the cores can do them.
const TCR: u64 = {
    const HALF: u64 = 16 | 0b01 << 8 | 0b01 << 10 | 0b11 << 12;
    HALF | (HALF | 0b10 << 14) << 16
};

core::arch::global_asm!(
    include_str!("entry.s"),
    build_early_tables = sym early::build_early_tables,
    cold_boot = sym cold_boot,
    sctlr_off = const SCTLR_OFF,
    sctlr_early = const SCTLR_EARLY,
    sctlr_final = const SCTLR_FINAL,
    mair = const MAIR,
    tcr = const TCR,
    trampoline = const layout::TRAMPOLINE as i64,
);

static MACHINE: Once<Machine> = Once::new();
static RAM: Once<Ram> = Once::new();
static FREE_RAM: Once<Memory> = Once::new();
static ROOTS: Once<Roots> = Once::new();

/// The machine that the device tree describes.
///
/// # Panics
///
/// Never after boot.
#[must_use]
pub fn machine() -> &'static Machine {
    match MACHINE.get() {
        Some(machine) => machine,
        None => panic!("the device tree has not been read yet"),
    }
}

/// The machine, if the device tree has been read already.
pub(crate) fn try_machine() -> Option<&'static Machine> {
    MACHINE.get()
}

/// All RAM, and what of it is reserved: by the device tree, for the image, and for the device tree itself.
///
/// # Panics
///
/// Never after boot.
#[must_use]
pub fn ram() -> &'static Ram {
    match RAM.get() {
        Some(ram) => ram,
        None => panic!("the device tree has not been read yet"),
    }
}

/// RAM that was free when the allocator began. What the allocator handed out since, tables and stacks among it, is part
/// of it.
///
/// # Panics
///
/// Never after boot.
#[must_use]
pub fn free_ram() -> &'static Memory {
    match FREE_RAM.get() {
        Some(memory) => memory,
        None => panic!("free RAM is not known yet"),
    }
}

/// The physical addresses of the translation tables' roots.
///
/// # Panics
///
/// Never after boot.
#[must_use]
pub fn roots() -> [PhysAddr; 2] {
    match ROOTS.get() {
        Some(roots) => [PhysAddr(roots.lower), PhysAddr(roots.upper)],
        None => panic!("there are no tables yet"),
    }
}

/// Where the image was loaded.
#[must_use]
pub fn load_address() -> PhysAddr {
    persist::load_address()
}

/// The exception level the boot loader entered at.
#[must_use]
pub fn entry_level() -> u32 {
    persist::entry_level()
}

/// Warm restarts since the boot.
#[must_use]
pub fn restarts() -> u32 {
    persist::restarts()
}

/// Where the device tree lies.
#[must_use]
pub fn device_tree() -> PhysRange {
    let start = persist::device_tree();
    let size = device_tree_size(layout::DIRECT_MAP + start.0);
    PhysRange::new(start, PhysAddr(start.0 + size))
}

/// Entered from the assembly code with the early tables on, on the boot stack.
extern "C" fn cold_boot(load: u64, device_tree: u64, entry_level: u64) -> ! {
    persist::begin(load, device_tree, entry_level as u32);
    start(0)
}

extern "C" fn start(_: u64) -> ! {
    set_first_values();
    cores::become_core(0);
    exceptions::install();
    assert!(
        layout::image_start() == early::LINK_ADDRESS,
        "the linker script has another address than the early tables"
    );
    let load = persist::load_address();
    let blob = early_device_tree();
    let device_tree =
        PhysRange::new(persist::device_tree(), PhysAddr(persist::device_tree().0 + blob.len() as u64));
    let (machine, ram) = match read(blob, [layout::image_range(load), device_tree]) {
        Ok(machine_and_ram) => machine_and_ram,
        Err(error) => panic!("the device tree does not say what is needed: {error:?}"),
    };
    if machine.cores.first().copied().flatten() != Some(cores::current_affinity()) {
        panic!(
            "the boot loader entered on core {:#x}, not on the first of the device tree",
            cores::current_affinity()
        );
    }
    let mut free = match ram.free() {
        Ok(free) => free,
        Err(error) => panic!("free RAM: {error}"),
    };
    let map = frames::start(machine.core_count(), &ram.ram, &mut free);
    let roots = memory::build(&machine, load, device_tree, &free, map);
    MACHINE.call_once(|| machine);
    RAM.call_once(|| ram);
    FREE_RAM.call_once(|| free);
    ROOTS.call_once(|| roots);
    let stacks = layout::Stacks::of(CoreId::BOOT);
    switch_world(roots, SCTLR_FINAL, stacks.main().end, stacks.exception().end, run)
}

/// Stops the watchdogs before anything that takes time, and opens the link as soon as it is known where, so that what is wrong
/// with the rest can be said there.
fn read(blob: &'static [u8], occupied: [PhysRange; 2]) -> Result<(Machine, Ram), MachineError<'static>> {
    let tree = Tree::new(blob)?;
    watchdog::stop_all(&tree);
    if wire::has_ram_link(machine::arguments(&tree)) {
        link::open_in_ram(machine::seed(&tree));
    } else if let Ok(Some(serial)) = machine::find_serial(&tree) {
        link::open(serial.kind, early::map_uart(serial.registers.start().0), machine::seed(&tree));
    }
    parameters::read(&tree);
    Ok((Machine::read(&tree)?, machine::read_ram(&tree, occupied)?))
}

/// Runs on the final tables, on the boot core's own stack.
extern "C" fn run(_: u64) -> ! {
    if let Some(serial) = machine().serial {
        link::move_to(serial.kind, layout::DEVICES + serial.registers.start().0);
    }
    defmt::debug!(
        "machine: {=str}, {=u64} MiB of RAM free",
        machine().name.as_str(),
        free_ram().size() >> 20
    );
    notes::open();
    screen::open();
    heap::start();
    interrupts::start();
    cores::start_all();
    unsafe extern "Rust" {
        /// The program: `embedded-test` defines it in every test image.
        safe fn main() -> !;
    }
    interrupts::unmask();
    main()
}

/// Starts everything anew, with the link as it is. All other cores must be off.
pub(crate) fn restart() -> ! {
    persist::count_restart();
    let tables = layout::early_tables() - layout::image_start() + persist::load_address().0;
    let early = Roots { lower: tables + 2 * FRAME_SIZE, upper: tables + FRAME_SIZE };
    let (stack, exception_stack) = (layout::boot_stack_top(), layout::boot_exception_stack_top());
    switch_world(early, SCTLR_EARLY, stack, exception_stack, start)
}

/// What a core needs to begin, as the entry code reads it: six words in an order that `entry.s` knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start([u64; 6]);

/// One for each core, in statics: a core that comes up late must still find it. Each fills a cache line or more.
#[repr(C, align(64))]
struct StartSlot([AtomicU64; 6]);

static STARTS: [StartSlot; MAX_CORES] = [const { StartSlot([const { AtomicU64::new(0) }; 6]) }; MAX_CORES];

impl Start {
    /// For the core with this index.
    pub(crate) fn of(core: CoreId, entry: extern "C" fn(u64) -> !) -> Self {
        let stacks = layout::Stacks::of(core);
        let Some(roots) = ROOTS.get() else { panic!("the boot core starts first") };
        let entry = entry as *const () as u64;
        let (stack, exception_stack) = (stacks.main().end, stacks.exception().end);
        Self([roots.lower, roots.upper, stack, exception_stack, entry, core.index() as u64])
    }

    /// Puts it where the core will read it, with its caches off; returns the physical address.
    pub(crate) fn store(self, core: CoreId) -> PhysAddr {
        let slot = STARTS.get(core.index()).unwrap_or(&STARTS[0]);
        for (place, word) in slot.0.iter().zip(self.0) {
            place.store(word, Relaxed);
        }
        let address = core::ptr::from_ref(slot).addr() as u64;
        // The smallest cache line there is: cleaning one twice does no harm.
        for line in (address..address + size_of::<StartSlot>() as u64).step_by(16) {
            // SAFETY: writes a line back; its content does not change.
            unsafe { core::arch::asm!("dc cvac, {}", in(reg) line, options(nostack)) };
        }
        aarch64_cpu::asm::barrier::dsb(aarch64_cpu::asm::barrier::SY);
        PhysAddr(persist::load_address().0 + (address - layout::image_start()))
    }

    /// Where a core begins, for PSCI.
    pub(crate) fn entry_point() -> PhysAddr {
        unsafe extern "C" {
            static secondary_entry: u8;
        }
        let offset = (&raw const secondary_entry).addr() as u64 - layout::image_start();
        PhysAddr(persist::load_address().0 + offset)
    }
}

fn switch_world(
    roots: Roots,
    sctlr: u64,
    stack: u64,
    exception_stack: u64,
    entry: extern "C" fn(u64) -> !,
) -> ! {
    unsafe extern "C" {
        static switch_world: u8;
    }
    let offset = (&raw const switch_world).addr() as u64 - layout::image_start();
    // SAFETY: both sets of tables map the trampoline and `entry` alike; the stacks are mapped in the new one and
    // nothing on the old ones is used again.
    unsafe {
        core::arch::asm!(
            "br x9",
            in("x9") layout::TRAMPOLINE + offset,
            in("x0") roots.lower,
            in("x1") roots.upper,
            in("x2") sctlr,
            in("x3") stack,
            in("x4") entry as *const () as u64,
            in("x5") 0,
            in("x6") exception_stack,
            in("x7") 0,
            in("x8") 0,
            options(noreturn),
        )
    }
}

/// Copies `.data` and clears `.bss`. Uses no static but the linker's symbols.
fn set_first_values() {
    let pointer = |address: u64| core::ptr::with_exposed_provenance_mut::<u64>(address as usize);
    let words = |start: u64, end: u64| ((end - start) / 8) as usize;
    let data_words = words(layout::data_start(), layout::data_end());
    // SAFETY: the linker script aligns both to 16 bytes and keeps them apart; nothing refers to `.data` yet.
    unsafe { pointer(layout::data_load()).copy_to_nonoverlapping(pointer(layout::data_start()), data_words) };
    let bss_words = words(layout::bss_start(), layout::bss_end());
    // SAFETY: aligned likewise; nothing refers to `.bss` yet.
    unsafe { pointer(layout::bss_start()).write_bytes(0, bss_words) };
}

/// The device tree in the window that the early tables map.
fn early_device_tree() -> &'static [u8] {
    let address = layout::DEVICE_TREE_WINDOW + persist::device_tree().0 % layout::BLOCK;
    let size = device_tree_size(address) as usize;
    // SAFETY: the early tables map two MiB from there on, read-only, and the size was checked to be less.
    unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(address as usize), size) }
}

/// The size in the header of the device tree at `address`.
fn device_tree_size(address: u64) -> u64 {
    let header = core::ptr::with_exposed_provenance::<[u32; 2]>(address as usize);
    // SAFETY: the boot protocol puts a device tree there, 8-byte aligned; the page is mapped.
    let [magic, size] = unsafe { header.read() }.map(u32::from_be);
    assert!(magic == 0xd00d_feed, "no device tree where x0 pointed: its first word is {magic:#x}");
    assert!(u64::from(size) <= layout::BLOCK, "a device tree of {size} bytes is larger than two MiB");
    u64::from(size)
}
