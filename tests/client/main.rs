//! The clients from outside: real processes, and a server that speaks bytes written by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod conditions;
mod connecting;
mod drop_in;
#[cfg(unix)]
mod errors;
mod exec;
mod flags;
#[cfg(target_os = "linux")]
mod limits;
mod load;
mod mirror;
mod options;
#[cfg(unix)]
mod passwd;
mod publish;
mod reconnecting;
mod request;
mod restart;
mod run;
mod selection;
#[cfg(target_os = "linux")]
mod service;
mod subscribe;
#[cfg(target_os = "linux")]
mod terminal;
mod tls;
mod trust;
mod watch;
