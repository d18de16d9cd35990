//! Every normative statement of MQTT 3.1.1 and 5.0 has a test, or a written reason why none can be.
//!
//! `tests/spec` lists the statements. A test claims one by a tag, `[v3 MQTT-3.1.0-1]` or `[v5 MQTT-3.1.0-1]`, on the
//! assertion that fails when the rule is broken, or in the comment above it. `tests/spec/reasons.tsv` holds the others:
//! standard, statement, kind, reason. `tests/spec/STATEMENTS.md` tells people; it is rewritten here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;

use crate::sources::{Source, files, root, rust};

const STANDARDS: [(&str, &str, &str); 2] =
    [("v3", "MQTT 3.1.1", "mqtt-v3.1.1-statements.tsv"), ("v5", "MQTT 5.0", "mqtt-v5.0-statements.tsv")];

/// The kinds of reasons, and what each means.
const KINDS: [(&str, &str); 2] = [
    (
        "never applies",
        "its condition is never met: it speaks of a feature that skeeter does not have, or of the lack of one it has",
    ),
    ("not observable", "whether it is kept makes no difference that the other side could see"),
];

/// Statement to the tests that claim it, by standard.
type Claims = BTreeMap<(String, String), BTreeSet<String>>;

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join("tests/spec").join(name)).unwrap()
}

/// The tags in a line.
fn tags(line: &str) -> impl Iterator<Item = (String, String)> {
    line.split('[').skip(1).filter_map(|rest| {
        let (standard, id) = rest.split_once(']')?.0.split_once(' ')?;
        (STANDARDS.iter().any(|(name, ..)| *name == standard) && id.starts_with("MQTT-"))
            .then(|| (standard.to_owned(), id.to_owned()))
    })
}

/// Tags in Rust: of tests only. The test is the function, or else the table, that the tag stands in.
fn claims_in_rust(source: &Source, claims: &mut Claims) {
    let mut within = String::new();
    for (at, line) in source.text.lines().enumerate() {
        let words = line.trim_start();
        let name = words.strip_prefix("pub(crate) ").unwrap_or(words);
        let name = name.strip_prefix("fn ").or_else(|| name.strip_prefix("const "));
        if let Some(name) = name {
            name.split(['(', ':', '<']).next().unwrap_or_default().clone_into(&mut within);
        }
        for tag in tags(line).filter(|_| at >= source.tests_from) {
            claims.entry(tag).or_default().insert(format!("{} `{within}`", source.path));
        }
    }
}

/// Tags in conversations: each must be followed, before the next empty line, by something that somebody is sent.
fn claims_in_conversations(path: &str, text: &str, claims: &mut Claims, wrong: &mut Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    let mut title = "";
    for (at, line) in lines.iter().enumerate() {
        title = line.strip_prefix("== ").unwrap_or(title);
        for tag in tags(line) {
            let mut after = lines[at..].iter().take_while(|line| !line.is_empty());
            if !after.any(|line| !line.starts_with('#') && line.contains('<')) {
                wrong.push(format!("{path}:{}: {} stands before nothing that is sent", at + 1, tag.1));
            }
            claims.entry(tag).or_default().insert(format!("{path} \"{title}\""));
        }
    }
}

struct Reason {
    kind: String,
    text: String,
}

fn reasons(wrong: &mut Vec<String>) -> BTreeMap<(String, String), Reason> {
    let mut reasons = BTreeMap::new();
    for line in read("reasons.tsv").lines().filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [standard, id, kind, text] = fields[..] else {
            wrong.push(format!("reasons.tsv: four fields are standard, statement, kind, reason: {line}"));
            continue;
        };
        if !KINDS.iter().any(|(name, _)| *name == kind) {
            wrong.push(format!("reasons.tsv: {id}: there is no kind \"{kind}\""));
        }
        let reason = Reason { kind: kind.to_owned(), text: text.to_owned() };
        if reasons.insert((standard.to_owned(), id.to_owned()), reason).is_some() {
            wrong.push(format!("reasons.tsv: {id} of {standard} stands twice"));
        }
    }
    reasons
}

#[test]
fn every_statement_has_a_test_or_a_reason() {
    let mut wrong = Vec::new();
    let mut claims = Claims::new();
    for source in rust().iter().filter(|source| !source.path.ends_with("tests/house/statements.rs")) {
        claims_in_rust(source, &mut claims);
    }
    for (path, text) in files("src", ".txt") {
        claims_in_conversations(&path, &text, &mut claims, &mut wrong);
    }
    for folder in ["tests", "firmware"] {
        for ending in [".py", ".js", ".txt"] {
            for (path, text) in files(folder, ending) {
                text.lines().flat_map(tags).for_each(|tag| {
                    claims.entry(tag).or_default().insert(path.clone());
                });
            }
        }
    }
    let reasons = reasons(&mut wrong);
    let mut document = opening();
    for (standard, title, file) in STANDARDS {
        let list = read(file);
        let statements: Vec<(&str, &str)> = list.lines().filter_map(|line| line.split_once('\t')).collect();
        section(standard, title, &statements, &claims, &reasons, &mut document, &mut wrong);
        let known = |id: &str| statements.iter().any(|(name, _)| *name == id);
        for (_, id) in claims.keys().chain(reasons.keys()).filter(|(name, id)| name == standard && !known(id))
        {
            wrong.push(format!("{id} is no statement of {title}"));
        }
    }
    let path = root().join("tests/spec/STATEMENTS.md");
    if std::fs::read_to_string(&path).ok().as_deref() != Some(&document) {
        std::fs::write(&path, document).unwrap();
        say("tests/spec/STATEMENTS.md was stale and is rewritten; commit it");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// To standard error itself, so that it is seen though the test passes.
fn say(line: &str) {
    // Not `eprintln`, which the test harness would keep to itself; a closed stderr harms nothing.
    // In one piece, as other tests write there too.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

fn opening() -> String {
    let mut text = String::from(
        "# Statements of the standards\n\nWhich test holds each normative statement, or why there is none. Written by \
         `cargo test --test house`; what a\nstatement says stands in the lists beside this file. Kinds of reasons:\n\n",
    );
    for (kind, meaning) in KINDS {
        writeln!(text, "- *{kind}*: {meaning}").unwrap();
    }
    text
}

/// One standard: what lacks a test and a reason, the count, and its table.
fn section(
    standard: &str,
    title: &str,
    statements: &[(&str, &str)],
    claims: &Claims,
    reasons: &BTreeMap<(String, String), Reason>,
    document: &mut String,
    wrong: &mut Vec<String>,
) {
    let (mut tested, mut reasoned) = (0, 0);
    let mut table = String::new();
    for (id, says) in statements {
        let key = (standard.to_owned(), (*id).to_owned());
        let cell = match (claims.get(&key), reasons.get(&key)) {
            (Some(tests), None) => {
                tested += 1;
                tests.iter().cloned().collect::<Vec<_>>().join("<br>")
            }
            (None, Some(Reason { kind, text })) => {
                reasoned += 1;
                format!("*{kind}*: {text}")
            }
            (Some(tests), Some(_)) => {
                wrong.push(format!("{title} {id} has a reason and tests, {tests:?}; take the reason away"));
                continue;
            }
            (None, None) => {
                wrong.push(format!("{title} {id} has neither a test nor a reason: {says}"));
                continue;
            }
        };
        writeln!(table, "| {id} | {} |", cell.replace('|', "\\|")).unwrap();
    }
    let all = statements.len();
    let count = format!("{tested} of {all} statements have a test, {reasoned} a reason");
    say(&format!("{title}: {count}"));
    write!(document, "\n## {title}\n\n{count}.\n\n| statement | tests |\n|---|---|\n{table}").unwrap();
}
