//! The device trees that the twin's image finds: both say the phone's memory, to the page.

use framekeeper::devicetree::{RamDescription, Tree};
use framekeeper::{FRAME_SIZE, PhysAddr, PhysRange, RegionSet};
use host_runner::twin::phone::{DEVICE_TREE, IMAGE, SPLASH, Shape, carve_outs};
use host_runner::twin::tree::{self, Patch, TreeError};
use host_runner::workspace::Workspace;
use machine::{Machine, Power, SerialKind, read_ram};

const SHAPES: [Shape; 2] = [Shape::Oriole, Shape::OrioleStock];

/// What a retail phone's kernel said of its memory, with the upstream tree: both banks without what is reserved.
const FREE_RUNS: [(u64, u64); 12] = [
    (0x8000_0000, 0x8b00_0000),
    (0x8b0c_4000, 0x9020_0000),
    (0x9060_0000, 0x9300_0000),
    (0x9700_0000, 0xb720_0000),
    (0xc000_0000, 0xe000_0000),
    (0xe250_0000, 0xf880_0000),
    (0xf980_0000, 0xfac0_0000),
    (0xfb5e_4000, 0xfd3f_0000),
    (0xfd3f_f000, 0xfd80_0000),
    (0xfd90_2000, 0x1_0000_0000),
    (0x8_8000_0000, 0x9_0000_0000),
    (0x9_0000_0000, 0xa_0000_0000),
];

fn blob(shape: Shape, patch: &Patch) -> Vec<u8> {
    tree::compile(&Workspace::find().unwrap(), shape, patch).unwrap()
}

fn range(start: u64, end: u64) -> PhysRange {
    PhysRange::new(PhysAddr(start), PhysAddr(end)).round_outward()
}

fn free_runs() -> RegionSet<64> {
    let mut free = RegionSet::new();
    FREE_RUNS.iter().for_each(|&(start, end)| free.add(range(start, end)).unwrap());
    free
}

fn read(blob: &[u8]) -> RamDescription<64> {
    RamDescription::read(&Tree::new(blob).unwrap(), &[]).unwrap()
}

#[test]
fn the_upstream_tree_leaves_the_free_runs_that_the_phone_showed() {
    let ram = read(&blob(Shape::Oriole, &Patch::default()));
    assert_eq!(ram.ram.size(), 8 << 30);
    assert_eq!(ram.free().unwrap(), free_runs());
    assert_eq!(ram.reserved.size(), 281_316 << 10, "the phone reports 281,316 KiB reserved");
}

/// The firmware trusts the sources that say 32 MiB for the boot loader more than the one log that says 16, and keeps
/// 64 KiB for notes where only the stock tree has a region for a kernel's last words.
#[test]
fn the_firmware_has_these_to_the_frame_but_for_the_boot_loaders_other_half_and_its_notes() {
    let blob = blob(Shape::Oriole, &Patch::default());
    let (image, tree) = (range(IMAGE, IMAGE + 0x60_0000), range(DEVICE_TREE, DEVICE_TREE + 0x2000));
    let ram = read_ram(&Tree::new(&blob).unwrap(), [image, tree]).unwrap();
    let mut want = free_runs();
    want.subtract(image).unwrap();
    want.subtract(tree).unwrap();
    want.subtract(range(0xf980_0000, 0xfa80_0000)).unwrap();
    want.subtract(range(0xfd3f_f000, 0xfd40_f000)).unwrap();
    assert_eq!(ram.free().unwrap().iter().collect::<Vec<_>>(), want.iter().collect::<Vec<_>>());
    let taken = (image.size() + tree.size()) / FRAME_SIZE;
    let frames = ram.free().unwrap().size() / FRAME_SIZE;
    assert_eq!(frames, (8_388_608 - 281_316 - 16_384 - 64) / 4 - taken);
}

#[test]
fn what_may_not_be_mapped_is_what_the_twin_does_not_have_and_the_screen() {
    for shape in SHAPES {
        let mut no_map = read(&blob(shape, &Patch::default())).no_map;
        if shape == Shape::Oriole {
            no_map.subtract(range(SPLASH.start, SPLASH.end)).unwrap();
        }
        let mut absent = RegionSet::<64>::new();
        carve_outs(shape).iter().for_each(|hole| absent.add(range(hole.start, hole.end)).unwrap());
        assert_eq!(no_map, absent, "{shape:?}");
    }
}

#[test]
fn both_trees_are_one_machine() {
    for shape in SHAPES {
        let blob = blob(shape, &Patch::default());
        let tree = Tree::new(&blob).unwrap();
        let found = Machine::read(&tree).unwrap();
        let cores: Vec<u64> = found.cores.into_iter().flatten().collect();
        assert_eq!(cores, [0, 0x100, 0x200, 0x300, 0x400, 0x500, 0x600, 0x700], "{shape:?}");
        let serial = found.serial.unwrap();
        assert_eq!((serial.kind, serial.registers.start().0), (SerialKind::Samsung, 0x10a0_0000));
        assert_eq!(found.power, Power::GooglePmu(PhysAddr(0x1746_0000)));
        assert_eq!(machine::watchdogs(&tree).count(), 2, "{shape:?}");
    }
}

#[test]
fn the_command_line_is_the_boot_images_whatever_is_in_it() {
    let bootargs = r#"a="b c" d=\e"#;
    let patch = Patch { bootargs: Some(bootargs.to_owned()), ..Patch::default() };
    for shape in SHAPES {
        let blob = blob(shape, &patch);
        let tree = Tree::new(&blob).unwrap();
        assert_eq!(tree.find("/chosen").unwrap().text("bootargs"), Some(bootargs));
    }
}

#[test]
fn a_patch_may_change_anything_and_one_that_is_no_source_is_refused() {
    let more = "/ { soc@0 { usi@10a000c0 { status = \"disabled\"; }; }; };".to_owned();
    let blob = blob(Shape::Oriole, &Patch { more, ..Patch::default() });
    let node = Tree::new(&blob).unwrap().find("/soc@0/usi@10a000c0").unwrap();
    assert_eq!(node.text("status"), Some("disabled"));
    let more = "/ { oops".to_owned();
    let refused =
        tree::compile(&Workspace::find().unwrap(), Shape::Oriole, &Patch { more, ..Patch::default() });
    assert!(matches!(refused, Err(TreeError::Refused(_))), "{refused:?}");
}
