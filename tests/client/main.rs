//! The clients from outside: real processes, and a server that speaks bytes written by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod connecting;
mod load;
mod mirror;
mod options;
#[cfg(unix)]
mod passwd;
mod publish;
mod request;
mod run;
mod selection;
mod subscribe;
mod tls;
