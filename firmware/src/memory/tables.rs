//! The final translation tables.
//!
//! | what | how |
//! |---|---|
//! | code | read, execute |
//! | constants | read |
//! | the rest of the image, stacks | read, write; unmapped guards below the stacks |
//! | the direct map: free RAM | read, write |
//! | the device tree | read, in the direct map |
//! | devices that the device tree names | device memory |
//! | everything else: holes, reserved ranges, the image in the direct map | not mapped |
//!
//! Nothing is writable and executable; SCTLR_EL1.WXN makes sure of that.

#![expect(unsafe_code, reason = "hands frames to the table builder")]

use core::{mem::ManuallyDrop, ptr::NonNull};

use aarch64_paging::{
    descriptor::{El1Attributes, PhysicalAddress},
    paging::{Constraints, El1And0, MemoryRegion, PageTable, RootTable, Translation, VaRange},
};
use framekeeper::{PhysAddr, PhysRange};

use crate::{
    boot::early,
    cores::CoreId,
    layout::{self, BLOCK, PAGE, Stacks},
    machine::{Machine, Memory},
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

/// Builds the tables for `machine`, taking frames for them and for the stacks out of `free`; what is then left of
/// `free` is mapped in the direct map.
///
/// # Panics
///
/// There is not enough free RAM for the tables and the stacks.
pub(crate) fn build(machine: &Machine, load: PhysAddr, device_tree: PhysRange, free: &mut Memory) -> Roots {
    let core_count = machine.core_count();
    let stacks = take(free, core_count as u64 * StackFrames::SIZE, PAGE);
    let mut frames = Frames::take_from(free);
    let block = frames.block;
    let mut lower = Builder::new(&mut frames, VaRange::Lower);
    lower.map_image(load);
    for core in (0..).take(core_count).map(CoreId::new) {
        let start = stacks.start().0 + core.index() as u64 * StackFrames::SIZE;
        lower.map_stacks(StackFrames { start }, Stacks::of(core));
    }
    let lower = lower.finish();
    let mut upper = Builder::new(&mut frames, VaRange::Upper);
    upper.map(layout::TRAMPOLINE, load.0, PAGE, CODE);
    for device in [machine.gic.distributor, machine.gic.redistributors, machine.uart] {
        upper.map_range(layout::DEVICES, device.round_outward(), DEVICE);
    }
    upper.map_range(layout::DIRECT_MAP, device_tree.round_outward(), CONSTANTS);
    // The block that the tables come from is mapped whole: most of it is free RAM when they stand.
    upper.map_range(layout::DIRECT_MAP, block, VALUES);
    for range in free.iter() {
        upper.map_range(layout::DIRECT_MAP, range, VALUES);
    }
    let upper = upper.finish();
    if let Err(error) = free.add(frames.unused()) {
        panic!("returning the frames that no table needed: {error}");
    }
    Roots { lower, upper }
}

/// One of the two halves while it is being built.
///
/// The tables are never freed: they are in use until the next warm restart forgets all memory.
struct Builder<'a> {
    table: ManuallyDrop<RootTable<El1And0, &'a mut Frames>>,
}

impl<'a> Builder<'a> {
    fn new(frames: &'a mut Frames, half: VaRange) -> Self {
        // Level 0: 48 bits, as the TCR that the entry code sets says.
        Self { table: ManuallyDrop::new(RootTable::with_va_range(frames, 0, El1And0, half)) }
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

fn take(free: &mut Memory, size: u64, alignment: u64) -> PhysRange {
    match free.take(size, alignment) {
        Ok(Some(range)) => range,
        Ok(None) => panic!("no {size} bytes of free RAM in one piece: {free:?}"),
        Err(error) => panic!("taking {size} bytes of free RAM: {error}"),
    }
}

/// Frames for tables, out of one block of free RAM: only what the early tables map can be written now, and they map
/// blocks. A block holds 512 tables, enough for RAM in as many pieces as a [`Memory`] can have.
struct Frames {
    block: PhysRange,
    window: u64,
    /// Bytes of the block that are tables.
    used: u64,
}

impl Frames {
    fn take_from(free: &mut Memory) -> Self {
        let block = take(free, BLOCK, BLOCK);
        Self { block, window: early::map_table_block(block.start().0), used: 0 }
    }

    /// The part of the block that is not tables.
    fn unused(&self) -> PhysRange {
        PhysRange::new(PhysAddr(self.block.start().0 + self.used), self.block.end())
    }

    fn writable(&self, pa: u64) -> NonNull<PageTable<El1Attributes>> {
        let va = self.window + (pa - self.block.start().0);
        match NonNull::new(core::ptr::with_exposed_provenance_mut(va as usize)) {
            Some(table) => table,
            None => unreachable!("the window does not lie at address 0"),
        }
    }
}

impl Translation<El1Attributes> for &mut Frames {
    fn allocate_table(&mut self) -> (NonNull<PageTable<El1Attributes>>, PhysicalAddress) {
        assert!(self.used < self.block.size(), "more than 512 translation tables: RAM is in too many pieces");
        let pa = self.block.start().0 + self.used;
        self.used += PAGE;
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
