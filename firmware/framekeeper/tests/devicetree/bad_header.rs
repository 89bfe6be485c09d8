//! Headers that lie.

use crate::{
    bad::Bad,
    sample::{machine_writer, sample},
    writer::{Blob, Layout, field},
};

const FIELDS: [&str; 10] = [
    "magic",
    "total-size",
    "structure-offset",
    "strings-offset",
    "reservations-offset",
    "version",
    "last-compatible-version",
    "boot-cpu",
    "strings-size",
    "structure-size",
];

pub(crate) fn table() -> Vec<Bad> {
    let mut table = cut_off();
    table.extend(wrong_words());
    table.extend(wrong_blocks());
    table.extend(only_a_header());
    table.extend(structure_of_no_size());
    table
}

/// The blob ends early, and the header does not say so.
fn cut_off() -> Vec<Bad> {
    let whole = sample();
    let mut table = Vec::new();
    for (index, name) in FIELDS.iter().enumerate() {
        let (before, inside) = (index * 4, index * 4 + 2);
        let offset = |length: usize| if length < 4 { 0 } else { length };
        let cut = |length: usize| whole.bytes[..length].to_vec();
        table.push(Bad::new(format!("ends-before-{name}"), cut(before), "TooShort", offset(before)));
        table.push(Bad::new(format!("ends-inside-{name}"), cut(inside), "TooShort", offset(inside)));
    }
    for mark in &whole.marks {
        let (name, cut) = (&mark.label, whole.bytes[..mark.offset].to_vec());
        table.push(Bad::new(format!("ends-before-{name}"), cut, "LargerThanBlob", field::TOTAL_SIZE));
    }
    let cut = whole.bytes[..whole.len() - 1].to_vec();
    table.push(Bad::new("last-byte-is-missing", cut, "LargerThanBlob", field::TOTAL_SIZE));
    table.push(Bad::new("only-a-header", whole.bytes[..40].to_vec(), "LargerThanBlob", field::TOTAL_SIZE));
    table
}

/// A field has a value that no device tree has there.
fn wrong_words() -> Vec<Bad> {
    let whole = sample();
    let length = whole.len() as u32;
    let cases: &[(&str, usize, &[u32], &str)] = &[
        (
            "magic",
            field::MAGIC,
            &[0, 1, 0xedfe_0dd0, 0xd00d_feee, 0xd00d_feec, 0x500d_feed, u32::MAX],
            "BadMagic",
        ),
        ("total-size", field::TOTAL_SIZE, &[0, 1, 4, 36, 39], "SmallerThanHeader"),
        (
            "total-size",
            field::TOTAL_SIZE,
            &[length + 1, length + 4, length * 2, i32::MAX as u32, 0x8000_0000, u32::MAX],
            "LargerThanBlob",
        ),
        ("version", field::VERSION, &[0, 1, 2, 3, 15], "UnsupportedVersion"),
    ];
    let mut table = Vec::new();
    for &(name, offset, values, kind) in cases {
        for &value in values {
            let bytes = whole.with_word(offset, value);
            table.push(Bad::new(format!("{name}-is-{value:#x}"), bytes, kind, offset));
        }
    }
    for value in [18, 19, 0x11_0000, 0x8000_0000, u32::MAX] {
        let bytes = whole.with_word(field::LAST_COMPATIBLE, value);
        let name = format!("last-compatible-version-is-{value:#x}");
        table.push(Bad::new(name, bytes, "UnsupportedVersion", field::VERSION));
    }
    let mut newer = whole.with_word(field::VERSION, 18);
    newer[field::LAST_COMPATIBLE + 3] = 18;
    table.push(Bad::new(
        "version-18-compatible-with-nothing-older",
        newer,
        "UnsupportedVersion",
        field::VERSION,
    ));
    let mut older = whole.with_word(field::VERSION, 16);
    older[field::LAST_COMPATIBLE + 3] = 17;
    table.push(Bad::new(
        "compatible-with-a-version-above-its-own",
        older,
        "UnsupportedVersion",
        field::VERSION,
    ));
    table
}

/// A block stands where it cannot.
fn wrong_blocks() -> Vec<Bad> {
    let whole = sample();
    let length = whole.len() as u32;
    let (structure, strings) = (whole.word(field::STRUCTURE), whole.word(field::STRINGS));
    let mut table = Vec::new();
    let mut put = |name: String, at: usize, value: u32, kind: &str, offset: usize| {
        table.push(Bad::new(name, whole.with_word(at, value), kind, offset));
    };
    let far = [length + 4, length + 8, 0x7fff_fff8, 0x8000_0000, 0xffff_fff8];
    for value in far {
        for (name, at) in [("structure", field::STRUCTURE), ("strings", field::STRINGS)] {
            put(format!("{name}-start-at-{value:#x}"), at, value, "OutsideBlob", at);
        }
        let aligned = value.next_multiple_of(8);
        let name = format!("reservations-start-at-{aligned:#x}-from-{value:#x}");
        put(name, field::RESERVATIONS, aligned, "OutsideBlob", field::RESERVATIONS);
    }
    for by in 1..4 {
        let (name, at) = (format!("structure-starts-{by}-bytes-late"), field::STRUCTURE);
        put(name, at, structure + by, "Misaligned", at);
        let name = format!("structure-starts-{by}-bytes-early");
        put(name, at, structure - by, "Misaligned", at);
    }
    for by in 1..8 {
        let (name, at) = (format!("reservations-start-{by}-bytes-late"), field::RESERVATIONS);
        put(name, at, 40 + by, "Misaligned", at);
    }
    for value in [u32::MAX, u32::MAX - 3] {
        let (name, at) = (format!("structure-starts-at-{value:#x}"), field::STRUCTURE);
        put(name, at, value, if value % 4 == 0 { "OutsideBlob" } else { "Misaligned" }, at);
    }
    let left = length - structure;
    for value in [left + 1, left + 4, length, 0x7fff_ffff, 0x8000_0000, u32::MAX - structure + 1, u32::MAX] {
        let name = format!("structure-size-is-{value:#x}");
        put(name, field::STRUCTURE_SIZE, value, "OutsideBlob", field::STRUCTURE_SIZE);
    }
    let left = length - strings;
    for value in [left + 1, left + 4, length, 0x7fff_ffff, 0x8000_0000, u32::MAX - strings + 1, u32::MAX] {
        let name = format!("strings-size-is-{value:#x}");
        put(name, field::STRINGS_SIZE, value, "OutsideBlob", field::STRINGS_SIZE);
    }
    for value in [0, 4, 8, 36] {
        let name = format!("structure-starts-at-byte-{value}-of-the-header");
        put(name, field::STRUCTURE, value, "BlocksOverlap", field::STRUCTURE);
        let name = format!("strings-start-at-byte-{value}-of-the-header");
        put(name, field::STRINGS, value, "BlocksOverlap", field::STRINGS);
    }
    for value in [0, 8, 16, 24, 32] {
        let name = format!("reservations-start-at-byte-{value}-of-the-header");
        put(name, field::RESERVATIONS, value, "BlocksOverlap", field::RESERVATIONS);
    }
    let mut put = |name: &str, at: usize, value: u32, offset: usize| {
        table.push(Bad::new(name, whole.with_word(at, value), "BlocksOverlap", offset));
    };
    put("structure-starts-on-the-reservations", field::STRUCTURE, 40, field::STRUCTURE);
    put("structure-starts-on-the-last-reservation", field::STRUCTURE, 48, field::STRUCTURE);
    put("strings-start-on-the-reservations", field::STRINGS, 44, field::STRINGS);
    put("strings-start-where-the-structure-does", field::STRINGS, structure, field::STRINGS);
    put("strings-start-4-bytes-into-the-structure", field::STRINGS, structure + 4, field::STRINGS);
    put("strings-start-on-the-last-token", field::STRINGS, strings - 4, field::STRINGS);
    put("structure-goes-on-into-the-strings", field::STRUCTURE_SIZE, strings - structure + 4, field::STRINGS);
    put("structure-has-all-up-to-the-end", field::STRUCTURE_SIZE, length - structure, field::STRINGS);
    table.extend(reservations_without_end());
    table
}

/// The sample in version 16, of whole cells.
fn old_sample() -> Blob {
    let write =
        |slack| machine_writer(|_| {}).finish_with(Layout { version: 16, slack, ..Layout::default() });
    write(4 - write(0).len() % 4)
}

/// The tree ends where its header does, and the header says so.
fn only_a_header() -> Vec<Bad> {
    let mut table = Vec::new();
    for (whole, size, kind, offset) in [
        (old_sample(), 36, "OutsideBlob", field::RESERVATIONS),
        (sample(), 40, "ReservationsUnterminated", 40),
    ] {
        let bytes = whole.with_word(field::TOTAL_SIZE, size as u32);
        table.push(Bad::new(format!("total-size-is-{size}"), bytes.clone(), kind, offset));
        table.push(Bad::new(format!("blob-of-{size}-bytes"), bytes[..size].to_vec(), kind, offset));
    }
    table
}

/// Of version 16, where the structure block goes on until another block starts.
fn structure_of_no_size() -> Vec<Bad> {
    let whole = old_sample();
    let (end, strings) = (whole.len(), whole.word(field::STRINGS));
    let mut table = Vec::new();
    let mut put = |name: &str, start: u32, kind: &str, offset: usize| {
        let name = format!("version-16-structure-starts-{name}");
        table.push(Bad::new(name, whole.with_word(field::STRUCTURE, start), kind, offset));
    };
    put("at-the-end", end as u32, "MissingEnd", end);
    put("behind-the-end", end as u32 + 4, "OutsideBlob", field::STRUCTURE);
    put("on-the-reservations", 40, "BlocksOverlap", field::STRUCTURE);
    put("where-the-strings-do", strings, "BlocksOverlap", field::STRINGS);
    table
}

fn reservations_without_end() -> Vec<Bad> {
    let whole = sample();
    let mut table = Vec::new();
    // The block moves to the end of the blob, where no zeros follow it.
    for count in 0..4_usize {
        let mut bytes = whole.bytes.clone();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let start = bytes.len();
        (0..count).for_each(|entry| bytes.extend([[entry as u8 + 1; 8], [1; 8]].concat()));
        let total = bytes.len() as u32;
        bytes[field::TOTAL_SIZE..][..4].copy_from_slice(&total.to_be_bytes());
        bytes[field::RESERVATIONS..][..4].copy_from_slice(&(start as u32).to_be_bytes());
        let name = format!("{count}-reservations-and-no-end-mark");
        table.push(Bad::new(name, bytes.clone(), "ReservationsUnterminated", start));
        bytes.extend([0; 15]);
        bytes[field::TOTAL_SIZE..][..4].copy_from_slice(&(total + 15).to_be_bytes());
        let name = format!("{count}-reservations-and-15-bytes-of-an-end-mark");
        table.push(Bad::new(name, bytes, "ReservationsUnterminated", start));
    }
    table
}
