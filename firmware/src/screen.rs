//! Text on the screen: progress and verdicts for somebody who has nothing but the phone.
//!
//! Only where no serial port may be used or nobody is at its other end, and only where the boot loader has left a screen
//! on. Its memory and its registers are not mapped otherwise. There is no scrolling, for a copy of the whole picture by single accesses takes a
//! second: behind the last line the text goes on at the top, and a blank line moves ahead of it.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | nobody else uses the memory | it is reserved, by the tree or by what is known of the system on chip; one core draws at a time, under [`SCREEN`] | `host-runner/tests/attack/alone.rs` |
//! | a pixel that was drawn is in memory when the screen reads it | it is mapped as device memory | – (an emulator has no caches) |

#![expect(unsafe_code, reason = "takes over the screen's memory and registers")]

use core::{fmt, ptr::NonNull};

use font8x8::legacy::BASIC_LEGACY;
use machine::{Machine, Screen, Write};
use safe_mmio::{UniqueMmioPointer, fields::ReadPureWrite};
use spin::Mutex;

use crate::{boot, interrupts, layout, persist};

/// How many pixels wide and high each pixel of the font is: a letter is a millimetre and a half on a Pixel 6.
const SCALE: usize = 3;
/// Pixels from one letter to the next, and from one line to the next.
const CELL: usize = 8 * SCALE;

const INK: u32 = 0xffff_ffff;
const PAPER: u32 = 0xff00_0000;

static SCREEN: Mutex<Option<Canvas>> = Mutex::new(None);

struct Canvas {
    screen: &'static Screen,
    pixels: UniqueMmioPointer<'static, [ReadPureWrite<u32>]>,
}

/// The machine's screen, where nothing else is heard.
pub(crate) fn in_use(machine: &Machine) -> Option<&Screen> {
    machine.screen.as_ref().filter(|_| machine.serial.is_none() || persist::is_alone())
}

/// Takes the screen over, and wipes it unless a test has written there since the boot.
pub(crate) fn open() {
    let Some(screen) = in_use(boot::machine()) else { return };
    let words = (layout::DEVICES + screen.pixels.start().0) as usize;
    let words = core::ptr::with_exposed_provenance_mut::<ReadPureWrite<u32>>(words);
    let words = core::ptr::slice_from_raw_parts_mut(words, (screen.pixels.size() / 4) as usize);
    let Some(words) = NonNull::new(words) else { unreachable!("devices are mapped in the upper half") };
    // SAFETY: the memory is reserved for the screen, mapped as device memory, and this is called once per start.
    let mut canvas = Canvas { screen, pixels: unsafe { UniqueMmioPointer::new(words) } };
    if persist::tests() == 0 {
        make(screen.begin);
        canvas.wipe(0..screen.height as usize);
        make(screen.refresh);
    }
    *SCREEN.lock() = Some(canvas);
}

/// Shows a line of text, or several if it is long. A core that finds another one drawing, or itself in a moment before an
/// exception, shows nothing.
pub(crate) fn show(text: fmt::Arguments<'_>) {
    interrupts::without(|| {
        if let Some(Some(canvas)) = SCREEN.try_lock().as_deref_mut() {
            let mut pen = Pen { canvas, line: persist::screen_line() as usize, column: 0 };
            // `write_str` never fails.
            let _ = fmt::write(&mut pen, text);
            pen.end_line();
            persist::set_screen_line(pen.line as u32);
            make(canvas.screen.refresh);
        }
    });
}

/// Has a panel that keeps its picture by itself take the newest one: it may have missed that there is one.
pub(crate) fn refresh() {
    if let Some(Some(canvas)) = SCREEN.try_lock().as_deref() {
        make(canvas.screen.refresh);
    }
}

fn make(writes: &[Write]) {
    for write in writes {
        let register = (layout::DEVICES + write.register.0) as usize;
        let register = core::ptr::with_exposed_provenance_mut::<ReadPureWrite<u32>>(register);
        let Some(register) = NonNull::new(register) else { unreachable!("devices are in the upper half") };
        // SAFETY: a register of the screen's, mapped as device memory; whoever writes there holds the lock or is alone.
        unsafe { UniqueMmioPointer::new(register) }.write(write.value);
    }
}

impl Canvas {
    fn set(&mut self, x: usize, y: usize, color: u32) {
        let place = y * (self.screen.stride as usize / 4) + x;
        if let Some(mut pixel) = self.pixels.get(place) {
            pixel.write(color);
        }
    }

    fn wipe(&mut self, rows: core::ops::Range<usize>) {
        for y in rows {
            (0..self.screen.width as usize).for_each(|x| self.set(x, y, PAPER));
        }
    }

    fn draw(&mut self, letter: char, line: usize, column: usize) {
        let shape = |letter| BASIC_LEGACY.get(letter as usize).copied();
        let rows = shape(letter).or(shape('?')).unwrap_or_default();
        for (y, row) in rows.into_iter().enumerate().filter(|&(_, row)| row != 0) {
            for x in (0..8).filter(|x| row >> x & 1 == 1) {
                self.draw_dot(column * CELL + x * SCALE, line * CELL + y * SCALE);
            }
        }
    }

    /// A pixel of the font.
    fn draw_dot(&mut self, left: usize, top: usize) {
        for y in top..top + SCALE {
            (left..left + SCALE).for_each(|x| self.set(x, y, INK));
        }
    }

    fn lines(&self) -> usize {
        (self.screen.height as usize / CELL).max(1)
    }

    fn columns(&self) -> usize {
        (self.screen.width as usize / CELL).max(1)
    }
}

/// Where the next letter goes.
struct Pen<'a> {
    canvas: &'a mut Canvas,
    line: usize,
    column: usize,
}

impl Pen<'_> {
    /// Goes to the next line, and wipes the one behind it, so that the newest text has nothing below.
    fn end_line(&mut self) {
        self.line = (self.line + 1) % self.canvas.lines();
        self.column = 0;
        let below = (self.line + 1) % self.canvas.lines();
        for line in [self.line, below] {
            self.canvas.wipe(line * CELL..(line + 1) * CELL);
        }
    }
}

impl fmt::Write for Pen<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if letter == '\n' || self.column == self.canvas.columns() {
                self.end_line();
            }
            if letter != '\n' {
                self.canvas.draw(letter, self.line, self.column);
                self.column += 1;
            }
        }
        Ok(())
    }
}
