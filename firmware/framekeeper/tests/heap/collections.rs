//! Collections on a heap.

use crate::{
    kernel::{Kernel, KernelHeap},
    machine::cores,
};
use allocator_api2::{boxed::Box, vec::Vec};
use framekeeper::slabs::{Hardening, Off, Paranoid, Standard};

fn collections<H: Hardening>(heap: &KernelHeap<'_, H>) {
    let mut numbers = Vec::new_in(heap);
    let mut boxes = Vec::new_in(heap);
    for number in 0..50_000_u64 {
        numbers.push(number);
        if number % 10 == 0 {
            boxes.push(Box::new_in([number; 9], heap));
        }
    }
    assert!(numbers.iter().copied().eq(0..50_000));
    assert!((0..).step_by(10).zip(&boxes).all(|(number, array)| **array == [number; 9]));
    numbers.truncate(1000);
    numbers.shrink_to_fit();
    boxes.retain(|array| array[0] % 20 == 0);
    let mut lists: Vec<Vec<u8, _>, _> = (0..100).fold(Vec::new_in(heap), |mut lists, length: usize| {
        let mut list = Vec::with_capacity_in(length, heap);
        list.resize(length * length, length as u8);
        lists.push(list);
        lists
    });
    lists.reverse();
    assert!((0..100).rev().zip(&lists).all(|(length, list)| list.iter().all(|&byte| byte == length)));
    assert!(numbers.iter().copied().eq(0..1000));
}

#[test]
fn r003_7_collections_use_it_on_stable() {
    Kernel::new(8, 1).run::<Off>(|_, heap| collections(heap));
    Kernel::new(8, 1).run::<Standard>(|_, heap| collections(heap));
    Kernel::new(8, 1).run::<Paranoid>(|_, heap| collections(heap));
}

/// Not every list asks for memory of no bytes to be taken back.
#[test]
fn r003_7_lists_that_shrink_to_nothing_leave_nothing() {
    Kernel::new(8, 1).run::<Standard>(|_, heap| {
        let mut lists: Vec<Vec<u64, _>> = (0..20).map(|_| Vec::new_in(heap)).collect();
        for list in &mut lists {
            list.extend(0..20);
            list.clear();
            list.shrink_to_fit();
        }
        assert_eq!(heap.slabs().unwrap().report().allocated(), 0);
        lists.iter_mut().for_each(|list| list.extend(0..20));
        assert!(lists.iter().all(|list| list.iter().copied().eq(0..20)));
        drop(lists);
        assert_eq!(heap.slabs().unwrap().report().allocated(), 0);
        assert_eq!(heap.slabs().unwrap().reports(), 0);
    });
}

#[test]
fn r003_7_collections_of_many_cores_use_it() {
    Kernel::new(32, 3).run::<Standard>(|_, heap| {
        std::thread::scope(|scope| {
            for core in 0..3 {
                scope.spawn(move || {
                    cores::on_core(core);
                    collections(heap);
                });
            }
        });
    });
}

#[cfg(feature = "nightly")]
#[test]
fn r003_7_collections_of_the_standard_library_use_it_on_nightly() {
    use std::{collections::BTreeMap, sync::Arc};
    Kernel::new(8, 1).run::<Standard>(|_, heap| {
        let shared = Arc::new_in(7, heap);
        let mut map = BTreeMap::new_in(heap);
        let mut list = std::vec::Vec::new_in(heap);
        for number in 0..10_000_u32 {
            map.insert(number.wrapping_mul(0x9e37_79b9), shared.clone());
            list.push(number);
        }
        assert_eq!(Arc::strong_count(&shared), 10_001);
        map.retain(|key, _| key % 2 == 0);
        assert!(map.values().all(|value| **value == 7) && list.iter().copied().eq(0..10_000));
    });
}
