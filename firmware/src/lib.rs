//! A temperature and humidity publisher, apart from the board it runs on.
//!
//! Everything here is a value: time, bytes and random seeds come in as arguments, and what is to be done comes out.
//! The binary `host` (a PC) owns the sockets, the clock and the sensor; a board's would too. TLS and updates over the
//! air are left out.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod backoff;
pub mod console;
pub mod dht;
mod discovery;
// The toolkit's own file: both ends of the wire stand behind the same checks.
#[path = "../../src/codec/fence.rs"]
mod fence;
pub mod publisher;
pub mod queue;
pub mod settings;
pub mod sntp;
pub mod storage;
mod wire;
