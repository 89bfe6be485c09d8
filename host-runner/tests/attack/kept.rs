//! Reading what a board has left in memory.

use font8x8::legacy::BASIC_LEGACY;
use wire::notes::Notes;

/// Pixels in each direction for one of the font.
const SCALE: usize = 3;

/// The notes in some memory.
pub(crate) fn lines_noted(bytes: &[u8]) -> Vec<String> {
    let (words, _) = bytes.as_chunks::<4>();
    let mut words: Vec<u32> = words.iter().map(|&word| u32::from_le_bytes(word)).collect();
    let mut lines = Vec::new();
    Notes::open(&mut *words).for_each(|line| lines.push(line.to_owned()));
    lines
}

/// The text on a screen of so many pixels in a row, with so many bytes from one row to the next.
pub(crate) fn lines_on_screen(pixels: &[u8], width: usize, stride: usize) -> Vec<String> {
    let is_ink = |x: usize, y: usize| {
        let at = y * SCALE * stride + x * SCALE * 4;
        match u32::from_le_bytes(pixels[at..at + 4].try_into().unwrap()) {
            0xffff_ffff => true,
            0xff00_0000 => false,
            other => panic!("a pixel is {other:#x}"),
        }
    };
    let letter = |column: usize, line: usize| {
        let row = |y| (0..8).fold(0, |row, x| row | u8::from(is_ink(column * 8 + x, line * 8 + y)) << x);
        let shape: [u8; 8] = std::array::from_fn(row);
        (b' '..b'~').find(|&letter| BASIC_LEGACY[letter as usize] == shape).map_or('?', char::from)
    };
    let cell = 8 * SCALE;
    let line = |line| (0..width / cell).map(|column| letter(column, line)).collect::<String>();
    (0..pixels.len() / stride / cell).map(|number| line(number).trim_end().to_owned()).collect()
}
