//! A module uses only what is further left on the map of `src/lib.rs`, and inside the broker on that of its `mod.rs`; the
//! core names nothing of the shell.

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

/// The map: the rung of each module, counted from the left, and whether it is part of the core.
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

/// The module of the map that a path such as `bench::model::plan` belongs to: the longest one that it begins with.
fn on_map<'m>(map: &'m BTreeMap<String, (usize, bool)>, path: &str) -> Option<&'m str> {
    let belongs = |name: &&String| {
        path.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    map.keys().filter(belongs).max_by_key(|name| name.len()).map(String::as_str)
}

/// `bench::model::plan` for `src/bench/model/plan.rs`; nothing for what is not below `src`.
fn path_of(file: &str) -> Option<String> {
    let path = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    Some(path.strip_suffix("/mod").unwrap_or(path).replace('/', "::"))
}

#[test]
fn a_module_uses_only_what_is_lower() {
    let sources = rust();
    let map = map(&sources);
    let mut wrong = Vec::new();
    for source in &sources {
        let Some(path) = path_of(&source.path).filter(|path| path != "lib") else { continue };
        let Some(module) = on_map(&map, &path) else {
            wrong.push(format!("{}: {path} is not on the map in src/lib.rs; put it there", source.path));
            continue;
        };
        let (rung, _) = map[module];
        for (number, line) in source.bare_code() {
            for rest in line.split("crate::").skip(1) {
                if rest.starts_with('{') {
                    wrong.push(format!("{}:{number}: name one module in each `use crate::`", source.path));
                }
                let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next();
                if let Some(name) = on_map(&map, name.unwrap_or_default())
                    && name != module
                    && map[name].0 >= rung
                {
                    wrong.push(format!(
                        "{}:{number}: {module} uses {name}, which is not further left on the map in src/lib.rs; move what is \
                         shared further left",
                        source.path
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Modules with an order inside, which is a line such as `a | b < c` at the top of their `mod.rs`.
const ORDERED: &[&str] = &["broker"];

/// The rung of each module inside `outer`, counted from the left.
fn order_inside(sources: &[Source], outer: &str) -> BTreeMap<String, usize> {
    let path = format!("src/{}/mod.rs", outer.replace("::", "/"));
    let file = sources.iter().find(|source| source.path == path).unwrap();
    let is_order = |line: &&str| line.starts_with("//! ") && line.contains(" < ") && !line.contains("||");
    let line = file.text.lines().find(is_order);
    let line = line.unwrap_or_else(|| panic!("{path} holds the order of its modules"));
    let rungs = line.trim_start_matches("//!").split('<').enumerate();
    rungs.flat_map(|(rung, names)| names.split('|').map(move |name| (name.trim().to_owned(), rung))).collect()
}

/// The paths from the root of the crate that a line of the module `path` names by `crate::` and `super::`.
fn named_paths(path: &str, line: &str) -> Vec<String> {
    let mut named = Vec::new();
    let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for word in line.split(|c| !is_of_path(c)).filter(|word| word.contains("::")) {
        if let Some(rest) = word.strip_prefix("crate::") {
            named.push(rest.to_owned());
        } else if word.starts_with("super::") {
            let (mut from, mut rest) = (path, word);
            while let Some(inner) = rest.strip_prefix("super::") {
                from = from.rsplit_once("::").map_or("", |(outer, _)| outer);
                rest = inner;
            }
            named.push(format!("{from}::{rest}"));
        }
    }
    named
}

#[test]
fn an_ordered_module_uses_only_what_is_before_it() {
    let sources = rust();
    let mut wrong = Vec::new();
    for outer in ORDERED {
        let order = order_inside(&sources, outer);
        let inside = format!("{outer}::");
        let of = |path: &str| path.strip_prefix(&inside)?.split("::").next().map(str::to_owned);
        for source in &sources {
            let Some(path) = path_of(&source.path).filter(|path| path.starts_with(&inside)) else { continue };
            let Some(module) = of(&path).filter(|module| order.contains_key(module)) else {
                wrong.push(format!("{}: not in the order in {outer}/mod.rs; put it there", source.path));
                continue;
            };
            for (number, line) in source.bare_code() {
                for name in named_paths(&path, line).iter().filter_map(|name| of(name)) {
                    if name != module && order.get(&name).is_none_or(|rung| *rung >= order[&module]) {
                        wrong.push(format!(
                            "{}:{number}: {module} uses {name}, which is not before it in {outer}/mod.rs; move what is shared \
                             further left, and name it by its module",
                            source.path
                        ));
                    }
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
        let Some(path) = path_of(&source.path) else { continue };
        let Some(module) = on_map(&map, &path).filter(|module| map[*module].1) else { continue };
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

/// The rung of each module in the order that `src/DIRECTORY/mod.rs` begins with, if it has one.
fn order_of(directory: &str, sources: &[Source]) -> Option<BTreeMap<String, usize>> {
    let path = format!("src/{directory}/mod.rs");
    let root = sources.iter().find(|source| source.path == path)?;
    let line = root.text.lines().find(|line| line.starts_with("//! ") && line.contains(" < "))?;
    let rungs = line.trim_start_matches("//! ").split(" < ").enumerate();
    let names =
        rungs.flat_map(|(rung, names)| names.split(" | ").map(move |name| (name.trim().to_owned(), rung)));
    Some(names.collect())
}

/// The modules of `directory` that a line of `file` names, as paths within the directory: `crate::DIRECTORY::a::b` and
/// `super::a`, also several in braces.
fn named_within(directory: &str, file: &str, line: &str) -> Vec<String> {
    let mut named = Vec::new();
    let own = path_of(file).unwrap_or_default();
    let mut parts: Vec<&str> = own.split("::").skip(1).collect();
    let prefix = format!("crate::{directory}::");
    for rest in line.split(prefix.as_str()).skip(1) {
        named.extend(names_in(rest));
    }
    if let Some((_, rest)) = line.split_once("super::") {
        let mut rest = rest;
        parts.pop();
        while let Some(further) = rest.strip_prefix("super::") {
            (rest, _) = (further, parts.pop());
        }
        let base = parts.join("::");
        named.extend(
            names_in(rest).map(|name| if base.is_empty() { name } else { format!("{base}::{name}") }),
        );
    }
    named
}

/// `a::b` of `a::b::C;`, and each name of `{a, b::C}`.
fn names_in(rest: &str) -> impl Iterator<Item = String> {
    let rest = rest.strip_prefix('{').map_or(rest, |list| list.split('}').next().unwrap_or(list));
    let first_only = if rest.contains(',') { usize::MAX } else { 1 };
    let names = rest.split(',').take(first_only).map(|name| {
        name.trim().chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect::<String>()
    });
    names.filter(|name| !name.is_empty())
}

/// The longest module of the order that a path begins with.
fn in_order<'o>(order: &'o BTreeMap<String, usize>, path: &str) -> Option<&'o str> {
    let belongs = |name: &&String| {
        path.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    order.keys().filter(belongs).max_by_key(|name| name.len()).map(String::as_str)
}

#[test]
fn within_a_directory_with_an_order_a_module_uses_only_earlier_ones() {
    let sources = rust();
    let mut wrong = Vec::new();
    let mut checked = Vec::new();
    for directory in ["broker", "server"] {
        let Some(order) = order_of(directory, &sources) else { continue };
        checked.push(directory);
        let (folder, root) = (format!("src/{directory}/"), format!("src/{directory}/mod.rs"));
        for source in sources.iter().filter(|source| source.path.starts_with(&folder) && source.path != root)
        {
            let path = path_of(&source.path).unwrap();
            let path = path.split_once("::").map_or("", |(_, rest)| rest);
            let Some(module) = in_order(&order, path) else {
                wrong.push(format!("{}: {path} is not in the order of {root}; put it there", source.path));
                continue;
            };
            for (number, line) in source.bare_code() {
                if line.trim_end().ends_with("super::{") {
                    wrong.push(format!("{}:{number}: name one module in each `use super::`", source.path));
                }
                for name in named_within(directory, &source.path, line) {
                    if let Some(name) = in_order(&order, &name)
                        && name != module
                        && order[name] >= order[module]
                    {
                        wrong.push(format!(
                            "{}:{number}: {module} uses {name}, which is not earlier in the order of {root}",
                            source.path
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(checked.contains(&"server"), "src/server/mod.rs begins with the order of its modules");
}
