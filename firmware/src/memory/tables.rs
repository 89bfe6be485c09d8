//! The final translation tables.
//!
//! | what | how |
//! |---|---|
//! | code | read, execute |
//! | constants | read |
//! | the rest of the image, stacks | read, write; unmapped guards below the stacks |
//! | the frame map | read, write |
//! | the direct map: free RAM, tables | read, write |
//! | the device tree | read, in the direct map |
//! | devices that the device tree names, memory for notes, and a screen where there is no serial port | device memory |
//! | everything else: holes, reserved ranges, the image in the direct map | not mapped |
//!
//! Nothing is writable and executable; SCTLR_EL1.WXN makes sure of that.

#![expect(unsafe_code, reason = "hands frames to the table builder")]

use core::{mem::ManuallyDrop, ptr::NonNull};

use aarch64_paging::{
    MapError,
    descriptor::{Descriptor, El1Attributes, PhysicalAddress},
    paging::{Constraints, El1And0, MemoryRegion, PageTable, RootTable, Translation, VaRange},
};
use framekeeper::{Order, PhysAddr, PhysRange, RegionSet, Request};
use machine::{Machine, Memory, Screen};

use crate::{
    boot::early,
    cores::CoreId,
    frames::{STACKS, TABLES, frames},
    layout::{self, BLOCK, PAGE, Stacks},
    screen,
};

/// Valid, never executed by EL0, and with the access flag set, for nothing here wants to be told of accesses.
const COMMON: El1Attributes = El1Attributes::VALID.union(El1Attributes::ACCESSED).union(El1Attributes::UXN);
const NORMAL: El1Attributes =
    COMMON.union(El1Attributes::ATTRIBUTE_INDEX_1).union(El1Attributes::INNER_SHAREABLE);
const CODE: El1Attributes = NORMAL.union(El1Attributes::READ_ONLY);
const CONSTANTS: El1Attributes = CODE.union(El1Attributes::PXN);
const VALUES: El1Attributes = NORMAL.union(El1Attributes::PXN);
const DEVICE: El1Attributes = COMMON.union(El1Attributes::ATTRIBUTE_INDEX_0).union(El1Attributes::PXN);

/// The physical addresses of the two roots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roots {
    pub(crate) lower: u64,
    pub(crate) upper: u64,
}

/// Builds the tables for `machine`, with frames for them and for the stacks from the allocator. The direct map gets all
/// of `free` but the stacks; `map` is where the allocator's own map lies.
///
/// # Panics
///
/// There is not enough free RAM for the tables and the stacks.
pub(crate) fn build(
    machine: &Machine,
    load: PhysAddr,
    device_tree: PhysRange,
    free: &Memory,
    map: PhysRange,
) -> Roots {
    let core_count = machine.core_count();
    let stacks = take_stacks(core_count as u64 * StackFrames::SIZE);
    let mut direct = *free;
    if let Err(error) = direct.subtract(stacks) {
        panic!("leaving the stacks out of the direct map: {error}");
    }
    let mut tables = EarlyTables::new();
    let mut lower = Builder::new(&mut tables, VaRange::Lower);
    lower.map_image(load);
    lower.map(layout::FRAME_MAP, map.start().0, map.size(), VALUES);
    for core in (0..).take(core_count).map(CoreId::new) {
        let start = stacks.start().0 + core.index() as u64 * StackFrames::SIZE;
        lower.map_stacks(StackFrames { start }, Stacks::of(core));
    }
    let lower = lower.finish();
    let mut upper = Builder::new(&mut tables, VaRange::Upper);
    upper.map(layout::TRAMPOLINE, load.0, PAGE, CODE);
    let serial = machine.serial.map(|serial| serial.registers);
    let devices = [machine.gic.distributor, machine.gic.redistributors];
    for device in devices.into_iter().chain(serial).chain(machine.notes) {
        upper.map_range(layout::DEVICES, device.round_outward(), DEVICE);
    }
    upper.map_range(layout::DIRECT_MAP, device_tree.round_outward(), CONSTANTS);
    if let Some(screen) = screen::in_use(machine) {
        map_screen(&mut upper, screen);
    }
    for range in direct.iter() {
        upper.map_range(layout::DIRECT_MAP, range, VALUES);
    }
    Roots { lower, upper: upper.finish() }
}

/// The screen's memory, and the pages with its registers, each once.
fn map_screen(upper: &mut Builder<'_>, screen: &Screen) {
    upper.map_range(layout::DEVICES, screen.pixels.round_outward(), DEVICE);
    let registers = screen.begin.iter().chain(screen.refresh);
    let mut pages = RegionSet::<4>::new();
    for write in registers {
        let page = PhysRange::new(write.register, PhysAddr(write.register.0 + 4)).round_outward();
        if let Err(error) = pages.add(page) {
            panic!("the screen's registers: {error}");
        }
    }
    pages.iter().for_each(|page| upper.map_range(layout::DEVICES, page, DEVICE));
}

fn take_stacks(size: u64) -> PhysRange {
    match frames().alloc(Request::frames(size / PAGE).owned_by(STACKS)) {
        Ok(start) => PhysRange::new(start, PhysAddr(start.0 + size)),
        Err(error) => panic!("no {size} bytes for the stacks: {error}"),
    }
}

/// One of the two halves while it is being built.
///
/// The tables are never freed: they are in use until the next warm restart forgets all memory.
struct Builder<'a> {
    table: ManuallyDrop<RootTable<El1And0, &'a mut EarlyTables>>,
}

impl<'a> Builder<'a> {
    fn new(tables: &'a mut EarlyTables, half: VaRange) -> Self {
        // Level 0: 48 bits, as the TCR that the entry code sets says.
        Self { table: ManuallyDrop::new(RootTable::with_va_range(tables, 0, El1And0, half)) }
    }

    fn finish(self) -> u64 {
        self.table.to_physical().0 as u64
    }

    fn map(&mut self, va: u64, pa: u64, size: u64, attributes: El1Attributes) {
        let region = MemoryRegion::new(va as usize, (va + size) as usize);
        let pa = PhysicalAddress(pa as usize);
        if let Err(error) = self.table.map_range(&region, pa, attributes, Constraints::empty()) {
            panic!("mapping {region:?} to {pa:?}: {error}");
        }
    }

    /// Maps `range` at `base` plus its physical address.
    fn map_range(&mut self, base: u64, range: PhysRange, attributes: El1Attributes) {
        self.map(base + range.start().0, range.start().0, range.size(), attributes);
    }

    fn map_image(&mut self, load: PhysAddr) {
        let parts = [
            (layout::image_start(), layout::text_end(), CODE),
            (layout::text_end(), layout::image_file_end().next_multiple_of(PAGE), CONSTANTS),
            (layout::writable_start(), layout::boot_guard(), VALUES),
            (layout::boot_guard() + BLOCK, layout::image_end(), VALUES),
        ];
        for (start, end, attributes) in parts {
            self.map(start, load.0 + (start - layout::image_start()), end - start, attributes);
        }
    }

    fn map_stacks(&mut self, frames: StackFrames, stacks: Stacks) {
        let mut pa = frames.start;
        for stack in [stacks.main(), stacks.exception(), stacks.emergency()] {
            let size = stack.end - stack.start;
            self.map(stack.start, pa, size, VALUES);
            pa += size;
        }
    }
}

/// The frames of one core's three stacks.
#[derive(Clone, Copy)]
struct StackFrames {
    start: u64,
}

impl StackFrames {
    const SIZE: u64 = {
        let stacks = Stacks::of(CoreId::BOOT);
        let (main, exception, emergency) = (stacks.main(), stacks.exception(), stacks.emergency());
        (main.end - main.start) + (exception.end - exception.start) + (emergency.end - emergency.start)
    };
}

/// Frames for tables while the early tables are in use: those of one block that is free as a whole, for only what they
/// map can be written, and they map blocks. It holds 512 tables, enough for RAM in as many pieces as a [`Memory`] can
/// have.
struct EarlyTables {
    block: PhysAddr,
    window: u64,
    /// How many of its frames are tables.
    used: u64,
}

impl EarlyTables {
    fn new() -> Self {
        // Taken to find one, and given back for its frames to be taken one by one.
        let block = match frames().alloc(Request::order(Order::MIB_2)) {
            Ok(block) => block,
            Err(error) => panic!("no memory for the translation tables: {error}"),
        };
        if let Err(error) = frames().free_frame(block) {
            panic!("a block that was just taken: {error}");
        }
        // Out of this core's cache: its frames are asked for by address.
        frames().drain();
        Self { block, window: early::map_table_block(block.0), used: 0 }
    }

    fn writable(&self, pa: u64) -> NonNull<PageTable<El1Attributes>> {
        table_at(self.window + (pa - self.block.0))
    }
}

impl Translation<El1Attributes> for &mut EarlyTables {
    fn allocate_table(&mut self) -> (NonNull<PageTable<El1Attributes>>, PhysicalAddress) {
        assert!(self.used < BLOCK / PAGE, "more than 512 translation tables: RAM is in too many pieces");
        let wanted = PhysAddr(self.block.0 + self.used * PAGE);
        let pa = match frames().alloc_at(wanted, Order::FRAME, TABLES) {
            Ok(pa) => pa.0,
            Err(error) => panic!("a frame for a translation table: {error}"),
        };
        self.used += 1;
        let table = self.writable(pa);
        // SAFETY: the frame was free, is mapped read-write by the early tables, and is handed out once. A table of
        // zeros holds no entries.
        unsafe { table.write_bytes(0, 1) };
        (table, PhysicalAddress(pa as usize))
    }

    unsafe fn deallocate_table(&mut self, _: NonNull<PageTable<El1Attributes>>) {
        // Ranges are only ever added; a builder that frees a table has met two that overlap.
        unreachable!("a translation table was freed");
    }

    fn physical_to_virtual(&self, pa: PhysicalAddress) -> NonNull<PageTable<El1Attributes>> {
        self.writable(pa.0 as u64)
    }
}

/// An address space of one's own, for the lower half: its tables are frames of the allocator, and go back to it when it
/// is dropped. It is not used for translation.
pub struct Space {
    root: RootTable<El1And0, DirectTables>,
}

impl core::fmt::Debug for Space {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Space").field("root", &self.root.to_physical()).finish_non_exhaustive()
    }
}

impl Space {
    /// One in which nothing is mapped.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it takes a frame")]
    pub fn new() -> Self {
        Self { root: RootTable::with_va_range(DirectTables, 0, El1And0, VaRange::Lower) }
    }

    /// Maps `range` at `va`, to be read and written.
    ///
    /// # Errors
    ///
    /// The addresses are no pages.
    pub fn map(&mut self, va: u64, range: PhysRange) -> Result<(), MapError> {
        let region = MemoryRegion::new(va as usize, (va + range.size()) as usize);
        let pa = PhysicalAddress(range.start().0 as usize);
        self.root.map_range(&region, pa, VALUES, Constraints::empty())
    }

    /// Where `va` leads.
    #[must_use]
    pub fn translate(&self, va: u64) -> Option<PhysAddr> {
        let mut found = None;
        let region = MemoryRegion::new(va as usize, (va + PAGE) as usize);
        let look = |_: &MemoryRegion, descriptor: &Descriptor<El1Attributes>, level: usize| {
            if level == 3 && descriptor.is_valid() {
                found = Some(PhysAddr(descriptor.output_address().0 as u64));
            }
            Ok(())
        };
        self.root.walk_range(&region, &mut { look }).ok()?;
        found
    }
}

/// Tables that are written through the direct map.
struct DirectTables;

impl Translation<El1Attributes> for DirectTables {
    fn allocate_table(&mut self) -> (NonNull<PageTable<El1Attributes>>, PhysicalAddress) {
        let pa = match frames().alloc_zeroed(Request::order(Order::FRAME).owned_by(TABLES)) {
            Ok(pa) => pa.0,
            Err(error) => panic!("a frame for a translation table: {error}"),
        };
        (table_at(layout::DIRECT_MAP + pa), PhysicalAddress(pa as usize))
    }

    unsafe fn deallocate_table(&mut self, table: NonNull<PageTable<El1Attributes>>) {
        let pa = PhysAddr(table.addr().get() as u64 - layout::DIRECT_MAP);
        if let Err(error) = frames().free_frame(pa) {
            panic!("giving a translation table back: {error}");
        }
    }

    fn physical_to_virtual(&self, pa: PhysicalAddress) -> NonNull<PageTable<El1Attributes>> {
        table_at(layout::DIRECT_MAP + pa.0 as u64)
    }
}

fn table_at(va: u64) -> NonNull<PageTable<El1Attributes>> {
    match NonNull::new(core::ptr::with_exposed_provenance_mut(va as usize)) {
        Some(table) => table,
        None => unreachable!("no table lies at address 0"),
    }
}
