//! Memory that is let go of, and that the allocator of the GNU C library keeps: it cuts off only what is free at the end of
//! a heap, so that one message that stays there holds what a peak took before it. Other allocators are left to themselves.

#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    allow(unsafe_code, reason = "no library that is used here has this function")
)]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::ffi::c_int;

    // SAFETY: as malloc.h declares it. It takes its locks itself, and touches nothing that is in use.
    unsafe extern "C" {
        /// Gives all whole pages that are free back to the system; 1 if there were any. `pad`: bytes to leave at the end.
        pub(super) safe fn malloc_trim(pad: usize) -> c_int;
    }
}

/// Gives free memory back to the system. Who needs memory of a heap waits until that heap is done: some microseconds for
/// each hole that is new.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::malloc_trim(0);
}
