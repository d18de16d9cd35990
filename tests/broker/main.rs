//! The broker from outside: a real process, and bytes written by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mutator.rs"]
mod mutator;
#[path = "../support/mod.rs"]
mod support;

mod bad_input;
#[cfg(unix)]
mod bridges;
#[cfg(target_os = "linux")]
mod clock;
mod config;
mod control;
mod crash;
#[cfg(unix)]
mod damage;
#[cfg(target_os = "linux")]
mod dlt;
mod drops;
mod durable;
mod flood;
#[cfg(target_os = "linux")]
mod full_disk;
mod fuzz;
#[cfg(unix)]
mod guides;
mod http;
#[cfg(unix)]
mod locks;
mod log;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(unix)]
mod migrate;
mod packets;
mod readme;
#[cfg(target_os = "linux")]
mod service;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod soak;
mod spin_up;
mod sys;
