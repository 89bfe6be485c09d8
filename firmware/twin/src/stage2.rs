//! The second stage of translation: which of the phone's addresses are RAM.
//!
//! 40 bits in pages of 4 KiB, from level 1 on, with two root tables side by side (Arm ARM D8.2.8). What is mapped is
//! mapped to itself, in the largest pieces that fit; what is not is a stray access to whoever touches it.

use core::ops::Range;

/// A table of any level.
pub type Table = [u64; 512];

const PAGE: u64 = 1 << 12;
/// What one entry of levels 1, 2 and 3 stands for.
const STEPS: [u64; 3] = [1 << 30, 1 << 21, PAGE];

const VALID: u64 = 0b01;
/// On levels 1 and 2, that it leads to a table; on level 3, that it is a page.
const TABLE_OR_PAGE: u64 = 0b10;
/// Normal memory, written back; read and written; inner shareable; accessed.
const NORMAL: u64 = 0b1111 << 2 | 0b11 << 6 | 0b11 << 8 | 1 << 10;
const ADDRESS: u64 = 0xff_ffff_f000;

/// The roots, which lie first, and the tables below.
#[derive(Debug)]
pub struct Stage2<'a> {
    tables: &'a mut [Table],
    /// Where they lie.
    address: u64,
    used: usize,
}

/// The tables do not suffice, or an address has more than 40 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl<'a> Stage2<'a> {
    /// Nothing is mapped. The tables are full of zeros and lie at `address`.
    #[must_use]
    pub const fn new(tables: &'a mut [Table], address: u64) -> Self {
        Self { tables, address, used: 2 }
    }

    /// Maps the banks without the carve-outs, which may overlap and are rounded outward.
    ///
    /// # Errors
    ///
    /// [`NoRoom`].
    pub fn map_ram(&mut self, banks: &[Range<u64>], carve_outs: &[Range<u64>]) -> Result<(), NoRoom> {
        for bank in banks {
            let mut from = bank.start;
            while from < bank.end {
                // The carve-out that ends this run, and how far those reach that overlap it.
                let inside = |carve: &&Range<u64>| outward(carve).end > from && carve.start < bank.end;
                let next = carve_outs.iter().filter(inside).map(outward).min_by_key(|carve| carve.start);
                let next = next.unwrap_or(bank.end..bank.end);
                if next.start > from {
                    self.map(from..next.start)?;
                }
                from = next.end.max(from);
            }
        }
        Ok(())
    }

    fn map(&mut self, range: Range<u64>) -> Result<(), NoRoom> {
        let mut at = range.start;
        while at < range.end {
            let fits = |step: &u64| at.is_multiple_of(*step) && range.end - at >= *step;
            let level = STEPS.iter().position(fits).ok_or(NoRoom)?;
            self.enter(at, level)?;
            at += STEPS.get(level).ok_or(NoRoom)?;
        }
        Ok(())
    }

    /// Writes the entry for `address` on a level, counted from the roots'.
    fn enter(&mut self, address: u64, level: usize) -> Result<(), NoRoom> {
        let mut table = (address >> 39) as usize;
        if table > 1 {
            return Err(NoRoom);
        }
        for step in STEPS.iter().take(level) {
            table = self.below(table, (address / step % 512) as usize)?;
        }
        let kind = if level == 2 { TABLE_OR_PAGE } else { 0 };
        let step = STEPS.get(level).ok_or(NoRoom)?;
        *self.entry(table, (address / step % 512) as usize)? = address | NORMAL | VALID | kind;
        Ok(())
    }

    /// The table that an entry leads to, a new one if there is none.
    fn below(&mut self, table: usize, index: usize) -> Result<usize, NoRoom> {
        let (start, next) = (self.address, self.used);
        let entry = self.entry(table, index)?;
        if *entry & VALID != 0 {
            return Ok(((*entry & ADDRESS).wrapping_sub(start) / PAGE) as usize);
        }
        *entry = (start + next as u64 * PAGE) | TABLE_OR_PAGE | VALID;
        if next >= self.tables.len() {
            return Err(NoRoom);
        }
        self.used += 1;
        Ok(next)
    }

    fn entry(&mut self, table: usize, index: usize) -> Result<&mut u64, NoRoom> {
        self.tables.get_mut(table).and_then(|table| table.get_mut(index)).ok_or(NoRoom)
    }
}

fn outward(range: &Range<u64>) -> Range<u64> {
    range.start & !(PAGE - 1)..range.end.next_multiple_of(PAGE)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::map::BANKS;
    use std::vec;
    use std::vec::Vec;

    const PLACE: u64 = 0x4100_0000;

    /// Where the hardware would end up.
    fn walk(tables: &[Table], address: u64) -> Option<u64> {
        let mut table = (address >> 39) as usize;
        for (level, step) in STEPS.iter().enumerate() {
            let entry = tables[table][(address / step % 512) as usize];
            match (entry & 0b11, level) {
                (0b01, 0 | 1) | (0b11, 2) => return Some((entry & ADDRESS) + address % step),
                (0b11, _) => table = ((entry & ADDRESS) - PLACE) as usize / 4096,
                _ => return None,
            }
        }
        None
    }

    fn built(banks: &[Range<u64>], carve_outs: &[Range<u64>]) -> Vec<Table> {
        let mut tables = vec![[0; 512]; 24];
        Stage2::new(&mut tables, PLACE).map_ram(banks, carve_outs).unwrap();
        tables
    }

    #[test]
    fn ram_is_mapped_to_itself_and_ends_where_the_banks_end() {
        let tables = built(&BANKS, &[]);
        for bank in BANKS {
            for inside in [bank.start, bank.start + 0x1234_5678, bank.end - 1] {
                assert_eq!(walk(&tables, inside), Some(inside));
            }
            assert_eq!((walk(&tables, bank.start - 1), walk(&tables, bank.end)), (None, None));
        }
    }

    #[test]
    fn carve_outs_are_exact_to_the_page() {
        let carve_outs = [0xfd3f_e000..0xfd3f_f000, 0x8b00_0000..0x8b0c_4000, 0xfac0_0000..0xfb5e_3400];
        let tables = built(&BANKS, &carve_outs);
        for (start, end) in
            [(0xfd3f_e000, 0xfd3f_f000_u64), (0x8b00_0000, 0x8b0c_4000), (0xfac0_0000, 0xfb5e_4000)]
        {
            assert_eq!((walk(&tables, start), walk(&tables, end - 1)), (None, None), "{start:#x}");
            assert_eq!(walk(&tables, start - 1), Some(start - 1));
            assert_eq!(walk(&tables, end), Some(end));
        }
    }

    #[test]
    fn carve_outs_may_overlap_touch_and_reach_beyond_the_bank() {
        let bank = 0x8000_0000..0x8010_0000;
        let carve_outs = [
            0x8000_4000..0x8000_8000,
            0x8000_3000..0x8000_5000,
            0x8000_8000..0x8000_9000,
            0x800f_f000..0x9000_0000,
        ];
        let tables = built(&[bank], &carve_outs);
        let mapped: Vec<u64> =
            (0x8000_0000..0x8010_0000).step_by(4096).filter(|&page| walk(&tables, page).is_some()).collect();
        let want: Vec<u64> = (0x8000_0000..0x8000_3000)
            .chain(0x8000_9000..0x800f_f000)
            .step_by(1)
            .filter(|page| page % 4096 == 0)
            .collect();
        assert_eq!(mapped, want);
    }

    #[test]
    fn too_few_tables_are_an_error() {
        let mut tables = vec![[0; 512]; 3];
        let page = 0x8000_0000..0x8000_1000;
        let mapped = Stage2::new(&mut tables, PLACE).map_ram(core::slice::from_ref(&page), &[]);
        assert_eq!(mapped, Err(NoRoom));
    }
}
