//! The PSK identity hint [RFC 4279, 2]: the one function of OpenSSL that is needed and that its binding lacks.

#![allow(unsafe_code, reason = "neither openssl nor openssl-sys has this function")]

use std::ffi::{CString, c_char, c_int, c_void};

use openssl::error::ErrorStack;
use openssl::ssl::SslContextBuilder;

use crate::net::material::words;

unsafe extern "C" {
    /// Copies the hint into the context; 1 if it did. As openssl/ssl.h declares it.
    fn SSL_CTX_use_psk_identity_hint(context: *mut c_void, hint: *const c_char) -> c_int;
}

/// Sends clients this hint, in TLS up to 1.2; TLS 1.3 has none.
///
/// # Errors
/// OpenSSL does not take it: it has a NUL, or more than 256 bytes, or more than 128 with an OpenSSL before 3.
pub(super) fn set(builder: &mut SslContextBuilder, hint: &str) -> Result<(), String> {
    let text = CString::new(hint).map_err(|_| "psk_hint: a hint has no NUL".to_owned())?;
    // SAFETY: the builder owns the SSL_CTX, and is borrowed mutably, so that nobody else uses it meanwhile. The text ends
    // with NUL and lives until the call is over, which keeps a copy.
    let taken = unsafe { SSL_CTX_use_psk_identity_hint(builder.as_ptr().cast(), text.as_ptr()) };
    if taken == 1 {
        return Ok(());
    }
    // Taken off the queue of errors, where it would be held for the cause of what fails next.
    let cause = words(&ErrorStack::get());
    Err(format!("psk_hint: OpenSSL does not take a hint of {} bytes: {cause}", hint.len()))
}
