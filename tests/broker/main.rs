//! The broker from outside: a real process, and bytes written by hand.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod flood;
mod spin_up;
