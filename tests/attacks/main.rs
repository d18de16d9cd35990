//! Hostile and slow clients, judged by what everyone else notices: a canary that publishes to itself all the time, and
//! publishers that want their messages acknowledged.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod canary;
mod fairness;
