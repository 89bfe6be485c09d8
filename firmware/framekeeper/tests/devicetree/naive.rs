//! The plainest reader of a device tree there can be, which shares no code with the library.
//!
//! It believes the blob, and panics on one that is not sound: it reads only what passed the check.

use crate::writer::{BEGIN_NODE, END_NODE, NOP, PROPERTY, field};
use std::collections::BTreeMap;

/// A child of the root: name and properties.
pub(crate) type Child = (String, BTreeMap<Vec<u8>, Vec<u8>>);

pub(crate) fn word(bytes: &[u8], offset: usize) -> usize {
    u32::from_be_bytes(bytes[offset..offset + 4].try_into().unwrap()) as usize
}

/// The properties of the root, and its children.
pub(crate) fn read(bytes: &[u8]) -> (Child, Vec<Child>) {
    let (mut at, mut depth) = (word(bytes, field::STRUCTURE), 0);
    let strings = word(bytes, field::STRINGS);
    let until_zero = |from: usize| bytes[from..].split(|&byte| byte == 0).next().unwrap().to_vec();
    let (mut root, mut children) = (Child::default(), Vec::<Child>::new());
    loop {
        match word(bytes, at) as u32 {
            BEGIN_NODE => {
                let name = until_zero(at + 4);
                at = (at + 4 + name.len() + 1).next_multiple_of(4);
                depth += 1;
                if depth == 2 {
                    children.push((String::from_utf8(name).unwrap(), BTreeMap::new()));
                }
            }
            END_NODE => (at, depth) = (at + 4, depth - 1),
            PROPERTY => {
                let (length, name) = (word(bytes, at + 4), until_zero(strings + word(bytes, at + 8)));
                let value = bytes[at + 12..at + 12 + length].to_vec();
                let node =
                    if depth == 1 { Some(&mut root) } else { children.last_mut().filter(|_| depth == 2) };
                if let Some((_, properties)) = node {
                    properties.entry(name).or_insert(value);
                }
                at = (at + 12 + length).next_multiple_of(4);
            }
            NOP => at += 4,
            _ => return (root, children),
        }
    }
}

/// Every byte range that a memory node claims, in the order of the tree. `None` if one cannot be read.
pub(crate) fn memory(bytes: &[u8]) -> Option<Vec<(u64, u64)>> {
    let (root, children) = read(bytes);
    let width = |name: &str, default| match root.1.get(name.as_bytes()).map(Vec::as_slice) {
        None => Some(default),
        Some([0, 0, 0, count @ (1 | 2)]) => Some(usize::from(*count) * 4),
        Some(_) => None,
    };
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    let mut ranges = Vec::new();
    for (name, properties) in children {
        let text = |name: &str| properties.get(name.as_bytes()).map(Vec::as_slice);
        let is_string = |value: &&[u8]| {
            value.iter().position(|&byte| byte == 0) == value.len().checked_sub(1)
                && str::from_utf8(value).is_ok()
        };
        let is_memory = match text("device_type").filter(is_string) {
            Some(device_type) => device_type == b"memory\0",
            None => name == "memory" || name.starts_with("memory@"),
        };
        match text("status") {
            _ if !is_memory => continue,
            None | Some(b"okay\0" | b"ok\0") => {}
            Some(status) if is_string(&status) => continue,
            Some(_) => return None,
        }
        let Some(reg) = text("reg") else { continue };
        let (address, size) = (width("#address-cells", 8)?, width("#size-cells", 4)?);
        if reg.len() % (address + size) != 0 {
            return None;
        }
        for entry in reg.chunks(address + size) {
            let (start, length) = (number(&entry[..address]), number(&entry[address..]));
            ranges.push((start, start.checked_add(length)?));
        }
    }
    Some(ranges)
}
