//! Returns freed memory to the system. By itself the allocator of the GNU C library returns only large free areas at the end
//! of a heap, so one remaining message can hold all the memory that a peak needed. Each thread has its own heap.
//!
//! Other allocators, and 32-bit systems, whose heaps are small, are left alone.

#![cfg_attr(
    all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"),
    allow(unsafe_code, reason = "no library that is used here has these functions")
)]

use std::time::Duration;

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod glibc {
    use std::ffi::c_int;

    /// Bytes free at the end of a heap above which it is trimmed. With a lower value, memory for messages of a megabyte would
    /// be returned and requested again all the time.
    const END: usize = 4 * 1024 * 1024;
    /// Bytes above which an allocation is mapped outside of a heap. By default the library starts at 128 KiB and adapts, which
    /// returns and requests pages again and again.
    const OWN: c_int = 8 * 1024 * 1024;

    // As malloc.h declares and numbers them.
    const M_TRIM_THRESHOLD: c_int = -1;
    const M_MMAP_THRESHOLD: c_int = -3;
    unsafe extern "C" {
        /// Sets a parameter; 0 if it cannot be that.
        fn mallopt(parameter: c_int, value: c_int) -> c_int;
        /// Returns all free whole pages to the system, except those at the ends of other threads' heaps; 1 if there were
        /// any. Thread-safe. `pad`: bytes to leave.
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
        // Makes the end of the heap long enough to be trimmed. Nothing is written to it, so it costs no page.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(END)));
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
mod glibc {
    pub(super) fn settle() {}
    pub(super) fn give_back() {}
    pub(super) fn give_back_end() {}
}

/// How often free memory is returned.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

/// Trims this thread's heap periodically, forever.
pub(super) async fn give_back_own_end() {
    loop {
        tokio::time::sleep(INTERVAL).await;
        give_back_end();
    }
}

/// Sets how much free memory the allocator may keep. Must be called while there is only one thread.
pub(super) fn settle() {
    glibc::settle();
}

/// Returns free memory to the system. Threads that allocate from a heap wait until that heap is done: some microseconds for
/// each new hole.
pub(super) fn give_back() {
    glibc::give_back();
}

/// Trims this thread's heap, which only the thread itself can do.
pub(super) fn give_back_end() {
    glibc::give_back_end();
}
