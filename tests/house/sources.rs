//! The files of the project, and which of their lines are tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(crate) struct Source {
    /// From the root of the project, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Lines from here on are tests, or measurements: none, all, or the module at the end of the file.
    pub(crate) tests_from: usize,
}

impl Source {
    /// Lines that are no tests, numbered from 1.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().take(self.tests_from).map(|(at, line)| (at + 1, line))
    }

    /// Code without its comments.
    pub(crate) fn bare_code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code().map(|(number, line)| (number, without_comment(line)))
    }
}

/// Good enough for lines that rustfmt has laid out: `//` inside a string is preceded by no space here.
pub(crate) fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    line.split(" // ").next().unwrap_or_default()
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // A folder that holds what was built or installed is no part of the house.
            if !matches!(path.file_name().and_then(|name| name.to_str()), Some("target" | "node_modules")) {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

/// The files under `folder` whose name ends so, in order; their paths from the root, and what they hold.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    let named = found.into_iter().map(|path| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        (name, path)
    });
    named
        .filter(|(name, _)| name.ends_with(ending))
        .map(|(name, path)| (name, std::fs::read_to_string(path).unwrap()))
        .collect()
}

/// Every Rust file of the package.
pub(crate) fn rust() -> Vec<Source> {
    let mut all = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "fuzz/fuzz_targets"] {
        all.extend(files(folder, ".rs"));
    }
    let modules = test_modules(&all);
    let is_test = |path: &str| {
        path.starts_with("tests/")
            || path.starts_with("fuzz/")
            || path.starts_with("benches/")
            || modules.iter().any(|module| {
                path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            })
    };
    all.into_iter()
        .map(|(path, text)| {
            let tests_from = if is_test(&path) { 0 } else { inline_tests(&text) };
            Source { path, text, tests_from }
        })
        .collect()
}

/// `src/a/b` for each `#[cfg(test)] mod b;` in `src/a.rs` or `src/a/mod.rs`.
fn test_modules(all: &[(String, String)]) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for (path, text) in all {
        let folder = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix("/lib.rs"));
        let folder = folder.or_else(|| path.strip_suffix(".rs")).unwrap_or(path);
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.windows(2) {
            if pair[0] == "#[cfg(test)]"
                && let Some(name) = pair[1].split("mod ").nth(1).and_then(|rest| rest.strip_suffix(';'))
            {
                modules.insert(format!("{folder}/{name}"));
            }
        }
    }
    modules
}

/// The line at which the module of tests at the end of a file begins.
fn inline_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.windows(2).position(|pair| {
        (pair[0] == "#[cfg(test)]" || pair[0].starts_with("#[cfg(all(test, "))
            && pair[1].contains("mod ")
            && pair[1].ends_with('{')
    });
    at.unwrap_or(lines.len())
}
