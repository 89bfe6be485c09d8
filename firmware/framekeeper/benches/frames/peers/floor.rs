//! What no allocator can go below: the loop alone, and stacks of frames that merge nothing and check nothing.

use crate::{
    cpu,
    memory::BASE,
    subject::{FRAME, Made, Subject},
};
use spin::Mutex;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

pub(crate) struct Nothing;

impl Subject for Nothing {
    #[inline]
    fn alloc(&self, _order: u8) -> Option<u64> {
        Some(BASE)
    }

    #[inline]
    fn free(&self, _address: u64, _order: u8) {}
}

/// A core's frames. The atomics are there for the compiler only: relaxed loads and stores are plain ones, and no other
/// core touches them.
#[repr(align(128))]
struct Stack {
    depth: AtomicU64,
    frames: Box<[AtomicU64]>,
}

pub(crate) struct Stacks([Stack; cpu::CORES]);

impl Stacks {
    #[inline]
    fn own(&self) -> &Stack {
        &self.0[cpu::current()]
    }
}

impl Subject for Stacks {
    #[inline]
    fn alloc(&self, _order: u8) -> Option<u64> {
        let stack = self.own();
        let depth = stack.depth.load(Ordering::Relaxed).checked_sub(1)?;
        let frame = stack.frames.get(depth as usize)?.load(Ordering::Relaxed);
        stack.depth.store(depth, Ordering::Relaxed);
        Some(frame)
    }

    #[inline]
    fn free(&self, address: u64, _order: u8) {
        let stack = self.own();
        let depth = stack.depth.load(Ordering::Relaxed);
        if let Some(slot) = stack.frames.get(depth as usize) {
            slot.store(address, Ordering::Relaxed);
            stack.depth.store(depth + 1, Ordering::Relaxed);
        }
    }
}

pub(crate) struct LockedStack(Mutex<Vec<u64>>);

impl Subject for LockedStack {
    #[inline]
    fn alloc(&self, _order: u8) -> Option<u64> {
        self.0.lock().pop()
    }

    #[inline]
    fn free(&self, address: u64, _order: u8) {
        self.0.lock().push(address);
    }
}

pub(crate) fn with_nothing<R>(size: u64, run: impl FnOnce(&Made<'_, Nothing>) -> R) -> R {
    run(&made(&Nothing, size))
}

/// Each core has all the memory for itself, so that both can be given the same work.
pub(crate) fn on_stacks<R>(size: u64, run: impl FnOnce(&Made<'_, Stacks>) -> R) -> R {
    let stack = |_| Stack {
        depth: AtomicU64::new(size / FRAME),
        frames: frames(size).into_iter().map(AtomicU64::new).collect(),
    };
    run(&made(&Stacks([0, 1].map(stack)), size))
}

pub(crate) fn on_locked_stack<R>(size: u64, run: impl FnOnce(&Made<'_, LockedStack>) -> R) -> R {
    run(&made(&LockedStack(Mutex::new(frames(size))), size))
}

/// The lowest on top.
fn frames(size: u64) -> Vec<u64> {
    (0..size / FRAME).rev().map(|frame| BASE + frame * FRAME).collect()
}

fn made<S>(subject: &S, size: u64) -> Made<'_, S> {
    Made { subject, base: BASE, size, bring_up: Duration::ZERO, metadata: 0 }
}
