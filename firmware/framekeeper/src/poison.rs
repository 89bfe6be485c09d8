//! Free memory that is watched: marked when it becomes free, and looked at before it is handed out.
//!
//! The frame allocator touches no memory. Who wants to know whether somebody writes to blocks that he gave back puts
//! [`Poisoned`] between it and the cores. Each free word is its address with a secret then, so that neither a constant nor
//! a copy of free memory passes for one. It is for debugging: it costs a write and a read of all memory that changes hands,
//! with interrupts masked and in part with a zone's lock held, and a write of all memory at the beginning.
//!
//! A block that was written to is not handed out: it stays with an owner of its own, for somebody to look at.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only free memory is read or written | the allocator, which calls before a block can be had and after it no longer can | Miri; `poison.rs` of `tests/frames` |

#![expect(unsafe_code, reason = "writes marks into free memory and reads them")]

use core::{fmt, ptr::NonNull};

use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    allocator::FrameAllocator,
    cpu::{Asked, Core, CpuLocal, Zero},
    frame::Frame,
    map::State,
    planted::{Bug, planted},
    slabs::DirectMap,
    word::Owner,
};

const WORD: usize = size_of::<u64>();
/// Words of a frame.
const WORDS: usize = 512;
const _: () = assert!((WORDS * WORD) as u64 == FRAME_SIZE);

/// Somebody wrote to memory that he, or another, had given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenAfterFree {
    /// The first word that is not as it was left.
    pub address: PhysAddr,
    /// What it is.
    pub found: u64,
    /// What it was.
    pub left: u64,
}

/// What free memory is watched with.
#[derive(Clone, Copy)]
pub struct Watch<M> {
    /// Where memory is mapped.
    pub memory: M,
    /// What marks are made with. It guards against mistakes, not against who means it: each block that is handed out shows it.
    pub secret: u64,
    /// Who has blocks from then on that were written to.
    pub keeper: Owner,
    /// Who is told, once for each block. It must not call the allocator.
    pub hook: fn(WrittenAfterFree),
}

/// Cores whose allocator's free memory is watched.
#[derive(Debug)]
pub struct Poisoned<C, M> {
    cpu: C,
    watch: Watch<M>,
}

impl<C, M: DirectMap> Poisoned<C, M> {
    /// The same cores.
    ///
    /// # Safety
    ///
    /// This is used for one allocator, and nobody else calls it. `cpu` keeps what [`CpuLocal`] promises. What `memory` promises
    /// of blocks that were handed out is true of all that the allocator is told to be free as well.
    pub const unsafe fn new(cpu: C, watch: Watch<M>) -> Self {
        Self { cpu, watch }
    }

    /// The words of memory, with their addresses and marks.
    fn words(&self, range: PhysRange) -> impl Iterator<Item = (PhysAddr, NonNull<u64>, u64)> {
        let frames = Frame::containing(range.start()).number()..Frame::containing(range.end()).number();
        frames.map(Frame::new).flat_map(move |frame| {
            let first = self.watch.memory.pointer(frame.start()).cast::<u64>();
            let addresses = (frame.start().0..).step_by(WORD);
            addresses.zip(0..WORDS).map(move |(address, number)| {
                // SAFETY: in the same frame, which is mapped in one piece.
                (PhysAddr(address), unsafe { first.add(number) }, address ^ self.watch.secret)
            })
        })
    }

    /// Looks at free memory.
    fn look(&self, range: PhysRange) -> Result<(), WrittenAfterFree> {
        for (address, word, left) in self.words(range) {
            // SAFETY: mapped, as `new` demands, and written when it became free.
            let found = unsafe { word.read() };
            if found != left && !planted(Bug::FramePoisonUnchecked) {
                return Err(WrittenAfterFree { address, found, left });
            }
        }
        Ok(())
    }
}

impl<C: CpuLocal, M: DirectMap> CpuLocal for Poisoned<C, M> {
    #[inline]
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        self.cpu.pinned(work)
    }

    fn hold_others(&self, work: impl FnMut(Core)) -> bool {
        self.cpu.hold_others(work)
    }

    #[inline]
    fn admits(&self, asked: &Asked) -> bool {
        self.cpu.admits(asked)
    }

    fn freed(&self, range: PhysRange) {
        for (_, word, mark) in self.words(range) {
            // SAFETY: mapped, as `new` demands, and nobody has it.
            unsafe { word.write(mark) };
        }
        self.cpu.freed(range);
    }

    fn usable(&self, block: PhysRange) -> Result<(), Owner> {
        self.look(block).map_err(|written| {
            (self.watch.hook)(written);
            self.watch.keeper
        })?;
        self.cpu.usable(block)
    }
}

impl<C: Zero, M> Zero for Poisoned<C, M> {
    fn zero(&self, range: PhysRange) {
        self.cpu.zero(range);
    }
}

impl<C: CpuLocal, M: DirectMap> FrameAllocator<'_, Poisoned<C, M>> {
    /// Looks at all free memory.
    ///
    /// # Errors
    ///
    /// The first word that somebody wrote to.
    ///
    /// # Safety
    ///
    /// Nothing is handed out or given back meanwhile.
    pub unsafe fn verify_contents(&self) -> Result<(), WrittenAfterFree> {
        let is_free = |address| {
            matches!(self.state(address), State::Free { .. } | State::Cached { .. } | State::Pending { .. })
        };
        let free = self.map().frames().filter(|frame| is_free(frame.start()));
        free.map(|frame| PhysRange::new(frame.start(), frame.plus(1).start()))
            .try_for_each(|frame| self.cpu().look(frame))
    }
}

/// Not the secret.
impl<M: fmt::Debug> fmt::Debug for Watch<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("memory", &self.memory)
            .field("keeper", &self.keeper)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for WrittenAfterFree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, found, left } = self;
        write!(
            f,
            "{address} was written to after it was given back: it is {found:#x}, and was left as {left:#x}"
        )
    }
}

impl core::error::Error for WrittenAfterFree {}
