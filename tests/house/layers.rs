//! A module uses only what is lower on the map of `src/lib.rs`, and the core names nothing of the shell.

use std::collections::BTreeMap;

use crate::sources::{Source, rust};

/// What the core never names: sockets, threads, clocks, files, randomness, and the crates that have them.
const SHELL: &[&str] = &[
    "tokio",
    "native_tls",
    "openssl",
    "tungstenite",
    "ppp::",
    "rustix",
    "if_addrs",
    "indicatif",
    "humantime",
    "clap",
    "std::net",
    "std::thread",
    "std::fs",
    "std::env",
    "std::process",
    "std::time::Instant",
    "SystemTime",
    "rand::",
    "getrandom",
];

/// The map: the rung of each module, counted from below, and whether it is of the core.
fn map(sources: &[Source]) -> BTreeMap<String, (usize, bool)> {
    let lib = sources.iter().find(|source| source.path == "src/lib.rs").unwrap();
    let line =
        lib.text.lines().find(|line| line.contains(" || ")).expect("src/lib.rs holds the map of the modules");
    let line = line.trim_start_matches("//!");
    let mut rungs = BTreeMap::new();
    let mut rung = 0;
    for (side, half) in line.split("||").enumerate() {
        for names in half.split('<') {
            rung += 1;
            for name in names.split('|') {
                rungs.insert(name.trim().to_owned(), (rung, side == 0));
            }
        }
    }
    rungs
}

/// `topic` for `src/topic.rs` and for `src/topic/...`.
fn module(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.split(['/', '.']).next()
}

#[test]
fn a_module_uses_only_what_is_lower() {
    let sources = rust();
    let map = map(&sources);
    let mut wrong = Vec::new();
    for source in &sources {
        let Some(module) = module(&source.path).filter(|module| *module != "lib") else { continue };
        let Some((rung, _)) = map.get(module) else {
            wrong.push(format!("{}: {module} is not on the map in src/lib.rs; put it there", source.path));
            continue;
        };
        for (number, line) in source.bare_code() {
            for rest in line.split("crate::").skip(1) {
                if rest.starts_with('{') {
                    wrong.push(format!("{}:{number}: name one module in each `use crate::`", source.path));
                }
                let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                if let Some((other, _)) = map.get(name)
                    && name != module
                    && other >= rung
                {
                    wrong.push(format!(
                        "{}:{number}: {module} uses {name}, which is not lower on the map in src/lib.rs; move what is \
                         shared down",
                        source.path
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_core_names_nothing_of_the_shell() {
    let sources = rust();
    let map = map(&sources);
    let mut wrong = Vec::new();
    for source in &sources {
        let Some(module) = module(&source.path) else { continue };
        if !map.get(module).is_some_and(|(_, core)| *core) {
            continue;
        }
        for (number, line) in source.bare_code() {
            let mut named: Vec<&str> = SHELL.iter().copied().filter(|name| line.contains(name)).collect();
            if module != "sync" && line.contains("std::sync") {
                named.push("std::sync (use crate::sync)");
            }
            for name in named {
                wrong.push(format!(
                    "{}:{number}: {module} is of the core and names {name}; take what is needed as an argument",
                    source.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
