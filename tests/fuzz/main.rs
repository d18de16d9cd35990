//! The fuzz targets without a fuzzer: a small corpus, changed by chance from a seed, in every run of the tests.
//! `cargo fuzz run v5 fuzz/corpus/v5 fuzz/seeds/packets` looks longer and deeper.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../fuzz/checks.rs"]
mod checks;
#[path = "../support/mutator.rs"]
mod mutator;

use std::panic::catch_unwind;

use mutator::Mutator;
use skeeter::broker::{Accounts, Acl, StoredPassword};
use skeeter::codec::packet::Version;
use skeeter::net::listener::proxy::{parse_v1, parse_v2};

/// Inputs for each target.
const INPUTS: usize = 150_000;

/// The corpus of a kind: names and contents.
fn corpus(kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = format!("{}/fuzz/seeds/{kind}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut seeds: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    seeds.sort();
    seeds
}

fn try_all(seed: u64, kind: &str, inputs: usize, check: fn(&[u8])) {
    let seeds: Vec<_> = corpus(kind).into_iter().map(|(_, bytes)| bytes).collect();
    for input in &seeds {
        check(input);
    }
    let mut mutator = Mutator::new(seed);
    for _ in 0..inputs {
        let input = mutator.change(&seeds);
        if catch_unwind(|| check(&input)).is_err() {
            panic!("these bytes: {input:02x?}");
        }
    }
}

#[test]
fn frames() {
    try_all(1, "packets", INPUTS, checks::frames);
}

#[test]
fn packets_of_3_1_and_3_1_1() {
    try_all(2, "packets", INPUTS, checks::v3);
}

#[test]
fn packets_of_5() {
    try_all(3, "packets", INPUTS, checks::v5);
}

#[test]
fn configurations() {
    // Each is read as a whole, so fewer of them.
    try_all(4, "config", INPUTS / 50, checks::config);
}

#[test]
fn password_files() {
    try_all(5, "passwords", INPUTS, checks::passwords);
}

#[test]
fn files_of_rules() {
    try_all(6, "rules", INPUTS, checks::rules);
}

#[test]
fn frames_of_a_websocket() {
    try_all(7, "websocket", INPUTS, checks::websocket);
}

#[test]
fn headers_of_proxies() {
    try_all(8, "proxy", INPUTS, checks::proxy);
}

#[test]
fn every_target_is_asked_here() {
    let targets = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/fuzz_targets")).unwrap();
    let own = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/main.rs")).unwrap();
    for target in targets {
        let target = std::fs::read_to_string(target.unwrap().path()).unwrap();
        let (_, check) = target.split_once("| checks::").expect("a target asks one of the checks");
        let (check, _) = check.split_once('(').unwrap();
        assert!(own.contains(&format!("checks::{check})")), "{check} has no test");
    }
}

// Else the mutator would begin with bytes that are turned away at once.
#[test]
fn the_corpus_is_read() {
    for (name, input) in corpus("packets") {
        let frame = skeeter::codec::frame::cut(&input, usize::MAX).unwrap().unwrap();
        assert_eq!(frame.len(), input.len());
        let is_read = [Version::V3_1, Version::V3_1_1, Version::V5]
            .iter()
            .any(|version| skeeter::codec::decode(*version, frame).is_ok());
        assert!(is_read, "{name}");
    }
    let is_read = |kind: &str, read: fn(&[u8]) -> bool| {
        for (name, input) in corpus(kind) {
            assert_eq!(read(&input), !name.starts_with("fault"), "{kind}/{name}");
        }
    };
    is_read("config", |bytes| skeeter::config::faults(bytes).is_empty());
    is_read("rules", |bytes| Acl::parse("file", bytes).is_ok());
    is_read("proxy", |bytes| parse_v1(bytes).is_ok() || parse_v2(bytes).is_ok());
    is_read("passwords", |bytes| {
        let is_secret = std::str::from_utf8(bytes).is_ok_and(|text| StoredPassword::parse(text).is_ok());
        is_secret || Accounts::parse("file", bytes).is_ok()
    });
}
