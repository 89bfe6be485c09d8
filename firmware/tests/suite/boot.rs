//! What the boot code promises to everything behind it.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Behind `.data` and `.bss` of the tests below: a value that both change.
static CHANGED_BY_TESTS: AtomicU64 = AtomicU64::new(7);
static CLEARED: AtomicU64 = AtomicU64::new(0);

fn statics_are_fresh() {
    defmt::assert_eq!((CHANGED_BY_TESTS.swap(8, Relaxed), CLEARED.swap(9, Relaxed)), (7, 0));
}

#[embedded_test::tests]
mod entry {
    use aarch64_cpu::registers::{CurrentEL, Readable, SCTLR_EL1, SPSel, TCR_EL1};
    use firmware::{boot, layout};

    #[test]
    fn the_boot_loader_enters_at_el1_or_el2_and_code_runs_at_el1() {
        defmt::assert!(matches!(boot::entry_level(), 1 | 2));
        defmt::assert_eq!(CurrentEL.read(CurrentEL::EL), 1);
        defmt::assert_eq!(SPSel.get(), 0, "exceptions have a stack of their own");
    }

    #[test]
    fn the_image_runs_at_its_link_address_wherever_it_was_loaded() {
        let load = boot::load_address().0;
        defmt::assert_eq!(load % layout::BLOCK, 0);
        defmt::assert_eq!(crate::translation::of_read(layout::image_start()), Some(load));
        let here: fn() = the_image_runs_at_its_link_address_wherever_it_was_loaded;
        defmt::assert!((layout::image_start()..layout::text_end()).contains(&(here as usize as u64)));
    }

    #[test]
    fn caches_are_on_and_nothing_writable_is_executable() {
        let control = SCTLR_EL1.extract();
        defmt::assert!(
            control.is_set(SCTLR_EL1::M) && control.is_set(SCTLR_EL1::C) && control.is_set(SCTLR_EL1::I)
        );
        defmt::assert!(control.is_set(SCTLR_EL1::WXN));
    }

    /// On a Pixel 6 half of the cores can update the tables by themselves, and a core may not find what another one did.
    #[test]
    fn no_core_updates_the_tables_by_itself() {
        let control = TCR_EL1.extract();
        defmt::assert!(!control.is_set(TCR_EL1::HA) && !control.is_set(TCR_EL1::HD));
    }
}

#[embedded_test::tests]
mod restart {
    #[test]
    fn statics_are_fresh_for_one_test() {
        super::statics_are_fresh();
    }

    #[test]
    fn statics_are_fresh_for_the_next_test() {
        super::statics_are_fresh();
    }
}

#[embedded_test::tests]
mod memory {
    use crate::translation;
    use firmware::{
        boot,
        cores::CoreId,
        frames,
        layout::{self, PAGE, Stacks},
    };
    use framekeeper::{PhysAddr, State};

    /// The first and last frame of every range, and some between.
    fn samples(start: PhysAddr, end: PhysAddr) -> impl Iterator<Item = u64> {
        let step = ((end.0 - start.0) / 64).next_multiple_of(PAGE).max(PAGE);
        (start.0..end.0).step_by(step as usize).chain([end.0 - PAGE])
    }

    /// But for the stacks, which have addresses of their own with guards below.
    #[test]
    fn free_ram_is_mapped_in_the_direct_map() {
        let is_stack = |&pa: &u64| {
            let state = frames::frames().state(PhysAddr(pa));
            matches!(state, State::Allocated { owner, .. } if owner == frames::STACKS)
        };
        for range in boot::free_ram().iter() {
            for pa in samples(range.start(), range.end()).filter(|pa| !is_stack(pa)) {
                defmt::assert_eq!(translation::of_write(layout::DIRECT_MAP + pa), Some(pa));
            }
        }
    }

    #[test]
    fn nothing_but_free_ram_and_the_device_tree_is_mapped_there() {
        let (ram, tree) = (boot::ram(), boot::device_tree().round_outward());
        let around = ram.ram.iter().flat_map(|bank| {
            [bank.start().0.wrapping_sub(PAGE), bank.end().0]
                .map(PhysAddr)
                .into_iter()
                .filter(|&pa| !ram.ram.contains(pa))
        });
        let reserved = ram.reserved.iter().flat_map(|range| samples(range.start(), range.end()));
        let reserved = reserved.map(PhysAddr).filter(|&pa| !tree.contains(pa));
        let image = layout::image_range(boot::load_address());
        let image = samples(image.start(), image.end()).map(PhysAddr);
        for pa in around.chain(reserved).chain(image) {
            defmt::assert_eq!(
                translation::of_read(layout::DIRECT_MAP.wrapping_add(pa.0)),
                None,
                "{=u64:#x}",
                pa.0
            );
        }
        for pa in samples(tree.start(), tree.end()) {
            defmt::assert_eq!(translation::of_read(layout::DIRECT_MAP + pa), Some(pa));
            defmt::assert_eq!(translation::of_write(layout::DIRECT_MAP + pa), None);
        }
    }

    #[test]
    fn nothing_reserved_is_free_nor_is_the_image_nor_the_device_tree() {
        let image = layout::image_range(boot::load_address());
        let reserved = boot::ram().reserved.iter().chain([image, boot::device_tree()]);
        for range in reserved {
            for free in boot::free_ram().iter() {
                let (start, end) = (range.start().0, range.end().0);
                defmt::assert!(!free.overlaps(range), "{=u64:#x}..{=u64:#x} is free", start, end);
            }
        }
    }

    #[test]
    fn free_ram_is_what_nobody_reserves_without_what_the_boot_took() {
        let Ok(unreserved) = boot::ram().free() else { defmt::panic!("too many ranges") };
        for free in boot::free_ram().iter() {
            defmt::assert!(
                unreserved.iter().any(|range| { range.contains(free.start()) && free.end() <= range.end() })
            );
        }
        let stacks = boot::machine().core_count() as u64 * layout::STACK_SLOT;
        let taken = unreserved.size() - boot::free_ram().size();
        defmt::info!("{=u64} KiB taken of {=u64} MiB", taken >> 10, unreserved.size() >> 20);
        defmt::assert!((1..stacks + layout::BLOCK).contains(&taken));
    }

    #[test]
    fn code_and_constants_are_read_only() {
        for va in (layout::image_start()..layout::image_file_end()).step_by(PAGE as usize) {
            defmt::assert!(translation::of_read(va).is_some() && translation::of_write(va).is_none());
        }
        defmt::assert!(translation::of_write(layout::writable_start()).is_some());
        defmt::assert!(translation::of_write(layout::TRAMPOLINE).is_none());
    }

    #[test]
    fn every_stack_has_an_unmapped_guard() {
        for stacks in CoreId::all().map(Stacks::of) {
            for stack in [stacks.main(), stacks.exception(), stacks.emergency()] {
                defmt::assert!(translation::of_write(stack.start).is_some());
                defmt::assert!(translation::of_write(stack.end - PAGE).is_some());
                for guard in [stack.start - PAGE, stack.end] {
                    defmt::assert!(translation::of_read(guard).is_none());
                }
            }
        }
    }
}
