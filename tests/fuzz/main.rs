//! The fuzz targets without a fuzzer: a small corpus, changed by chance from a seed, in every run of the tests.
//! `cargo fuzz run v5 fuzz/corpus/v5 fuzz/seeds` looks longer and deeper.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../fuzz/checks.rs"]
mod checks;
#[path = "../support/mutator.rs"]
mod mutator;

use std::panic::catch_unwind;

use mutator::Mutator;
use skeeter::codec::packet::Version;

/// Inputs for each target.
const INPUTS: usize = 150_000;

fn seeds() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn try_all(seed: u64, check: fn(&[u8])) {
    let seeds = seeds();
    for input in &seeds {
        check(input);
    }
    let mut mutator = Mutator::new(seed);
    for _ in 0..INPUTS {
        let input = mutator.change(&seeds);
        if catch_unwind(|| check(&input)).is_err() {
            panic!("these bytes: {input:02x?}");
        }
    }
}

#[test]
fn frames() {
    try_all(1, checks::frames);
}

#[test]
fn packets_of_3_1_and_3_1_1() {
    try_all(2, |bytes| checks::packets(&[Version::V3_1, Version::V3_1_1], bytes));
}

#[test]
fn packets_of_5() {
    try_all(3, |bytes| checks::packets(&[Version::V5], bytes));
}

#[test]
fn the_corpus_is_read_by_some_version() {
    // Else the mutator would begin with bytes that are turned away at once.
    for input in seeds() {
        let frame = skeeter::codec::frame::cut(&input, usize::MAX).unwrap().unwrap();
        assert_eq!(frame.len(), input.len());
        let is_read = [Version::V3_1, Version::V3_1_1, Version::V5]
            .iter()
            .any(|version| skeeter::codec::decode(*version, frame).is_ok());
        assert!(is_read, "{input:02x?}");
    }
}
