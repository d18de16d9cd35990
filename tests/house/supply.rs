//! What the toolkit is built from: licences that go with MIT OR Apache-2.0, one version of each package, and the oldest
//! compiler that is supported.

use std::collections::BTreeMap;
use std::process::Command;

use crate::sources::root;

/// Licences under which a dependency may come, alone or beside others.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "CC0-1.0",
    "Unlicense",
    "Unicode-3.0",
];

/// Packages of which two versions may be built, and why.
const TWICE: &[(&str, &str)] = &[
    ("base64", "hdrhistogram has not moved to the version that we use"),
    ("embedded-io", "optional parts of one dependency name both"),
    ("getrandom", "as rand"),
    ("nom", "the reader of CEL has not moved to the version that we use"),
    (
        "rand",
        "the model checker of tests/races has not moved to the version that others use; the toolkit has none of it",
    ),
    ("rand_core", "as rand"),
    ("syn", "macros that others build with have not all moved to the third version"),
    ("thiserror", "what reads SOCKS and PROXY headers stays with the first version, others have moved"),
    ("thiserror-impl", "as thiserror"),
];

fn metadata() -> serde_json::Value {
    let cargo = std::env::var("CARGO").unwrap_or("cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--locked"]).current_dir(root());
    if cfg!(target_os = "linux") {
        command.args(["--filter-platform", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH)]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether an expression of licences leaves one that may be used: `OR` gives a choice, `AND` takes all.
fn is_allowed(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], " ");
    // Parentheses are dropped: all that occur stand around choices.
    plain.split(" AND ").all(|part| {
        part.split(" OR ").any(|licence| {
            let licence = licence.split_whitespace().collect::<Vec<_>>().join(" ");
            LICENCES.contains(&licence.as_str())
        })
    })
}

/// The packages that are built here: name, version, licence.
fn packages() -> Vec<(String, String, String)> {
    let metadata = metadata();
    let built: Vec<&str> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["id"].as_str().unwrap())
        .collect();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    packages
        .filter(|package| built.contains(&package["id"].as_str().unwrap()))
        .map(|package| (text(&package["name"]), text(&package["version"]), text(&package["license"])))
        .collect()
}

#[test]
fn every_licence_goes_with_ours() {
    let packages = packages();
    assert!(packages.len() > 50, "{packages:?}");
    let wrong: Vec<_> = packages.iter().filter(|(.., licence)| !is_allowed(licence)).collect();
    assert!(wrong.is_empty(), "licences that are not on the list: {wrong:?}");
}

#[test]
fn no_package_is_built_twice_without_a_reason() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, version, _) in packages() {
        versions.entry(name).or_default().push(version);
    }
    let twice: BTreeMap<_, _> = versions.into_iter().filter(|(_, versions)| versions.len() > 1).collect();
    let unknown: Vec<_> =
        twice.iter().filter(|(name, _)| TWICE.iter().all(|(known, _)| known != name)).collect();
    assert!(unknown.is_empty(), "built more than once: {unknown:?}");
}

#[test]
fn licences_are_read_as_spdx_says() {
    for (expression, expected) in [
        ("MIT OR Apache-2.0", true),
        ("MIT/Apache-2.0", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only", false),
        ("MIT AND GPL-3.0-only", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression), expected, "{expression:?}");
    }
}

#[test]
fn the_oldest_compiler_is_stated() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("\nrust-version = \""), "Cargo.toml says which Rust is needed");
}
