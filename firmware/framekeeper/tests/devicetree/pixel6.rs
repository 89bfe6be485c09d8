//! The Pixel 6's two shapes of tree: the upstream kernel's, and the stock one of the phone.

use crate::{
    odd::text,
    sample::scaled,
    writer::{Blob, Writer},
};
use framekeeper::devicetree::{RamDescription, Tree};
use framekeeper::{FRAME_SIZE, PhysAddr, PhysRange, RegionSet};

/// The boot loader's entries: the root has one cell for sizes, so 6 GiB come in three pieces.
const BANKS: [(u64, u64); 4] = [
    (0x8000_0000, 0x8000_0000),
    (0x8_8000_0000, 0x8000_0000),
    (0x9_0000_0000, 0x8000_0000),
    (0x9_8000_0000, 0x8000_0000),
];

/// Devices at the root of the stock tree.
const DEVICES: u64 = scaled(1_320, 60);

/// What was seen on the phone, all of it `no-map`.
const SEEN: [(&str, u64, u64); 12] = [
    ("pkvm_guest_firmware", 0x8b00_0000, 0xc_4000),
    ("gsa", 0x9020_0000, 0x40_0000),
    ("tpu_fw", 0x9300_0000, 0x100_0000),
    ("aoc", 0x9400_0000, 0x300_0000),
    ("sec_dram", 0xb720_0000, 0x8e0_0000),
    ("sec_pt", 0xe000_0000, 0x250_0000),
    ("abl", 0xf880_0000, 0x100_0000),
    ("splash", 0xfac0_0000, 0x9e_3400),
    ("dss_log_reserved", 0xfd3f_0000, 0xe000),
    ("debug_kinfo_reserved", 0xfd3f_e000, 0x1000),
    ("bldr_log_reserved", 0xfd80_0000, 0x10_0000),
    ("bldr_log_hist_reserved", 0xfd90_0000, 0x2000),
];

/// What the stock tree has besides: name, start, size, `no-map`, disabled on user builds.
const STOCK: [(&str, u64, u64, bool, bool); 18] = [
    ("ect_binary", 0x9000_0000, 0x3_a000, false, false),
    ("xhci_dma", 0x9700_0000, 0x40_0000, true, false),
    ("seclog_mem", 0xc300_0000, 0x8_0000, false, false),
    ("dss_header", 0xd810_0000, 0x1_0000, false, false),
    ("log_kevents", 0xd811_0000, 0x70_0000, false, true),
    ("log_s2d", 0xd881_0000, 0x150_0000, true, true),
    ("log_array_reset", 0xd9d1_0000, 0xa0_0000, false, true),
    ("log_array_panic", 0xda71_0000, 0xa0_0000, false, true),
    ("log_slcdump", 0xdb11_0000, 0x88_0000, false, true),
    ("log_preslcdump", 0xdb99_0000, 0x88_0000, false, true),
    ("log_bcm", 0xdc21_0000, 0x40_0000, false, false),
    ("log_itmon", 0xdc61_0000, 0x1_0000, false, true),
    ("cp_rmem_1", 0xe800_0000, 0x1c0_0000, false, false),
    ("cp_rmem_2", 0xee00_0000, 0x40_0000, false, false),
    ("cp_rmem", 0xf000_0000, 0x80_0000, false, false),
    ("cp_msi_rmem", 0xf620_0000, 0x1000, false, false),
    ("ramoops", 0xfd3f_f000, 0x40_0000, false, false),
    ("suspend_diag_log", 0xfd90_c000, 0x1000, true, false),
];

/// Regions without an address in the stock tree.
const DYNAMIC: [(&str, u32); 5] = [
    ("vstream", 0x480_0000),
    ("vframe", 0x2000_0000),
    ("vscaler", 0x340_0000),
    ("tui", 0x300_0000),
    ("mfc_fw_rmem", 0x20_0000),
];

/// The free runs in the low bank with exactly the regions that were seen.
const FREE: &str = "80000000-8b000000 8b0c4000-90200000 90600000-93000000 97000000-b7200000 c0000000-e0000000 \
    e2500000-f8800000 f9800000-fac00000 fb5e4000-fd3f0000 fd3ff000-fd800000 fd902000-100000000 \
    880000000-a00000000";

fn root(inside: impl FnOnce(&mut Writer)) -> Blob {
    let mut tree = Writer::new();
    tree.node("", |root| {
        root.counts(2, 1);
        root.text("model", "Oriole");
        root.property("compatible", b"google,gs101-oriole\0google,gs101\0");
        inside(root);
        root.node("memory@80000000", |node| {
            node.text("device_type", "memory");
            // Not in order: nothing says that they are.
            node.ranges("reg", &[BANKS[2], BANKS[0], BANKS[3], BANKS[1]], 2, 1);
        });
    });
    tree.finish()
}

fn region(parent: &mut Writer, name: &str, range: (u64, u64), more: impl FnOnce(&mut Writer)) {
    parent.node(&format!("{name}@{:x}", range.0), |node| {
        node.ranges("reg", &[range], 2, 1);
        more(node);
    });
}

fn add_seen(reserved: &mut Writer) {
    for (name, start, size) in SEEN {
        region(reserved, name, (start, size), |node| node.flag("no-map"));
    }
}

/// The upstream shape. One region stands in it twice, under two names, as on the phone.
pub(crate) fn upstream() -> Blob {
    root(|root| {
        root.node("reserved-memory", |reserved| {
            reserved.counts(2, 1);
            reserved.flag("ranges");
            add_seen(reserved);
            region(reserved, "debug-kinfo-reserved", (0xfd3f_e000, 0x1000), |node| node.flag("no-map"));
        });
        root.node("chosen", |chosen| {
            chosen.cells("linux,initrd-start", &[0x8400_0000]);
            chosen.cells("linux,initrd-end", &[0x8400_0000]);
        });
    })
}

/// The stock shape: devices by the hundred at the root, long names, and a group in `/reserved-memory`.
fn stock() -> Blob {
    root(|root| {
        for number in 0..DEVICES {
            root.node(&format!("device_{number:X}@0x{:08X}", 0x1000_0000 + number * 0x1_0000), |device| {
                device.text("compatible", "samsung,exynos-device");
                device.ranges("reg", &[(0x1000_0000 + number * 0x1_0000, 0x1_0000)], 2, 1);
                device.flag("arm,coresight-loses-context-with-cpu");
                device.flag("cpu_hw_throttling_trigger_threshold");
            });
        }
        root.node("reserved-memory", |reserved| {
            reserved.counts(2, 1);
            reserved.flag("ranges");
            add_seen(reserved);
            let (group, plain): (Vec<_>, Vec<_>) =
                STOCK.iter().partition(|region| region.0.starts_with("log_"));
            let add = |parent: &mut Writer, &(name, start, size, no_map, disabled): &_| {
                region(parent, name, (start, size), |node| {
                    if no_map {
                        node.flag("no-map");
                    }
                    if disabled {
                        node.text("status", "disabled");
                    }
                });
            };
            plain.into_iter().for_each(|region| add(reserved, region));
            reserved.node("debug_snapshot", |snapshot| {
                snapshot.counts(2, 1);
                group.into_iter().for_each(|region| add(snapshot, region));
            });
            for (name, size) in DYNAMIC {
                reserved.node(name, |node| {
                    node.text("compatible", "shared-dma-pool");
                    node.flag("reusable");
                    node.cells("size", &[size]);
                    node.cells("alignment", &[0x1_0000]);
                    node.ranges("alloc-ranges", &BANKS, 2, 1);
                });
            }
        });
    })
}

fn read(blob: &Blob) -> RamDescription<64> {
    RamDescription::read(&Tree::new(&blob.bytes).unwrap(), &[]).unwrap()
}

#[test]
fn r004_12_the_upstream_tree_gives_8_gib_in_two_banks() {
    let memory = read(&upstream());
    assert_eq!(text(&memory.ram), "80000000-100000000 880000000-a00000000");
    assert_eq!(memory.ram.size(), 8 << 30);
}

#[test]
fn r004_13_the_upstream_tree_leaves_the_free_runs_that_the_phone_showed() {
    let memory = read(&upstream());
    assert_eq!(text(&memory.free().unwrap()), FREE);
    assert_eq!(memory.reserved.size(), 281_316 << 10, "the phone reports 281,316 KiB reserved");
    assert_eq!(memory.no_map, memory.reserved);
    assert_eq!(memory.initrd, None);
}

#[test]
fn r004_12_the_stock_tree_has_over_1300_nodes_and_long_names_and_is_read() {
    let blob = stock();
    let tree = Tree::new(&blob.bytes).unwrap();
    assert!(tree.nodes().count() as u64 > DEVICES);
    assert!(dtoolkit::fdt::Fdt::new(&blob.bytes).is_err(), "the reason why it is not our reader");
    assert_eq!(read(&blob).ram.size(), 8 << 30);
}

#[test]
fn r004_13_the_stock_tree_reserves_what_is_enabled_at_any_depth() {
    let memory = read(&stock());
    let mut want = RegionSet::<64>::new();
    let enabled = STOCK.iter().filter(|region| !region.4).map(|&(_, start, size, ..)| (start, size));
    for (start, size) in SEEN.iter().map(|&(_, start, size)| (start, size)).chain(enabled) {
        want.add(PhysRange::from_size(PhysAddr(start), size).unwrap().round_outward()).unwrap();
    }
    let mut fixed = memory.reserved;
    for range in memory.reusable.iter() {
        fixed.subtract(range).unwrap();
    }
    assert_eq!(fixed, want);
    assert!(fixed.contains(PhysAddr(0xdc21_0000)), "log_bcm, enabled and one level deeper");
    assert!(!fixed.contains(PhysAddr(0xd811_0000)), "log_kevents, disabled there");
}

#[test]
fn r004_13_the_stock_tree_places_its_pools_in_free_ram_where_they_may_lie() {
    let memory = read(&stock());
    let sizes: u64 = DYNAMIC.iter().map(|&(_, size)| u64::from(size)).sum();
    assert_eq!(memory.reusable.size(), sizes);
    // Each lies in the first of its windows that has room: the low bank has none for the largest.
    let high = memory.reusable.iter().filter(|range| range.start().0 >= 0x1_0000_0000);
    assert_eq!(high.map(PhysRange::size).sum::<u64>(), 0x2000_0000);
    assert!(memory.reusable.iter().all(|range| range.start().0.is_multiple_of(0x1_0000)));
    assert_eq!(text(&memory.reusable), text(&read(&stock()).reusable), "the same every time");
}

#[test]
fn r004_14_the_island_of_one_frame_is_free_in_the_stock_tree() {
    let free = read(&stock()).free().unwrap();
    let island = PhysRange::from_size(PhysAddr(0xfd7f_f000), FRAME_SIZE).unwrap();
    assert!(free.iter().any(|range| range == island), "{free:?}");
}
