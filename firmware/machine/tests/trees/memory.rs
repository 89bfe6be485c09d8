//! What is taken of a Pixel 6's memory, although no node says so.

use framekeeper::{PhysAddr, PhysRange};
use machine::{MachineError, Ram, read_ram};

use crate::sample::{Options, stock, upstream, virt, with};

fn range(start: u64, end: u64) -> PhysRange {
    PhysRange::new(PhysAddr(start), PhysAddr(end))
}

fn image() -> PhysRange {
    range(0x8000_0000, 0x8100_0000)
}

fn read(blob: &[u8], device_tree: PhysRange) -> Ram {
    with(blob, |tree| read_ram(tree, [image(), device_tree]).unwrap())
}

#[test]
fn the_boot_loader_and_the_frame_buffer_are_taken_and_never_mapped() {
    let tree = range(0x8a00_0000, 0x8a01_2345);
    for blob in [upstream(Options::default()), stock(Options::default())] {
        let ram = read(&blob, tree);
        let free: Vec<PhysRange> = ram.free().unwrap().iter().collect();
        let expected = [
            range(0x8100_0000, 0x8a00_0000),
            range(0x8a01_3000, 0xf880_0000),
            range(0xfa80_0000, 0xfac0_0000),
            range(0xfb5e_4000, 0xfd3f_f000),
            range(0xfd40_f000, 0x1_0000_0000),
            range(0x8_8000_0000, 0xa_0000_0000),
        ];
        assert_eq!(free, expected);
        let no_map: Vec<PhysRange> = ram.no_map.iter().collect();
        let expected = [(0xf880_0000, 0xfa80_0000), (0xfac0_0000, 0xfb5e_4000), (0xfd3f_f000, 0xfd40_f000)];
        assert_eq!(no_map, expected.map(|(start, end)| range(start, end)));
    }
}

#[test]
fn a_shorter_reservation_in_the_tree_does_not_free_the_rest() {
    let no_map = [(0xf880_0000, 0x100_0000), (0xfac0_0000, 0x9e_3400), (0xb720_0000, 0x8e0_0000)];
    let ram = read(&upstream(Options { no_map: &no_map, ..Options::default() }), image());
    for hidden in [0xf97f_ffff, 0xf980_0000, 0xfa7f_f000, 0xfb5e_3fff, 0xb720_0000, 0xbfff_ffff] {
        assert!(ram.no_map.contains(PhysAddr(hidden)), "{hidden:#x}");
        assert!(ram.reserved.contains(PhysAddr(hidden)), "{hidden:#x}");
    }
}

#[test]
fn a_device_tree_where_only_the_table_says_no_is_read_all_the_same() {
    let tree = range(0xf9f0_0000, 0xf9f1_0000);
    let ram = read(&stock(Options::default()), tree);
    assert!(ram.reserved.contains(tree.start()));
}

#[test]
fn a_device_tree_in_a_page_that_the_tree_forbids_is_refused() {
    let no_map = [(0x8b00_0000, 0xc_4010)];
    let blob = stock(Options { no_map: &no_map, ..Options::default() });
    let error = |start, end| {
        with(&blob, |tree| {
            let error = read_ram(tree, [image(), range(start, end)]).err()?;
            Some(matches!(error, MachineError::MustNotBeMapped { .. }))
        })
    };
    assert_eq!(error(0x8b0c_4800, 0x8b0d_4000), Some(true), "the rest of its last page");
    assert_eq!(error(0x8b0c_5000, 0x8b0d_4000), None, "next to it");
    assert_eq!(error(0x8aff_0000, 0x8b00_0000), None, "right before it");
}

#[test]
fn nothing_is_hidden_on_other_machines() {
    let ram = read(&virt(Options::default()), range(0x4800_0000, 0x4810_0000));
    assert_eq!(ram.no_map.size(), 0);
    assert_eq!(ram.reserved.iter().collect::<Vec<_>>(), [range(0x4800_0000, 0x4810_0000), image()]);
}
