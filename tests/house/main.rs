//! The rules of the house, kept by tests that read its files: layers, sizes, style, what it is built from, and the map
//! of the standards' statements.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod layers;
mod sources;
mod statements;
mod style;
mod supply;
