//! Pictures of memory: every bank as a strip, each cell in the colours of what its frames are.

use super::super::numbers::dumps;
use super::super::story::Story;
use super::timeline::figure;
use crate::session::Measured;
use crate::units::Bytes;
use framekeeper::FRAME_SIZE;
use framekeeper::dump::{Block, Dump, Run};
use maud::{Markup, html};

/// In units of the drawing, which is scaled to the page.
const WIDTH: f64 = 1000.0;
const CELLS: u64 = 256;
const ROW: f64 = 16.0;
/// RAM that lies closer together than this is one bank.
const SAME_BANK: u64 = 512 << 20;
/// A terabyte is more than any board has.
const MOST_FRAMES: u64 = (1 << 40) / FRAME_SIZE;
/// A bank has a row for so many frames, so that large ones have several.
const FRAMES_OF_A_ROW: u64 = (1 << 30) / FRAME_SIZE;

/// What a frame can be, as the picture tells it apart.
const KINDS: [(&str, &str); 7] = [
    ("free-large", "free, in blocks of 2 MiB and more"),
    ("free-small", "free, in smaller blocks"),
    ("cached", "free, kept by a core or on its way back"),
    ("allocated", "allocated"),
    ("slab", "slabs"),
    ("reserved", "reserved"),
    ("odd", "changing, or damaged"),
];

/// Whether a test has sent any.
pub(super) fn has_any(story: &Story) -> bool {
    story.tests.iter().flat_map(|told| &told.numbers).any(|number| matches!(number, Measured::Map { .. }))
}

/// The pictures.
pub(super) fn section(story: &Story) -> Markup {
    html! {
        @if has_any(story) {
            section #maps {
                h2 { "Memory" }
                ul.legend { @for (kind, words) in KINDS { li { span.(kind) {} " " (words) } } }
                @for told in &story.tests {
                    @for (name, dump) in dumps(&told.numbers) {
                        h3 { (name) " " small { code { (story.name(told)) } } }
                        (picture(name, &dump))
                    }
                }
            }
        }
    }
}

fn picture(name: &str, bytes: &[u8]) -> Markup {
    let runs = Dump::new(bytes).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match runs {
        Ok(runs) if !is_plausible(&runs) => {
            html! { p { "It cannot be drawn: it speaks of more memory than there is." } }
        }
        Ok(runs) => html! { (strips(name, &banks(&runs))) (table(&runs)) },
        Err(error) => html! { p { "It cannot be drawn: " (error) } },
    }
}

/// Whether there can be so much memory: a picture of what a damaged map speaks of may be larger than this machine.
fn is_plausible(runs: &[Run]) -> bool {
    let mut next = 0;
    let mut drawn = 0_u64;
    for run in runs.iter().filter(|run| run.block != Block::Hole) {
        let (first, frames) = (run.first.number(), run.count.saturating_mul(run.block.frames()));
        let gap = first.saturating_sub(next).min(SAME_BANK / FRAME_SIZE);
        drawn = drawn.saturating_add(gap).saturating_add(frames);
        if first < next || drawn > MOST_FRAMES {
            return false;
        }
        next = first + frames;
    }
    true
}

/// RAM without a large hole in it: where it begins and ends, in frames, and what lies there.
struct Bank {
    first: u64,
    end: u64,
    runs: Vec<Run>,
}

fn banks(runs: &[Run]) -> Vec<Bank> {
    let mut banks: Vec<Bank> = Vec::new();
    for run in runs.iter().filter(|run| run.block != Block::Hole) {
        let (first, end) = (run.first.number(), run.end().number());
        match banks.last_mut().filter(|bank| first.saturating_sub(bank.end) * FRAME_SIZE < SAME_BANK) {
            Some(bank) => {
                bank.end = end;
                bank.runs.push(*run);
            }
            None => banks.push(Bank { first, end, runs: vec![*run] }),
        }
    }
    banks
}

const fn kind(block: Block) -> usize {
    match block {
        Block::Free { order } if order.number() >= 9 => 0,
        Block::Free { .. } => 1,
        Block::Cached { .. } | Block::Pending { .. } => 2,
        Block::Allocated { .. } => 3,
        Block::Slab { .. } => 4,
        Block::Reserved | Block::Hole => 5,
        Block::Changing { .. } | Block::Damaged { .. } => 6,
    }
}

fn strips(name: &str, banks: &[Bank]) -> Markup {
    let rows: Vec<_> = banks.iter().flat_map(rows).collect();
    let height = rows.len() as f64 * (ROW + 4.0);
    html! {
        div.wide {
            svg.memory viewBox={ "0 0 " (WIDTH) " " (figure(height)) } role="img" aria-label={ "memory, " (name) } {
                @for (number, row) in rows.iter().enumerate() { (strip(row, number as f64 * (ROW + 4.0))) }
            }
        }
    }
}

/// A part of a bank: where it begins, how many frames a full row has, and how many of each kind each cell has.
struct Row {
    first: u64,
    cells: Vec<[u64; KINDS.len()]>,
}

fn rows(bank: &Bank) -> Vec<Row> {
    let frames = FRAMES_OF_A_ROW.div_ceil(CELLS);
    let cells = (bank.end - bank.first).div_ceil(frames);
    let mut counts = vec![[0; KINDS.len()]; cells as usize];
    for run in &bank.runs {
        let (mut frame, end) = (run.first.number(), run.end().number());
        while frame < end {
            let cell = (frame - bank.first) / frames;
            let next = end.min(bank.first + (cell + 1) * frames);
            if let Some(counts) = counts.get_mut(cell as usize) {
                counts[kind(run.block)] += next - frame;
            }
            frame = next;
        }
    }
    let rows = counts.chunks(CELLS as usize).enumerate();
    rows.map(|(row, cells)| Row { first: bank.first + row as u64 * CELLS * frames, cells: cells.to_vec() })
        .collect()
}

/// Each cell is filled from below by the parts that its kinds have in it; what is left is hole. Cells that are alike are one.
fn strip(row: &Row, y: f64) -> Markup {
    const LABEL: f64 = 110.0;
    let width = (WIDTH - LABEL) / CELLS as f64;
    let frames = FRAMES_OF_A_ROW.div_ceil(CELLS);
    let mut parts = Vec::new();
    let mut from = 0;
    for alike in row.cells.chunk_by(|one, other| one == other) {
        let (x, wide) = (LABEL + width * from as f64, width * alike.len() as f64);
        let mut top = y + ROW;
        for (count, (kind, _)) in alike[0].iter().zip(KINDS) {
            let high = ROW * *count as f64 / frames as f64;
            top -= high;
            if *count > 0 {
                parts.push((kind, [x, top, wide, high]));
            }
        }
        from += alike.len();
    }
    html! {
        text.axis x="0" y=(figure(y + 12.0)) { (format!("{:#x}", row.first * FRAME_SIZE)) }
        rect.hole x=(LABEL) y=(figure(y)) width=(figure(width * row.cells.len() as f64)) height=(ROW) {}
        @for (kind, [x, y, width, height]) in parts {
            rect.(kind) x=(figure(x)) y=(format!("{y:.2}")) width=(format!("{:.2}", width + 0.05)) height=(format!("{height:.2}")) {}
        }
    }
}

/// How much there is of each kind, and of free memory in each order.
fn table(runs: &[Run]) -> Markup {
    let mut kinds = [0; KINDS.len()];
    let mut orders = [0; 32];
    for run in runs.iter().filter(|run| run.block != Block::Hole) {
        kinds[kind(run.block)] += run.count * run.block.frames();
        if let Block::Free { order } = run.block {
            orders[order.number() as usize] += run.count;
        }
    }
    let free: Vec<_> = orders.iter().enumerate().filter(|(_, count)| **count > 0).collect();
    html! {
        p.note {
            @for (frames, (_, words)) in kinds.into_iter().zip(KINDS) {
                @if frames > 0 { (words) ": " (Bytes(frames * FRAME_SIZE)) ". " }
            }
            @if !free.is_empty() {
                "Free blocks by order: "
                @for (place, (order, count)) in free.iter().enumerate() {
                    @if place > 0 { ", " } (order) ": " (count)
                }
                "."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framekeeper::{Frame, Order, Owner};

    fn run(first: u64, frames: u64, count: u64) -> Run {
        let block = Block::Allocated { frames, owner: Owner::new(0) };
        Run { first: Frame::new(first), block, count }
    }

    #[test]
    fn a_dump_that_speaks_of_more_than_there_can_be_is_not_drawn() {
        assert!(is_plausible(&[run(16, 4, 2), run(24, 1 << 20, 1), run(1 << 40, 1, 1)]));
        assert!(!is_plausible(&[run(0, u64::MAX, 2)]));
        assert!(!is_plausible(&[run(0, 1 << 28, 1), run(1 << 28, 1, 1)]));
        assert!(!is_plausible(&[run(16, 4, 2), run(20, 1, 1)]));
        let many: Vec<_> = (0..1 << 12).map(|bank| run(bank << 30, 1, 1)).collect();
        assert!(!is_plausible(&many));
    }

    #[test]
    fn each_cell_has_its_share() {
        let order = Order::new(10).unwrap();
        let free = Run { first: Frame::new(0), block: Block::Free { order }, count: 1 };
        let banks = banks(&[free, run(1024, 512, 1), run(1 << 30, 1, 1)]);
        assert_eq!(banks.len(), 2);
        let rows = rows(&banks[0]);
        assert_eq!((rows.len(), rows[0].cells.len()), (1, 2));
        assert_eq!((rows[0].cells[0][0], rows[0].cells[1][3]), (1024, 512));
    }
}
