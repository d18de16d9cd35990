//! skeeter-sys(7) names the topics that a broker publishes, and no others, and describes the keys of its log events. The
//! list of events there is checked with the table it is written from, in `tests/unit/server/log.rs`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Broker, Folder, skeeter};

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_page_names_the_topics_of_a_running_broker_and_no_others() {
    let page = read("man/skeeter-sys.7");
    let named: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix(r"\fB$SYS/broker/")?.strip_suffix(r"\fR"))
        .map(|topic| topic.replace(r"\-", "-"))
        .collect();
    let folder = Folder::new();
    let broker = Broker::start(&["--sys-interval", "1", "--data-dir", folder.file("data").to_str().unwrap()]);
    let mut command: Command = skeeter();
    // The last topic of a publication; those before it arrived with it, or were retained.
    let last = "topic == '$SYS/broker/load/connections/15min' && !retain";
    let output = command
        .args(["sub", "-p", &broker.port.to_string(), "-t", "$SYS/#", "-F", "%t", "--until", last])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let published: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|topic| topic.strip_prefix("$SYS/broker/").unwrap())
        .map(|topic| match topic.rsplit_once('/') {
            Some((load, "1min" | "5min" | "15min")) => format!("{load}/+"),
            _ => topic.to_owned(),
        })
        .collect();
    let missing: Vec<_> = published.difference(&named).collect();
    let unknown: Vec<_> = named.difference(&published).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "not in the page: {missing:?}; not published: {unknown:?}"
    );
}

#[test]
fn a_value_that_has_not_changed_is_not_published_again() {
    let broker = Broker::start(&["--sys-interval", "1"]);
    let output = skeeter()
        .args([
            "sub",
            "-p",
            &broker.port.to_string(),
            "-t",
            "$SYS/broker/version",
            "-t",
            "$SYS/broker/uptime",
        ])
        .args(["-F", "%t", "-C", "5"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let topics = String::from_utf8(output.stdout).unwrap();
    assert_eq!(topics.matches("uptime").count(), 4, "{topics}");
}

/// Text of the schema as roff: flags keep their hyphens, and what stands between backquotes is bold.
fn roff(text: &str) -> String {
    let text = text.replace('\\', r"\e").replace('\'', r"\(aq").replace("--", r"\-\-");
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 { out += &format!(r"\fB{part}\fR") } else { out += part }
    }
    if out.starts_with('.') { format!(r"\&{out}") } else { out }
}

/// The keys of all events, with their types and meanings.
fn keys(schema: &Value) -> String {
    const ALWAYS: [&str; 4] = ["time", "level", "event", "message"];
    let mut all = BTreeSet::new();
    for event in schema["oneOf"].as_array().unwrap() {
        let keys = event["properties"].as_object().unwrap();
        for (key, schema) in keys.iter().filter(|(key, _)| !ALWAYS.contains(&key.as_str())) {
            all.insert((key, schema["type"].as_str().unwrap(), schema["description"].as_str().unwrap()));
        }
    }
    let mut out = String::new();
    for (key, kind, description) in all {
        writeln!(out, ".TP\n\\fB{key}\\fR ({kind})\n{}", roff(description)).unwrap();
    }
    out
}

#[test]
fn the_page_describes_the_keys_of_the_schema() {
    let (path, page) = ("man/skeeter-sys.7", read("man/skeeter-sys.7"));
    let schema: Value = serde_json::from_str(&read("src/server/log/log.schema.json")).unwrap();
    let (before, rest) = page.split_once("log.schema.json.\n").unwrap();
    let (_, after) = rest.split_once(".\\\" End of the keys.").unwrap();
    let wanted = format!("{before}log.schema.json.\n{}.\\\" End of the keys.{after}", keys(&schema));
    if page != wanted {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(path), wanted).unwrap();
        panic!("{path} was stale and is rewritten, please commit it");
    }
}
