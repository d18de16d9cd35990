//! Names of hosts, users and groups in a static binary.
//!
//! The GNU C library looks them up with modules that the configuration of the system names, and loads these even into a
//! static program. They belong to another build of the library, so that such a program crashes or finds nothing. A static
//! binary therefore uses the two modules that are linked in, as those of other C libraries do: files and DNS.

#![cfg_attr(
    all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"),
    allow(unsafe_code, reason = "no library that is used here has this function")
)]

/// Sets how names are looked up. To be called while there is one thread, before the first lookup.
#[cfg(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"))]
pub(crate) fn settle() {
    use std::ffi::{CStr, c_char, c_int};

    unsafe extern "C" {
        /// Overrides a line of nsswitch.conf. It is part of the interface of the library, in nss.h.
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }

    let lines: [(&CStr, &CStr); 3] = [(c"hosts", c"files dns"), (c"passwd", c"files"), (c"group", c"files")];
    for (database, services) in lines {
        // SAFETY: both are texts that end with NUL and are never freed, and there is one thread.
        unsafe { __nss_configure_lookup(database.as_ptr(), services.as_ptr()) };
    }
}

/// Other binaries use whatever the system is configured to use.
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static")))]
pub(crate) fn settle() {}
