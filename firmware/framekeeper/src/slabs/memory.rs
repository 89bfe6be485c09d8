//! Where objects lie, as the kernel's own addresses.

#![expect(unsafe_code, reason = "says what a kernel promises about its addresses")]

use core::ptr::NonNull;

use crate::addr::PhysAddr;

/// All RAM, mapped.
///
/// # Safety
///
/// For every block that the frame allocator hands out, and as long as it is not given back:
///
/// - [`pointer`](Self::pointer) of its first address is valid for reads and writes of the whole block, is aligned as the
///   physical address is, at least to 64 KiB, and nobody else reads or writes there;
/// - `pointer(address + n)` is `pointer(address)` moved by `n` bytes, inside the block.
///
/// And for all pointers, [`address`](Self::address) is the inverse of `pointer`; where there is none, an address that is
/// no RAM.
pub unsafe trait DirectMap {
    /// Where `address` is mapped.
    fn pointer(&self, address: PhysAddr) -> NonNull<u8>;

    /// What is mapped where `pointer` points.
    fn address(&self, pointer: NonNull<u8>) -> PhysAddr;
}

// SAFETY: the same functions.
unsafe impl<M: DirectMap> DirectMap for &M {
    #[inline]
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        (**self).pointer(address)
    }

    #[inline]
    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        (**self).address(pointer)
    }
}
