//! Memory that is let go of, and that the allocator of the GNU C library keeps. It cuts off only what is free at the end of
//! a heap, and that only where it is much; one message that stays holds what a peak took before it. Each thread has a heap.
//!
//! Other allocators, and systems of 32 bits, whose heaps are small, are left to themselves.

#![cfg_attr(
    all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"),
    allow(unsafe_code, reason = "no library that is used here has these functions")
)]

use std::time::Duration;

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod glibc {
    use std::ffi::c_int;

    /// Bytes that are free at the end of a heap from which on they are cut off. Where messages have a megabyte, less would
    /// be cut off and taken again all the time.
    const END: usize = 4 * 1024 * 1024;
    /// Bytes of one piece from which on it is no part of a heap. By itself the library begins with 128 KiB and learns,
    /// which costs pages that are given back and taken again.
    const OWN: c_int = 8 * 1024 * 1024;

    // As malloc.h declares and numbers them.
    const M_TRIM_THRESHOLD: c_int = -1;
    const M_MMAP_THRESHOLD: c_int = -3;
    unsafe extern "C" {
        /// Sets a parameter; 0 if it cannot be that.
        fn mallopt(parameter: c_int, value: c_int) -> c_int;
        /// Gives all whole pages that are free, but for those at the ends of other threads' heaps, back to the system; 1 if
        /// there were any. It takes its locks itself. `pad`: bytes to leave.
        safe fn malloc_trim(pad: usize) -> c_int;
    }

    pub(super) fn settle() {
        // SAFETY: called before there are other threads, which is all that mallopt asks for.
        unsafe {
            mallopt(M_TRIM_THRESHOLD, END as c_int);
            mallopt(M_MMAP_THRESHOLD, OWN);
        }
    }

    pub(super) fn give_back() {
        malloc_trim(0);
    }

    pub(super) fn give_back_end() {
        // With it the end is as long as it must be to be cut off. Nothing is written into it, so that it costs no page.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(END)));
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
mod glibc {
    pub(super) fn settle() {}
    pub(super) fn give_back() {}
    pub(super) fn give_back_end() {}
}

/// How often free memory is given back.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

/// Gives back the end of this thread's heap from time to time, for ever.
pub(super) async fn give_back_own_end() {
    loop {
        tokio::time::sleep(INTERVAL).await;
        give_back_end();
    }
}

/// Sets how much free memory the allocator may keep. To be called while there is one thread.
pub(super) fn settle() {
    glibc::settle();
}

/// Gives free memory back to the system. Who needs memory of a heap waits until that heap is done: some microseconds for
/// each hole that is new.
pub(super) fn give_back() {
    glibc::give_back();
}

/// Gives back the end of this thread's heap, which nobody else can do.
pub(super) fn give_back_end() {
    glibc::give_back_end();
}
