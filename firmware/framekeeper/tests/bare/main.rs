//! What the allocator does without: the memory that it hands out, and a heap.

#[path = "../frames/ground.rs"]
#[expect(dead_code, reason = "of what the other suite stands on, part is needed here")]
mod ground;
mod heapless;
#[cfg(target_os = "linux")]
mod holes;
mod tour;
#[cfg(target_os = "linux")]
mod untouched;
