//! Small damage, from a seed.

use crate::writer::field;

/// Splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

const WORDS: [u32; 18] = [
    0,
    1,
    2,
    3,
    4,
    5,
    8,
    9,
    16,
    17,
    64,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff8,
    0xffff_fffc,
    u32::MAX,
];

/// One to four wounds. Magic and total size are healed in three of four cases, so that damage behind them is seen.
pub(crate) fn mutate(seed: &[u8], bytes: &mut Vec<u8>, random: &mut Random) {
    bytes.clear();
    bytes.extend_from_slice(seed);
    for _ in 0..=random.below(4) {
        wound(bytes, random);
    }
    if random.below(4) > 0 && bytes.len() >= 8 {
        let total = bytes.len() as u32;
        bytes[..4].copy_from_slice(&0xd00d_feed_u32.to_be_bytes());
        bytes[field::TOTAL_SIZE..8].copy_from_slice(&total.to_be_bytes());
    }
}

fn wound(bytes: &mut Vec<u8>, random: &mut Random) {
    let length = bytes.len();
    if length < 64 {
        return;
    }
    let place = random.below(length);
    let cell = random.below(length / 4) * 4;
    match random.below(12) {
        0 | 1 => bytes[place] ^= 1 << random.below(8),
        2 => bytes[place] = random.next() as u8,
        3 | 4 => put(bytes, cell, WORDS[random.below(WORDS.len())]),
        5 => {
            let near = u32::from_be_bytes(bytes[cell..cell + 4].try_into().unwrap());
            put(bytes, cell, near.wrapping_add(random.below(9) as u32).wrapping_sub(4));
        }
        6 => put(bytes, random.below(10) * 4, WORDS[random.below(WORDS.len())]),
        7 => put(bytes, random.below(10) * 4, random.below(length) as u32),
        8 => bytes.truncate(place),
        9 => {
            let count = (random.below(16) * 4).min(length - place);
            let target = random.below(length - count);
            bytes.copy_within(place..place + count, target);
        }
        10 => {
            let end = (cell + random.below(8) * 4).min(length);
            drop(bytes.drain(cell..end));
        }
        _ => {
            let other = random.below(length / 4) * 4;
            (0..4).for_each(|byte| bytes.swap(cell + byte, other + byte));
        }
    }
}

fn put(bytes: &mut [u8], offset: usize, word: u32) {
    bytes[offset..offset + 4].copy_from_slice(&word.to_be_bytes());
}
