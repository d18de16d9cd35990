//! Sizes and manners: a file is one thought, a function fits a screen, nothing is left for later.

use crate::sources::{files, root, rust, without_comment};

/// Lines of a file, and of a function. Tests are exempt.
const FILE: usize = 500;
const FUNCTION: usize = 70;

#[test]
fn every_file_opens_with_what_it_is() {
    let wrong: Vec<_> = rust()
        .into_iter()
        .filter(|source| !source.text.starts_with("//!") && !source.text.starts_with("#![no_main]"))
        .map(|source| format!("{}: open it with `//!`: what it is, and what it leaves out", source.path))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_file_and_no_function_outgrows_one_thought() {
    let mut wrong = Vec::new();
    for source in rust() {
        let lines = source.tests_from.min(source.text.lines().count());
        if lines > FILE {
            wrong.push(format!("{}: {lines} lines; divide it, {FILE} are allowed", source.path));
        }
        let code: Vec<(usize, &str)> = source.code().collect();
        for (at, (number, line)) in code.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if !is_function(line.trim_start()) || line.trim_end().ends_with(';') {
                continue;
            }
            // rustfmt puts the end of a function under its beginning.
            let end = format!("{}}}", &line[..indent]);
            let len = code[at..].iter().position(|(_, line)| *line == end).unwrap_or(0) + 1;
            if len > FUNCTION {
                wrong.push(format!(
                    "{}:{number}: a function of {len} lines; divide it, {FUNCTION} are allowed",
                    source.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn is_function(line: &str) -> bool {
    let words = line.split(['(', '<']).next().unwrap_or_default();
    let mut words = words.split_whitespace().skip_while(|word| {
        matches!(*word, "pub" | "const" | "async" | "unsafe" | "extern") || word.starts_with("pub(")
    });
    // `pub(crate) fn`: the parenthesis ends the words early.
    words.next() == Some("fn") || (line.starts_with("pub(") && line.contains(") fn "))
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let marks = ["TO", "FIX", "XX"].map(|start| {
        format!(
            "{start}{}",
            if start == "TO" {
                "DO"
            } else if start == "FIX" {
                "ME"
            } else {
                "X"
            }
        )
    });
    let mut wrong = Vec::new();
    for source in rust() {
        for (at, line) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                wrong.push(format!("{}:{}: do it now, or file an issue", source.path, at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn an_unwrap_says_why_it_cannot_fail() {
    let mut wrong = Vec::new();
    for source in rust() {
        let mut before = "";
        for (number, line) in source.code() {
            let bare = without_comment(line);
            let fails =
                [".unwrap()", ".expect(", "unreachable!(", "panic!("].iter().any(|call| bare.contains(call));
            if fails && bare == line && !before.trim_start().starts_with("//") {
                wrong.push(format!("{}:{number}: say in a comment why this cannot happen", source.path));
            }
            before = line;
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// An error of the system carries its number; [`text::os_error`] leaves it out. So what is called `error` is not formatted as
/// it is, and our own texts are called otherwise.
#[test]
fn errors_of_the_system_are_shown_without_their_number() {
    let mut wrong = Vec::new();
    for source in rust() {
        for (number, line) in source.code().filter(|(_, line)| without_comment(line).contains("{error}")) {
            wrong.push(format!("{}:{number}: show it by text::os_error: {}", source.path, line.trim()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_lint_on_unsafe_is_lifted_for_four_functions_of_c() {
    // Put together here, so that this file does not find itself.
    let lint = ["un", "safe_code"].concat();
    let lifted: Vec<_> = rust().into_iter().filter(|source| source.text.contains(&lint)).collect();
    let paths: Vec<_> = lifted.iter().map(|source| source.path.as_str()).collect();
    assert_eq!(paths, ["src/net/listener/psk_hint.rs", "src/server/heap.rs", "src/system/names.rs"]);
    // One is safe to call: only its declaration must be right.
    let written = ["{", "extern", "fn", "impl"].map(|what| {
        let wanted = format!("{} {what}", &lint[..6]);
        lifted.iter().map(|source| source.text.matches(&wanted).count()).sum::<usize>()
    });
    assert_eq!(written, [3, 3, 0, 0]);
}

#[test]
fn every_dependency_has_its_reason() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (mut inside, mut before, mut wrong) = (false, "", Vec::new());
    // `clap_complete` and `clap_mangen` are of one kin, and may share a reason.
    let kin = |line: &str| line.split(['_', '-', ' ']).next().map(str::to_owned);
    for line in text.lines() {
        let told = before.starts_with('#') || kin(before) == kin(line);
        if line.starts_with('[') {
            inside = line.contains("dependencies");
        } else if inside && line.contains(" = ") && !line.starts_with(['#', ' ']) && !told {
            wrong.push(format!("Cargo.toml: say above `{line}` what it is for"));
        }
        before = line;
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What ARCHITECTURE.md names between backquotes as `file.rs` or `file.rs::name`, below `src`.
#[test]
fn the_architecture_names_files_and_functions_that_exist() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let sources = rust();
    let mut wrong = Vec::new();
    let mut count = 0;
    for name in
        text.split('`').skip(1).step_by(2).filter(|name| name.contains(".rs") && !name.starts_with("file.rs"))
    {
        count += 1;
        let (file, item) = name.split_once("::").unwrap_or((name, ""));
        let Some(source) = sources.iter().find(|source| source.path == format!("src/{file}")) else {
            wrong.push(format!("there is no src/{file}"));
            continue;
        };
        let is_there = ["fn", "struct", "enum", "trait", "macro_rules!"].iter().any(|kind| {
            let start = format!("{kind} {item}");
            source.text.match_indices(&start).any(|(at, _)| {
                let after = source.text[at + start.len()..].chars().next();
                after.is_none_or(|c| !c.is_alphanumeric() && c != '_')
            })
        });
        if !item.is_empty() && !is_there {
            wrong.push(format!("there is no {item} in src/{file}"));
        }
    }
    assert!(wrong.is_empty() && count > 0, "ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn the_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    for (path, text) in files("", ".md").into_iter().filter(|(path, _)| !path.starts_with("target/")) {
        let folder = root().join(&path);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !folder.parent().unwrap().join(file).exists() {
                wrong.push(format!("{path}: there is no {file}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
