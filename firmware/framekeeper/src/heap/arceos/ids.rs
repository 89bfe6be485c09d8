//! Numbers as ArceOS's allocator of ids.

use ax_allocator::{AllocError, AllocResult, BaseAllocator, IdAllocator};

/// Numbers that are handed out: a bit for each in `WORDS` words, so from 0 to 64 times as many, less one. Which of them
/// there are is said by `init` and `add_memory`.
#[derive(Clone, Debug)]
pub struct Ids<const WORDS: usize> {
    /// Numbers that there are.
    known: [u64; WORDS],
    /// Numbers that somebody has.
    used: [u64; WORDS],
    refused: u64,
}

impl<const WORDS: usize> Ids<WORDS> {
    /// No numbers.
    #[must_use]
    pub const fn new() -> Self {
        Self { known: [0; WORDS], used: [0; WORDS], refused: 0 }
    }

    /// How often numbers were not added or not taken back, and the trait had no way to say so.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes numbers back.
    ///
    /// # Errors
    ///
    /// `NotAllocated`: nobody has one of them. Nothing has changed then.
    pub fn try_dealloc(&mut self, first: usize, count: usize) -> AllocResult {
        let ids = Self::range(first, count)?;
        if !ids.clone().all(|id| is_set(&self.used, id)) {
            return Err(AllocError::NotAllocated);
        }
        ids.for_each(|id| set(&mut self.used, id, false));
        Ok(())
    }

    fn range(first: usize, count: usize) -> AllocResult<core::ops::Range<usize>> {
        let end = first.checked_add(count).filter(|&end| count > 0 && end <= WORDS * 64);
        Ok(first..end.ok_or(AllocError::InvalidParam)?)
    }

    fn is_free(&self, id: usize) -> bool {
        is_set(&self.known, id) && !is_set(&self.used, id)
    }

    fn take(&mut self, ids: core::ops::Range<usize>) {
        ids.for_each(|id| set(&mut self.used, id, true));
    }
}

impl<const WORDS: usize> Default for Ids<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const WORDS: usize> BaseAllocator for Ids<WORDS> {
    fn init(&mut self, start: usize, size: usize) {
        let added = self.add_memory(start, size);
        self.refused += u64::from(added.is_err());
    }

    fn add_memory(&mut self, start: usize, size: usize) -> AllocResult {
        let ids = Self::range(start, size)?;
        if ids.clone().any(|id| is_set(&self.known, id)) {
            return Err(AllocError::MemoryOverlap);
        }
        ids.for_each(|id| set(&mut self.known, id, true));
        Ok(())
    }
}

impl<const WORDS: usize> IdAllocator for Ids<WORDS> {
    /// The first that are free, one behind the other.
    fn alloc_id(&mut self, count: usize, align_pow2: usize) -> AllocResult<usize> {
        if count == 0 || !align_pow2.is_power_of_two() {
            return Err(AllocError::InvalidParam);
        }
        let mut first = Some(0);
        while let Some(ids) = first.and_then(|first| Self::range(first, count).ok()) {
            let start = ids.start;
            let Some(taken) = ids.clone().rev().find(|&id| !self.is_free(id)) else {
                self.take(ids);
                return Ok(start);
            };
            // Behind the last one that is in the way.
            first = (taken + 1).checked_next_multiple_of(align_pow2);
        }
        Err(AllocError::NoMemory)
    }

    fn dealloc_id(&mut self, start_id: usize, count: usize) {
        let freed = self.try_dealloc(start_id, count);
        self.refused += u64::from(freed.is_err());
    }

    fn is_allocated(&self, id: usize) -> bool {
        is_set(&self.used, id)
    }

    fn alloc_fixed_id(&mut self, id: usize) -> AllocResult {
        if !is_set(&self.known, id) {
            return Err(AllocError::InvalidParam);
        }
        if is_set(&self.used, id) {
            return Err(AllocError::NoMemory);
        }
        self.take(id..id + 1);
        Ok(())
    }

    fn size(&self) -> usize {
        ones(&self.known)
    }

    fn used(&self) -> usize {
        ones(&self.used)
    }

    fn available(&self) -> usize {
        self.size() - self.used()
    }
}

fn is_set(bits: &[u64], id: usize) -> bool {
    bits.get(id / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
}

fn set(bits: &mut [u64], id: usize, value: bool) {
    if let Some(word) = bits.get_mut(id / 64) {
        *word = *word & !(1 << (id % 64)) | u64::from(value) << (id % 64);
    }
}

fn ones(bits: &[u64]) -> usize {
    bits.iter().map(|word| word.count_ones() as usize).sum()
}
