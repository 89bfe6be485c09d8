//! The requirements of slabs, by their numbers.

use crate::{
    ground::MIB,
    machine::{Object, free, on_machine},
};
use framekeeper::slabs::{Class, Standard};
use std::alloc::Layout;

fn layout_of(class: Class) -> Layout {
    Layout::from_size_align(class.size(), 8).unwrap()
}

#[test]
fn r000_8_objects_of_all_classes_are_handed_out_and_taken_back() {
    on_machine::<Standard>(8, 1, |frames, slabs| {
        for class in Class::all() {
            let layout = layout_of(class);
            let object = |fill| Object::new(slabs.alloc(layout).unwrap(), layout, fill);
            let objects: Vec<_> = (0..300).map(|number| object((number % 256) as u8)).collect();
            for object in objects {
                free(slabs, object.checked().start, layout).unwrap();
            }
            assert_eq!(slabs.report().of(class).allocated(), 0);
        }
        println!("{}", slabs.report());
        slabs.shrink();
        assert_eq!(frames.free().total(), 8 * MIB / 4096);
    });
}
