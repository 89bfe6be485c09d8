//! A bad line on purpose: bytes are flipped, dropped and doubled by lot, the same way for the same seed.

use std::fmt;
use std::str::FromStr;

/// How often which fault happens, per byte.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// One bit of the byte is turned.
    pub flip: f64,
    /// The byte is left out.
    pub drop: f64,
    /// The byte comes twice.
    pub double: f64,
    /// Decides where.
    pub seed: u64,
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').try_fold(Self::default(), Self::with)
    }
}

/// As it is read.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flip, drop, double, seed } = self;
        write!(f, "flip={flip},drop={drop},double={double},seed={seed}")
    }
}

impl Faults {
    fn with(mut self, pair: &str) -> Result<Self, String> {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| format!("`{pair}` is not of the form key=value"))?;
        match key {
            "flip" => self.flip = rate(value)?,
            "drop" => self.drop = rate(value)?,
            "double" => self.double = rate(value)?,
            "seed" => self.seed = value.parse().map_err(|_| format!("`{value}` is no whole number"))?,
            other => return Err(format!("`{other}` is none of flip, drop, double, seed")),
        }
        Ok(self)
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate @ 0.0..=1.0) => Ok(rate),
        _ => Err(format!("`{text}` is no rate between 0 and 1, as 1e-4 is")),
    }
}

/// Damages what passes through it.
#[derive(Clone, Debug)]
pub struct FaultyLink {
    faults: Faults,
    state: u64,
}

impl FaultyLink {
    /// A line with these faults.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self { faults, state: faults.seed }
    }

    /// What arrives of `bytes`.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut arrived = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.pass_byte(byte, &mut arrived);
        }
        arrived
    }

    fn pass_byte(&mut self, byte: u8, arrived: &mut Vec<u8>) {
        if self.happens(self.faults.drop) {
            return;
        }
        let flipped = if self.happens(self.faults.flip) { byte ^ (1 << (self.draw() % 8)) } else { byte };
        arrived.push(flipped);
        if self.happens(self.faults.double) {
            arrived.push(flipped);
        }
    }

    fn happens(&mut self, rate: f64) -> bool {
        // 53 bits are what a double holds exactly.
        let lot = (self.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        lot < rate
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): one word of state is enough for a line.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(faults: &str, bytes: &[u8]) -> Vec<u8> {
        FaultyLink::new(faults.parse().unwrap()).pass(bytes)
    }

    #[test]
    fn without_faults_everything_passes() {
        assert_eq!(pass("seed=3", b"hello"), b"hello");
    }

    #[test]
    fn certain_faults_happen_to_every_byte() {
        assert_eq!(pass("drop=1", b"hello"), b"");
        assert_eq!(pass("double=1", b"ab"), b"aabb");
        let flipped = pass("flip=1", &[0; 100]);
        assert!(flipped.iter().all(|byte| byte.count_ones() == 1));
    }

    #[test]
    fn rates_are_about_kept() {
        let kept = pass("drop=0.1,seed=9", &[0; 100_000]).len();
        assert!((89_000..91_000).contains(&kept), "{kept}");
    }

    #[test]
    fn the_seed_decides() {
        let bytes = [7; 1000];
        assert_eq!(pass("flip=0.1,seed=1", &bytes), pass("flip=0.1,seed=1", &bytes));
        assert_ne!(pass("flip=0.1,seed=1", &bytes), pass("flip=0.1,seed=2", &bytes));
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in ["flip", "flip=2", "flip=x", "bend=0.1", "seed=-1", ""] {
            assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
        }
    }
}
